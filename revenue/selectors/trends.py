"""How fees spread over time: by month of payment, in the reader's own months."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Case, IntegerField, Max, Min, QuerySet, Value, When

from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.periods import Period, add_months, local_today, month_starts, start_of_day
from revenue.selectors import kept
from revenue.selectors.kept import Groups, Stretch
from revenue.selectors.totals import add_up, sums_by
from revenue.stages import STAGES, Stage

EVERY_STAGE = (*STAGES, Stage.OUTSIDE)
# More empty months than this in a row are left out: one payment dated 1900 must not draw a century of nothing.
LONGEST_GAP = 24


@dataclass(frozen=True, slots=True)
class MonthRow:
    """The fees (USD, exact) of the payments of one local month.

    first: the first day of the month. totals: all fees by stage, and those outside every stage. estimates: the part of
    them that is estimated. count, fee_usd, estimate_fee_usd: over the seven stages; what is outside is in no total.
    """

    first: date
    totals: Mapping[Stage, Decimal]
    estimates: Mapping[Stage, Decimal]
    count: int

    @property
    def fee_usd(self) -> Decimal:
        return add_up(self.totals[stage] for stage in STAGES)

    @property
    def estimate_fee_usd(self) -> Decimal:
        return add_up(self.estimates[stage] for stage in STAGES)


def months(f: RevenueFilter) -> tuple[MonthRow, ...]:
    """The local months of everything that matches, from the first with a payment to the last. Two queries.

    Empty months in between are there, too. A month begins and ends where revenue.periods says that its days do.
    """
    by_month = _from_rows(f) if f.q else _from_kept_totals(f)
    if not by_month:
        return ()
    starts = month_starts(min(by_month), max(by_month))
    return tuple(_month_row(first, by_month.get(first, {})) for first in _without_long_gaps(starts, by_month))


def _from_kept_totals(f: RevenueFilter) -> dict[date, Groups]:
    stretches = dict(_stretches(f.period, kept.months_with_rows(f)))
    found = kept.sums(f, list(stretches.values()))
    return {first: groups for first, groups in zip(stretches, found, strict=True) if groups}


def _stretches(period: Period, utc_months: Iterable[datetime]) -> Iterator[tuple[date, Stretch]]:
    """The local months that a payment of one of these UTC months may lie in, each with the part of it in `period`."""
    near = {add_months(month.date(), step) for month in utc_months for step in (-1, 0, 1)}
    first, last = period.start, period.end
    for month in sorted(near):
        start, end = (start_of_day(day, period.zone) for day in (month, add_months(month, 1)))
        start, end = max(start, first or start), min(end, last or end)
        if start < end:
            yield month, (start, end)


def _from_rows(f: RevenueFilter) -> dict[date, Groups]:
    rows, zone = f.rows(), f.period.zone
    span = rows.aggregate(first=Min("payment_date"), last=Max("payment_date"))
    if span["first"] is None:
        return {}
    starts = month_starts(local_today(zone, span["first"]), local_today(zone, span["last"]))
    by_month: dict[date, Groups] = defaultdict(dict)
    for (place, stage, estimate), total in sums_by(
        _placed(rows, starts, zone), "month", "stage", "is_estimate"
    ).items():
        by_month[starts[place]][Stage(stage), estimate] = total
    return by_month


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
    def fee(stage: Stage, *estimates: bool) -> Decimal:
        return add_up(groups[stage, flag].fee_usd for flag in estimates if (stage, flag) in groups)

    return MonthRow(
        first=first,
        totals={stage: fee(stage, False, True) for stage in EVERY_STAGE},
        estimates={stage: fee(stage, True) for stage in EVERY_STAGE},
        count=sum(total.rows for (stage, _), total in groups.items() if stage is not Stage.OUTSIDE),
    )
