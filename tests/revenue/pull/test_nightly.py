"""When the nightly sweep is due: over any sequence of rounds, once a night for each account, also where clocks change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from revenue.models import PullState
from revenue.pull.nightly import SPREAD, is_sweep_due, last_moment

ZONES = ("UTC", "Europe/Copenhagen", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe")
NIGHT = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)


def due(swept_at: datetime | None, now: datetime, account_id: int = 1) -> bool:
    return is_sweep_due(PullState(account_id=account_id, swept_at=swept_at), now)


def swept(rounds: Iterable[datetime], account_id: int, swept_at: datetime) -> list[datetime]:
    """The rounds that swept, where each that is due does."""
    found = []
    for now in rounds:
        if due(swept_at, now, account_id):
            found.append(now)
            swept_at = now
    return found


accounts = st.integers(1, 10_000)
clock_times = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
starts = st.integers(1_577_836_800, 2_208_988_800).map(lambda second: datetime.fromtimestamp(second, UTC))


@pytest.fixture(autouse=True)
def _at_two(settings: Settings) -> None:
    settings.FULL_SWEEP_AT, settings.DEFAULT_USER_TIME_ZONE = time(2), "UTC"


def clocks(at: time, zone: str) -> override_settings:
    return override_settings(FULL_SWEEP_AT=at, DEFAULT_USER_TIME_ZONE=zone)


@given(
    account=accounts,
    at=clock_times,
    zone=st.sampled_from(ZONES),
    start=starts,
    pauses=st.lists(st.integers(5, 2 * 86400), max_size=40),
)
@example(1, time(2, 30), "Europe/Copenhagen", datetime(2026, 3, 28, 12, tzinfo=UTC), [1800] * 40)
@example(1, time(2, 30), "Europe/Copenhagen", datetime(2026, 10, 24, 12, tzinfo=UTC), [1800] * 40)
@example(1, time(2, 0), "Pacific/Apia", datetime(2011, 12, 29, 0, tzinfo=UTC), [1800] * 40)
def test_account_is_swept_once_a_night_whenever_the_rounds_come(
    account: int, at: time, zone: str, start: datetime, pauses: list[int]
) -> None:
    """As soon as a round comes after its moment, and by no other round until the next moment."""
    rounds = [start]
    for pause in pauses:
        rounds.append(rounds[-1] + timedelta(seconds=pause))
    with clocks(at, zone):
        first_after = {last_moment(account, now): now for now in reversed(rounds)}
        nights = [now for moment, now in first_after.items() if moment > start]
        assert swept(rounds, account, start) == sorted(nights)


@given(account=accounts, at=clock_times, zone=st.sampled_from(ZONES[:4]), start=starts)
def test_nights_are_a_day_apart_also_where_clocks_change(account: int, at: time, zone: str, start: datetime) -> None:
    with clocks(at, zone):
        moments = sorted({last_moment(account, start + timedelta(hours=hours)) for hours in range(24 * 8)})
    assert {second - first for first, second in pairwise(moments)} <= {timedelta(hours=hours) for hours in (23, 24, 25)}


@pytest.mark.parametrize("now", [NIGHT, NIGHT + timedelta(hours=12)])
def test_account_that_was_never_swept_or_whose_sweep_failed_is_due_at_once(now: datetime) -> None:
    assert due(None, now)


def test_machine_that_slept_through_the_night_sweeps_in_the_morning() -> None:
    evening, morning = NIGHT - timedelta(hours=5), NIGHT + timedelta(hours=7)
    assert (due(evening, morning), due(morning, morning + timedelta(hours=8))) == (True, False)


def test_sweep_by_hand_in_the_evening_does_not_stand_for_the_nightly_one() -> None:
    assert due(NIGHT - timedelta(hours=5), NIGHT + SPREAD)


def test_accounts_have_their_own_moments_about_evenly_apart() -> None:
    now = NIGHT + timedelta(hours=12)
    moments = sorted(last_moment(account, now) for account in range(1, 101))
    assert moments[0] >= NIGHT
    assert moments[-1] < NIGHT + SPREAD
    gaps = [second - first for first, second in pairwise([NIGHT, *moments, NIGHT + SPREAD])]
    assert max(gaps) < 3 * SPREAD / 100
    assert sorted(last_moment(account, now) for account in range(1, 101)) == moments


def test_moment_follows_the_clocks_of_the_time_zone(settings: Settings) -> None:
    settings.DEFAULT_USER_TIME_ZONE = "Europe/Copenhagen"
    winter, summer = (
        last_moment(1, datetime.combine(day, time(12), UTC)) for day in (date(2026, 3, 28), date(2026, 3, 30))
    )
    assert (winter.time() > time(1), summer - winter) == (True, timedelta(days=2, hours=-1))
