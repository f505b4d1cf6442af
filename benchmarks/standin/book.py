"""Rows in the order of their payments, in blocks that know their sums: any window's summary or page at once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from benchmarks.standin.rows import KINDS, OUTSIDE, STAGE_OF, Row

ROWS_A_BLOCK = 512
EVERY_KIND = frozenset(range(len(KINDS)))
_order = attrgetter("moment", "key")
_moment = attrgetter("moment")
Sums = list[int]


class Window(NamedTuple):
    """Payments from `first` to `last` (ticks, both inclusive; None: no bound) whose statuses are of `kinds`."""

    first: int | None = None
    last: int | None = None
    kinds: frozenset[int] = EVERY_KIND


class Totals(NamedTuple):
    """By stage, OUTSIDE last: rows and fees; and Debitura's revenue over all of them. In units."""

    counts: list[int]
    fees: list[int]
    revenue: int


@dataclass(slots=True)
class _Block:
    """Rows in order, with counts, fees and revenues by kind, one list behind the other."""

    rows: list[Row]
    sums: Sums

    @classmethod
    def of(cls, rows: list[Row]) -> _Block:
        return cls(rows, _sums(rows))


class Book:
    """All rows. A change is one `remove` and one `add`; the sums before each block are put right at the next question."""

    def __init__(self, rows: Iterable[Row]) -> None:
        ordered = sorted(rows, key=_order)
        starts = range(0, len(ordered), ROWS_A_BLOCK)
        self._blocks = [_Block.of(ordered[start : start + ROWS_A_BLOCK]) for start in starts] or [_Block.of([])]
        self._before: list[Sums] | None = None
        self._firsts: list[int] = []

    def __iter__(self) -> Iterator[Row]:
        for block in self._blocks:
            yield from block.rows

    def __len__(self) -> int:
        return sum(len(block.rows) for block in self._blocks)

    def add(self, row: Row) -> None:
        block = self._block_of(row)
        insort(block.rows, row, key=_order)
        self._changed(block, row, 1)

    def remove(self, row: Row) -> None:
        block = self._block_of(row)
        place = bisect_left(block.rows, _order(row), key=_order)
        if place == len(block.rows) or block.rows[place] is not row:
            raise KeyError(row.key)
        del block.rows[place]
        self._changed(block, row, -1)

    def totals(self, window: Window) -> Totals:
        """Exact, whatever the window: whole blocks by their sums, the two at its ends row by row."""
        sums = [high - low for low, high in zip(*self._ends(window), strict=True)]
        counts, fees, revenue = [0] * (OUTSIDE + 1), [0] * (OUTSIDE + 1), 0
        for kind in window.kinds:
            stage = OUTSIDE if (found := STAGE_OF[kind]) is None else found
            counts[stage] += sums[kind]
            fees[stage] += sums[len(KINDS) + kind]
            revenue += sums[2 * len(KINDS) + kind]
        return Totals(counts, fees, revenue)

    def page(self, window: Window, start: int, size: int, *, descending: bool) -> tuple[list[Row], int]:
        """`size` rows from place `start` (0 is the first in the order asked for), and how many there are in all."""
        kinds = sorted(window.kinds)
        low, high = (sum(sums[kind] for kind in kinds) for sums in self._ends(window))
        first, end = low + start, min(low + start + size, high)
        if descending:
            first, end = max(high - start - size, low), high - start
        rows = self._slice(kinds, first, end) if first < end else []
        return (rows[::-1] if descending else rows), high - low

    def _slice(self, kinds: Sequence[int], first: int, end: int) -> list[Row]:
        """The rows from place `first` up to `end` among all those of `kinds`."""
        before = self._sums_before()
        number = bisect_right(before, first, key=lambda sums: sum(sums[kind] for kind in kinds)) - 1
        skip = first - sum(before[number][kind] for kind in kinds)
        wanted, found = frozenset(kinds), list[Row]()
        while len(found) < skip + end - first:
            rows = self._blocks[number].rows
            found += rows if len(wanted) == len(KINDS) else [row for row in rows if row.kind in wanted]
            number += 1
        return found[skip : skip + end - first]

    def _ends(self, window: Window) -> tuple[Sums, Sums]:
        """The sums over everything before the window, and over everything up to its end."""
        before = self._sums_before()
        low = before[0] if window.first is None else self._up_to(window.first, inclusive=False)
        if window.first is not None and window.last is not None and window.last < window.first:
            return low, low
        return low, before[-1] if window.last is None else self._up_to(window.last, inclusive=True)

    def _up_to(self, moment: int, *, inclusive: bool) -> Sums:
        before = self._sums_before()
        bisect = bisect_right if inclusive else bisect_left
        number = max(0, bisect(self._firsts, moment) - 1)
        rows = self._blocks[number].rows
        part = _sums(rows[: bisect(rows, moment, key=_moment)])
        return [whole + more for whole, more in zip(before[number], part, strict=True)]

    def _sums_before(self) -> list[Sums]:
        if self._before is None:
            none = [0] * (3 * len(KINDS))
            self._before = list(accumulate((block.sums for block in self._blocks), _added, initial=none))
            self._firsts = [block.rows[0].moment for block in self._blocks if block.rows]
        return self._before

    def _block_of(self, row: Row) -> _Block:
        """The block that holds the row, or would."""
        if not self._blocks[0].rows:
            return self._blocks[0]
        number = bisect_right(self._blocks, _order(row), key=lambda block: _order(block.rows[0])) - 1
        return self._blocks[max(0, number)]

    def _changed(self, block: _Block, row: Row, sign: int) -> None:
        _count(block.sums, row, sign)
        self._before = None
        if not block.rows and len(self._blocks) > 1:
            self._blocks.remove(block)


def _added(one: Sums, other: Sums) -> Sums:
    return [left + right for left, right in zip(one, other, strict=True)]


def _sums(rows: Sequence[Row]) -> Sums:
    sums = [0] * (3 * len(KINDS))
    for row in rows:
        _count(sums, row, 1)
    return sums


def _count(sums: Sums, row: Row, sign: int) -> None:
    sums[row.kind] += sign
    sums[len(KINDS) + row.kind] += sign * row.fee
    sums[2 * len(KINDS) + row.kind] += sign * row.revenue
