"""When an account's nightly full sweep is due. Pure but for the settings: the state and the clock come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from revenue.models import PullState

# The accounts' sweeps begin within this time after FULL_SWEEP_AT, so that they do not all ask and write at once.
SPREAD = timedelta(hours=3)
# Multiples of the golden ratio: however many accounts there are, their moments lie about evenly apart.
_GOLDEN = 0x9E3779B1
_RANGE = 2**32


def is_sweep_due(state: PullState, now: datetime) -> bool:
    """Whether everything is to be read: never done, failed, or not done since the account's last moment in the night.

    A machine that slept through the night finds it due in the morning.
    """
    return state.swept_at is None or state.swept_at < last_moment(state.account_id, now)


def last_moment(account_id: int, now: datetime) -> datetime:
    """The latest instant, not after `now`, at which a sweep of the account became due; there is one for every local date."""
    offset = SPREAD * (account_id * _GOLDEN % _RANGE) / _RANGE
    zone = ZoneInfo(settings.DEFAULT_USER_TIME_ZONE)
    today = now.astimezone(zone).date()
    # A night that skips this time begins as many minutes later; one that has it twice, at the first.
    nights = (
        datetime.combine(today - timedelta(days=back), settings.FULL_SWEEP_AT, zone).astimezone(UTC) + offset
        for back in range(3)
    )
    return max(moment for moment in nights if moment <= now)
