"""Which parts of the past a pull looks at more closely although the whole agrees. Pure arithmetic on our own row counts.

A row whose payment date moved from one month to another leaves the whole as it was; counting from a cut between the two
shows it. So does a page of the list: the rows before it are as many as ours, or something moved past it. Recent months are
cut at every pull, the older past in rotation, each time elsewhere: by the page that comes along with the past's own figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Protocol

from revenue.periods import add_months
from revenue.pull.windows import PAGE, Kind, Window

# Requests that a pull without news spends here: eight in all, less those about the partner, the clients, all rows, the
# settled ones, and a page of cases.
REQUESTS = 3
RECENT_MONTHS = 3
A_THIRD = 1 / 3


class Counted(Protocol):
    def days(self, window: Window, kind: Kind) -> list[tuple[date, int]]: ...


@dataclass(frozen=True, slots=True)
class Cut:
    """An instant from which on to compare the figures, and the page of the list from there that is to come along.

    is_end: ask for what lies before the instant, with a page of that; the figures from it on are what is left of the whole.
    """

    at: datetime
    page: int = 1
    is_end: bool = False

    @property
    def window(self) -> Window:
        """What to ask for."""
        return Window(None, self.at) if self.is_end else Window(self.at, None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A window to read whole, which shows everything in it; cuts; and the page to come along with the settled rows."""

    read: Window | None
    cuts: tuple[Cut, ...]
    settled_page: int


def where_to_look(ours: Counted, *, now: datetime, looks: int) -> Plan:
    """The plan of the `looks`-th pull. So few recent rows that they fit a page are read; else their months are compared."""
    months = [_month(now, back) for back in range(RECENT_MONTHS)]
    recent, past = Window(min(months), None), Window(None, min(months))
    # Another page may have to be asked for, should rows come in meanwhile; and the past must have its turn.
    is_short = 0 < _rows(ours, recent) <= PAGE
    older = ours.days(past, Kind.EVERY)
    return Plan(
        read=recent if is_short else None,
        cuts=_with_pages(ours, _spread(older, looks), looks) if is_short else _at_months(ours, months, past, looks),
        # Elsewhere than the cuts of this pull and of those around it.
        settled_page=_page(_rows(ours, past, Kind.SETTLED), (_share(looks) + A_THIRD) % 1),
    )


def _at_months(ours: Counted, months: Sequence[datetime], past: Window, looks: int) -> tuple[Cut, ...]:
    """The beginning of each month; that of the first one by the figures of the past, with a page from somewhere in it."""
    first, *later = sorted(months)
    return Cut(first, _page(_rows(ours, past), _share(looks)), is_end=True), *_with_pages(ours, later, looks)


def _month(now: datetime, back: int) -> datetime:
    return datetime.combine(add_months(now.date().replace(day=1), -back), time(), UTC)


def _rows(ours: Counted, window: Window, kind: Kind = Kind.EVERY) -> int:
    return sum(rows for _, rows in ours.days(window, kind))


def _with_pages(ours: Counted, cuts: Iterable[datetime], looks: int) -> tuple[Cut, ...]:
    """Each cut with a page from somewhere between it and the next one."""
    edges = [*sorted(cuts), None]
    return tuple(
        Cut(start, _page(_rows(ours, Window(start, end)), _share(looks)))
        for start, end in pairwise(edges)
        if start is not None
    )


def _page(rows: int, share: float) -> int:
    """The page that begins at about this share of so many rows."""
    return 1 + int(share * rows) // PAGE


def _spread(days: Sequence[tuple[date, int]], looks: int) -> set[datetime]:
    """A midnight among `days`, at a share of the rows that no pull before had; soon they lie close everywhere."""
    total = sum(rows for _, rows in days)
    return {_day_at(days, _share(looks) * total)} if total else set()


def _share(place: int) -> float:
    """The van der Corput sequence: 1/2, 1/4, 3/4, 1/8, 5/8, …"""
    share, step, rest = 0.0, 0.5, place + 1
    while rest:
        share += step * (rest & 1)
        rest >>= 1
        step /= 2
    return share


def _day_at(days: Sequence[tuple[date, int]], rows: float) -> datetime:
    """The midnight before which about so many of the rows lie."""
    before = 0
    for day, count in days:
        if before + count > rows:
            return datetime.combine(day, time(), UTC)
        before += count
    return datetime.combine(days[-1][0], time(), UTC)
