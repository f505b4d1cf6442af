"""How fees spread over time: by month of payment, in the reader's own months; and what they come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Case, IntegerField, Max, Min, QuerySet, Value, When

from partners.fields import add_exactly
from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.periods import Period, add_months, local_today, month_starts, start_of_day
from revenue.selectors import kept
from revenue.selectors.kept import ZERO, Groups, Stretch
from revenue.selectors.totals import Totals, add_up, sums_by, totals_of
from revenue.stages import STAGES, Stage

EVERY_STAGE = (*STAGES, Stage.OUTSIDE)
# More empty months than this in a row are left out: one payment dated 1900 must not draw a century of nothing.
LONGEST_GAP = 24


class Fee(NamedTuple):
    """A sum of fees in USD, exact, and the part of it that is estimated."""

    fee: Decimal = ZERO
    estimate: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class MonthRow:
    """The fees of the payments of one local month.

    first: the first day of the month. fees: by stage, and of those outside every stage. total, count: over the seven
    stages; what is outside is in no total.
    """

    first: date
    fees: Mapping[Stage, Fee]
    total: Fee
    count: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Everything that matches a filter: its totals, and its local months from the first with a payment to the last.

    Empty months in between are there, too. A month begins and ends where revenue.periods says that its days do.
    """

    totals: Totals
    months: tuple[MonthRow, ...]


def trend(f: RevenueFilter) -> Trend:
    """The totals and the months of a filter. Two queries."""
    whole, by_month = _from_rows(f) if f.q else _from_kept_totals(f)
    starts = month_starts(min(by_month), max(by_month)) if by_month else []
    rows = tuple(_month_row(first, by_month.get(first, {})) for first in _without_long_gaps(starts, by_month))
    return Trend(totals_of(whole), rows)


def _from_kept_totals(f: RevenueFilter) -> tuple[Groups, dict[date, Groups]]:
    months, stretches = _stretches(f.period, kept.months_with_rows(f))
    whole, *found = kept.sums(f, [(f.period.start, f.period.end), *stretches])
    return whole, {first: groups for first, groups in zip(months, found, strict=True) if groups}


# The months of a zone are asked for again and again.
@lru_cache(maxsize=64)
def _stretches(period: Period, utc_months: tuple[datetime, ...]) -> tuple[tuple[date, ...], tuple[Stretch, ...]]:
    """The local months that a payment of one of these UTC months may lie in, each with the part of it in `period`."""
    near = {add_months(month.date(), step) for month in utc_months for step in (-1, 0, 1)}
    first, last = period.start, period.end
    found: dict[date, Stretch] = {}
    for month in sorted(near):
        start, end = (start_of_day(day, period.zone) for day in (month, add_months(month, 1)))
        start, end = max(start, first or start), min(end, last or end)
        if start < end:
            found[month] = start, end
    return tuple(found), tuple(found.values())


def _from_rows(f: RevenueFilter) -> tuple[Groups, dict[date, Groups]]:
    rows, zone = f.rows(), f.period.zone
    span = rows.aggregate(first=Min("payment_date"), last=Max("payment_date"))
    if span["first"] is None:
        return {}, {}
    starts = month_starts(local_today(zone, span["first"]), local_today(zone, span["last"]))
    whole: Groups = {}
    by_month: dict[date, Groups] = defaultdict(dict)
    for (place, stage, estimate), total in sums_by(
        _placed(rows, starts, zone), "month", "stage", "is_estimate"
    ).items():
        key = Stage(stage), estimate
        by_month[starts[place]][key] = total
        whole[key] = whole[key].plus(total) if key in whole else total
    return whole, by_month


def _placed(rows: QuerySet[Transaction], starts: list[date], zone: ZoneInfo) -> QuerySet[Transaction]:
    """`rows` with `month`: the place in `starts` of the month in which each was paid."""
    ends = [start_of_day(first, zone) for first in (*starts[1:], add_months(starts[-1], 1))]
    return rows.annotate(month=_place_before(ends, 0))


def _place_before(ends: list[datetime], offset: int) -> Case | Value:
    """Which of the stretches that end at `ends` a payment lies in: halving, so that no row is compared with every month."""
    if len(ends) == 1:
        return Value(offset, output_field=IntegerField())
    half = len(ends) // 2
    return Case(
        When(payment_date__lt=ends[half - 1], then=_place_before(ends[:half], offset)),
        default=_place_before(ends[half:], offset + half),
        output_field=IntegerField(),
    )


def _without_long_gaps(starts: list[date], filled: Mapping[date, object]) -> Iterator[date]:
    empty: list[date] = []
    for first in starts:
        if first not in filled:
            empty.append(first)
            continue
        yield from empty if len(empty) <= LONGEST_GAP else ()
        yield first
        empty = []


def _month_row(first: date, groups: Groups) -> MonthRow:
    fees = dict.fromkeys(EVERY_STAGE, Fee())
    for (stage, is_estimate), group in groups.items():
        fee, estimate = fees[stage]
        fees[stage] = Fee(add_exactly(fee, group.fee_usd), group.fee_usd if is_estimate else estimate)
    return MonthRow(
        first=first,
        fees=fees,
        total=add_fees(fees[stage] for stage in STAGES),
        count=sum(group.rows for (stage, _), group in groups.items() if stage is not Stage.OUTSIDE),
    )


def add_fees(fees: Iterable[Fee]) -> Fee:
    """The exact sum."""
    parts = tuple(fees)
    return Fee(add_up(part.fee for part in parts), add_up(part.estimate for part in parts))
