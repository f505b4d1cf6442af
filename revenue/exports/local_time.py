"""The reader's local time in a cell, whatever time zones the database server knows.

PostgreSQL has a copy of the IANA rules of its own, which may be older or newer than Python's; the screen follows Python's,
and so must the file. So PostgreSQL is told the offsets to UTC, as Python knows them for the days of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from revenue.exports.cells import Cell, Expression, made_by

# No zone has ever changed its offset twice within three days.
_STEP = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Offset(NamedTuple):
    """From `start` (UTC) on, local clocks are `seconds` ahead of UTC."""

    start: datetime
    seconds: int


def local_moment(zone: ZoneInfo, offsets: Callable[[], Sequence[Offset]]) -> Cell:
    """A cell with the local time to the second; `offsets`: those of `offsets_between` for all rows of the file."""

    def clock(moment: datetime) -> datetime:
        return moment.astimezone(zone).replace(tzinfo=None)

    def write(moment: datetime) -> str:
        return clock(moment).isoformat(" ", "seconds")

    def expression(path: str) -> Expression:
        ahead = f"{{}} + {_seconds_ahead(offsets())} * INTERVAL '1 second'"
        return made_by(f"to_char(({ahead}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')")(path)

    return Cell(write, expression, clock)


def offsets_between(zone: ZoneInfo, first: datetime, last: datetime) -> list[Offset]:
    """The offset of `zone` in the year of `first`, and every change of it up to the end of the year of `last` (UTC)."""
    begin = datetime(first.year, 1, 1, tzinfo=UTC)
    changes = (change for year in range(first.year, last.year + 1) for change in _changes(zone, year))
    return [Offset(begin, _seconds(zone, begin)), *changes]


@lru_cache(maxsize=2000)
def _changes(zone: ZoneInfo, year: int) -> tuple[Offset, ...]:
    """The changes of the offset after the beginning of a UTC year, up to the beginning of the next one."""
    return tuple(_changes_in(zone, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)))


def _changes_in(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Offset]:
    before, known = begin, _seconds(zone, begin)
    while before < end:
        after = min(before + _STEP, end)
        if (seconds := _seconds(zone, after)) != known:
            yield Offset(_first_with(zone, seconds, before, after), seconds)
            known = seconds
        before = after


def _first_with(zone: ZoneInfo, seconds: int, before: datetime, after: datetime) -> datetime:
    """The first instant, to the second, of an offset that holds at `after` and did not yet at `before`."""
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if _seconds(zone, middle) == seconds:
            after = middle
        else:
            before = middle
    return after


def _seconds(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _seconds_ahead(offsets: Sequence[Offset]) -> str:
    """The offset of the column {}: by halving, so that no row is compared with every change."""
    if len(offsets) == 1:
        return f"({offsets[0].seconds})"
    half = len(offsets) // 2
    earlier, later = _seconds_ahead(offsets[:half]), _seconds_ahead(offsets[half:])
    return (
        f"(CASE WHEN {{}} < TIMESTAMPTZ '{offsets[half].start:%Y-%m-%d %H:%M:%S}+00' THEN {earlier} ELSE {later} END)"
    )
