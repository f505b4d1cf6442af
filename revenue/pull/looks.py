"""Which parts of the past a pull looks at more closely although the whole agrees. Pure arithmetic on our own row counts.

A row whose payment date moved from one month to another leaves the whole as it was; counting from a cut between the two
months shows it. Recent months are cut at every pull, the older past in rotation, each time elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Protocol

from revenue.periods import add_months
from revenue.pull.windows import Kind, Window

# Requests that a pull without news spends on looking closer: eight in all, less those about the partner, the clients, all
# rows and the settled ones.
REQUESTS = 4
RECENT_MONTHS = 3
INSIDE_EVERY = 4
PAGE = 100


class Counted(Protocol):
    def days(self, window: Window, kind: Kind) -> list[tuple[date, int]]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Windows to read whole, which shows everything in them, and cuts from which on to compare the figures."""

    read: Window | None
    cuts: tuple[datetime, ...]


def where_to_look(ours: Counted, *, now: datetime, looks: int) -> Plan:
    """The plan of the `looks`-th pull. So few recent rows that they can be read are read; else their months are compared."""
    months = [_month(now, back) for back in range(RECENT_MONTHS)]
    recent = Window(months[-1], None)
    rows = sum(count for _, count in ours.days(recent, Kind.EVERY))
    pages = -(-rows // PAGE)
    older = ours.days(Window(None, recent.start), Kind.EVERY)
    # One page more may have to be asked for, should rows come in meanwhile; and the past must have its turn.
    if 0 < pages < REQUESTS - 1:
        return Plan(recent, _spread(older, looks, REQUESTS - pages - 1))
    left = REQUESTS - RECENT_MONTHS
    # Recent months are compared anyway: inside them only now and then.
    turn, is_inside = divmod(looks, INSIDE_EVERY)
    if rows and (is_inside == 0 or not older):
        elsewhere = _spread(ours.days(recent, Kind.EVERY), turn if older else looks, left)
    else:
        elsewhere = _spread(older, looks - turn - 1, left)
    return Plan(None, tuple(sorted({*months, *elsewhere})))


def _month(now: datetime, back: int) -> datetime:
    return datetime.combine(add_months(now.date().replace(day=1), -back), time(), UTC)


def _spread(days: Sequence[tuple[date, int]], looks: int, number: int) -> tuple[datetime, ...]:
    """`number` midnights among `days`, at shares of the rows that no pull before had and that soon lie close everywhere."""
    total = sum(rows for _, rows in days)
    shares = [_share(looks * number + place) for place in range(number)]
    return tuple({_day_at(days, share * total) for share in shares}) if total and number > 0 else ()


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
