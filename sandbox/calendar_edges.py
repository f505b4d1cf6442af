"""Moments at which a wrong time zone, a wrong bound or a lost fraction puts a payment on the wrong day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.records import TICKS_PER_SECOND, ticks

_ZONES = ("Europe/Copenhagen", "America/New_York")
_HOUR = timedelta(hours=1)


def edges(start: datetime, end: datetime) -> list[int]:
    """Ticks within [start, end): month ends to the last tick, both sides of clock changes, New Year."""
    moments: list[int] = []
    for midnight in _month_starts(start, end):
        moments += [ticks(midnight) - 1, ticks(midnight)]
        if midnight.month == 1:
            moments += [ticks(midnight) + hours * 3600 * TICKS_PER_SECOND + 1 for hours in (-5, -1, 1, 5)]
    for zone in _ZONES:
        for change in _clock_changes(zone, start, end):
            half_hour = 1800 * TICKS_PER_SECOND
            moments += [ticks(change) + shift for shift in (-half_hour, -1, 0, half_hour)]
    first, last = ticks(start), ticks(end)
    return sorted(moment for moment in set(moments) if first <= moment < last)


def _month_starts(start: datetime, end: datetime) -> list[datetime]:
    months = range(start.year * 12 + start.month - 1, end.year * 12 + end.month + 1)
    return [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in months]


def _clock_changes(name: str, start: datetime, end: datetime) -> list[datetime]:
    zone = ZoneInfo(name)
    hours = int((end - start) / _HOUR)
    first = start.replace(minute=0, second=0, microsecond=0)
    changes: list[datetime] = []
    # A clock change never happens twice in ten days: look day by day, then hour by hour.
    for day in range(hours // 24 + 1):
        morning = first + 24 * day * _HOUR
        if morning.astimezone(zone).utcoffset() == (morning + 24 * _HOUR).astimezone(zone).utcoffset():
            continue
        before = morning.astimezone(zone).utcoffset()
        moved = (morning + hour * _HOUR for hour in range(1, 25))
        changes.append(next(when for when in moved if when.astimezone(zone).utcoffset() != before))
    return changes
