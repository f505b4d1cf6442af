from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revenue.periods import PRESETS, Period, add_months, local_today, month_starts, resolve, start_of_day

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Copenhagen", "Asia/Kathmandu", "America/New_York", "America/Havana",
                                 "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo")]
)  # fmt: skip


def bounds(zone, first, last):
    """The instants between which the days lie."""
    period = Period(zone, first, last)
    assert period.start is not None
    assert period.end is not None
    return period.start, period.end


DAYS = st.dates(date(2012, 1, 1), date(2036, 12, 31))
TODAY = date(2026, 5, 14)


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("Europe/Copenhagen", date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        ("Europe/Copenhagen", date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
        ("Asia/Kathmandu", date(2026, 3, 1), datetime(2026, 2, 28, 18, 15, tzinfo=UTC), 24),
        ("UTC", date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC), 24),
        # Midnight does not exist: the day begins at 01:00.
        ("Africa/Cairo", date(2026, 4, 24), datetime(2026, 4, 23, 22, tzinfo=UTC), 23),
        # Midnight comes twice: the day begins at the first.
        ("America/Havana", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC), 25),
        # The day that Samoa left out.
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC), 0),
    ],
)
def test_period_of_one_day(zone, day, start, hours):
    period = Period(ZoneInfo(zone), day, day)
    assert (period.start, period.end) == (start, start + timedelta(hours=hours))


@given(ZONES, DAYS)
def test_consecutive_days_leave_no_gap_and_never_overlap(zone, day):
    following = day + timedelta(days=1)
    (start, end), (next_start, _) = bounds(zone, day, day), bounds(zone, following, following)
    assert start < end == next_start


@given(ZONES, st.integers(1_325_376_000, 2_114_380_800))
def test_every_instant_lies_in_the_day_that_the_clocks_show(zone, seconds):
    instant = datetime.fromtimestamp(seconds, UTC)
    day = local_today(zone, instant)
    start, end = bounds(zone, day, day)
    assert start <= instant < end


@given(ZONES, DAYS, DAYS)
def test_a_period_is_the_sum_of_its_months(zone, one, other):
    first, last = sorted((one, other))
    starts = month_starts(first, last)
    assert starts == sorted(set(starts))
    assert (starts[0], starts[-1]) == (first.replace(day=1), last.replace(day=1))
    assert all(add_months(start, 1) == following for start, following in pairwise(starts))


def test_open_period_has_no_bounds():
    assert (Period(COPENHAGEN).start, Period(COPENHAGEN).end, Period(COPENHAGEN).previous()) == (None, None, None)


@pytest.mark.parametrize(
    ("first", "last", "label"),
    [
        (date(2026, 3, 1), date(2026, 3, 31), "1–31 Mar 2026, Europe/Copenhagen"),
        (date(2026, 3, 5), date(2026, 3, 5), "5 Mar 2026, Europe/Copenhagen"),
        (date(2026, 1, 1), date(2026, 3, 31), "1 Jan – 31 Mar 2026, Europe/Copenhagen"),
        (date(2025, 12, 30), date(2026, 1, 2), "30 Dec 2025 – 2 Jan 2026, Europe/Copenhagen"),
        (date(2026, 3, 1), None, "Since 1 Mar 2026, Europe/Copenhagen"),
        (None, date(2026, 3, 1), "Until 1 Mar 2026, Europe/Copenhagen"),
        (None, None, "All time, Europe/Copenhagen"),
    ],
)
def test_label(first, last, label):
    assert Period(COPENHAGEN, first, last).label == label


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        # The same days of the month before.
        (date(2026, 3, 1), date(2026, 3, 14), (date(2026, 2, 1), date(2026, 2, 14))),
        (date(2026, 3, 10), date(2026, 3, 14), (date(2026, 2, 10), date(2026, 2, 14))),
        (date(2026, 1, 1), date(2026, 1, 14), (date(2025, 12, 1), date(2025, 12, 14))),
        # Whole months with whole months, however long they are.
        (date(2026, 3, 1), date(2026, 3, 31), (date(2026, 2, 1), date(2026, 2, 28))),
        (date(2026, 2, 1), date(2026, 2, 28), (date(2026, 1, 1), date(2026, 1, 31))),
        (date(2026, 1, 1), date(2026, 3, 31), (date(2025, 10, 1), date(2025, 12, 31))),
        (date(2025, 1, 1), date(2025, 12, 31), (date(2024, 1, 1), date(2024, 12, 31))),
        # The beginning of a quarter or a year with the beginning of the one before.
        (date(2026, 4, 1), date(2026, 5, 14), (date(2026, 1, 1), date(2026, 2, 14))),
        (date(2026, 1, 1), date(2026, 5, 14), (date(2025, 1, 1), date(2025, 5, 14))),
        # Months that are not a quarter, with as many months.
        (date(2026, 2, 1), date(2026, 3, 31), (date(2025, 12, 1), date(2026, 1, 31))),
        (date(2025, 6, 1), date(2026, 5, 14), (date(2024, 6, 1), date(2025, 5, 14))),
        # Anything else with as many days right before it.
        (date(2026, 3, 5), date(2026, 3, 5), (date(2026, 3, 4), date(2026, 3, 4))),
        (date(2026, 2, 27), date(2026, 3, 5), (date(2026, 2, 20), date(2026, 2, 26))),
    ],
)
def test_previous(first, last, before):
    assert Period(COPENHAGEN, first, last).previous() == Period(COPENHAGEN, *before)


@pytest.mark.parametrize(
    ("key", "today", "before"),
    [
        # The same days of the year before, on any day of the year.
        ("year_to_date", date(2026, 1, 1), (date(2025, 1, 1), date(2025, 1, 1))),
        ("year_to_date", date(2026, 1, 14), (date(2025, 1, 1), date(2025, 1, 14))),
        ("year_to_date", date(2026, 3, 14), (date(2025, 1, 1), date(2025, 3, 14))),
        ("year_to_date", date(2026, 3, 31), (date(2025, 1, 1), date(2025, 3, 31))),
        ("year_to_date", date(2026, 12, 31), (date(2025, 1, 1), date(2025, 12, 31))),
        # The same days of the quarter before, on any day of the quarter.
        ("this_quarter", date(2026, 4, 1), (date(2026, 1, 1), date(2026, 1, 1))),
        ("this_quarter", date(2026, 4, 14), (date(2026, 1, 1), date(2026, 1, 14))),
        ("this_quarter", date(2026, 5, 14), (date(2026, 1, 1), date(2026, 2, 14))),
        ("this_quarter", date(2026, 1, 14), (date(2025, 10, 1), date(2025, 10, 14))),
        # Here the days decide.
        ("this_month", date(2026, 3, 14), (date(2026, 2, 1), date(2026, 2, 14))),
        ("last_quarter", date(2026, 5, 14), (date(2025, 10, 1), date(2025, 12, 31))),
    ],
)
def test_previous_of_a_preset(key, today, before):
    assert resolve(key, today=today, zone=COPENHAGEN).previous() == Period(COPENHAGEN, *before)


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("today", TODAY, TODAY),
        ("yesterday", date(2026, 5, 13), date(2026, 5, 13)),
        ("last_7_days", date(2026, 5, 8), TODAY),
        ("last_30_days", date(2026, 4, 15), TODAY),
        ("this_month", date(2026, 5, 1), TODAY),
        ("last_month", date(2026, 4, 1), date(2026, 4, 30)),
        ("this_quarter", date(2026, 4, 1), TODAY),
        ("last_quarter", date(2026, 1, 1), date(2026, 3, 31)),
        ("year_to_date", date(2026, 1, 1), TODAY),
        ("last_12_months", date(2025, 6, 1), TODAY),
        ("all", None, None),
    ],
)
def test_preset(key, first, last):
    assert resolve(key, today=TODAY, zone=COPENHAGEN) == Period(COPENHAGEN, first, last)


def test_presets_can_all_be_resolved():
    resolved = [resolve(preset.key, today=date(2026, 3, 31), zone=COPENHAGEN) for preset in PRESETS]
    assert len(resolved) == 11


def test_resolve_refuses_an_unknown_key():
    with pytest.raises(KeyError):
        resolve("next_year", today=TODAY, zone=COPENHAGEN)


@pytest.mark.parametrize(
    ("day", "months", "result"),
    [
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
    ],
)
def test_add_months(day, months, result):
    assert add_months(day, months) == result


def test_local_today_is_a_day_ahead_in_kathmandu():
    assert local_today(ZoneInfo("Asia/Kathmandu"), datetime(2026, 3, 31, 18, 15, tzinfo=UTC)) == date(2026, 4, 1)


def test_start_of_day_is_utc():
    assert start_of_day(date(2026, 7, 1), COPENHAGEN).tzinfo is UTC
