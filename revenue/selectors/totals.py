"""Sums of fees: by stage, and over a whole list.

What is asked without a search is answered from the kept totals (kept.py), a search by adding up its rows (`sums_by`).

Sums are exact; whoever shows one rounds it (revenue.money), so that no sum is made of rounded sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet

from accounts.access import Sight
from partners.fields import ExactSum, add_exactly
from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.periods import Period
from revenue.selectors import kept
from revenue.selectors.kept import ZERO, Groups, Sum
from revenue.stages import STAGES, Stage


@dataclass(frozen=True, slots=True)
class ListTotal:
    """Fees in USD: `fee_usd` over all `count` rows, of which `estimate_fee_usd` over the `estimate_count` estimates.

    What is an estimate is told by the row's own flag, whatever its stage.
    """

    fee_usd: Decimal = ZERO
    count: int = 0
    estimate_fee_usd: Decimal = ZERO
    estimate_count: int = 0

    @property
    def firm_count(self) -> int:
        return self.count - self.estimate_count


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTotal(ListTotal):
    """The total of one stage."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Totals:
    """The seven stages in their order, always all of them, and the rows outside every stage.

    total_debitura_revenue_usd: the platform's own revenue over all these rows, in USD, exact.
    fee_usd, count, estimate_*: over everything, disputed and outside included: the total of the list.
    """

    stages: tuple[StageTotal, ...]
    outside: StageTotal
    total_debitura_revenue_usd: Decimal

    def of(self, stage: Stage) -> StageTotal:
        """The total of one stage, or of the rows outside every stage."""
        return self.outside if stage is Stage.OUTSIDE else self.stages[STAGES.index(stage)]

    @property
    def everything(self) -> ListTotal:
        return add_totals((*self.stages, self.outside))

    @property
    def fee_usd(self) -> Decimal:
        return self.everything.fee_usd

    @property
    def count(self) -> int:
        return self.everything.count

    @property
    def estimate_fee_usd(self) -> Decimal:
        return self.everything.estimate_fee_usd

    @property
    def estimate_count(self) -> int:
        return self.everything.estimate_count


def stage_totals(f: RevenueFilter) -> Totals:
    """The totals of every stage for a filter. Its own stages are ignored, as in the provider's summary. One query."""
    return totals_of(_groups(f.every_stage()))


def portfolio_totals(sight: Sight) -> Totals | None:
    """The totals of the whole account, for who sees some clients and these; None for everybody else. One query.

    Over all time alone: the sums of chosen days would tell of single payments.
    """
    if sight.is_whole or not sight.sees_totals:
        return None
    everything = RevenueFilter(sight=Sight.of_everything(sight.account), period=Period(ZoneInfo("UTC")))
    return stage_totals(everything)


def list_totals(f: RevenueFilter) -> ListTotal:
    """The total over everything that matches a filter, its stages included. One query."""
    return firm_and_estimated(_groups(f))


def has_rows_before(f: RevenueFilter, moment: datetime) -> bool:
    """Whether anything before an instant (UTC) matches `f`, whatever its period. Up to two queries."""
    if f.q:
        return replace(f, period=Period(f.period.zone)).rows().filter(payment_date__lt=moment).exists()
    return kept.has_rows_before(f, moment)


def _groups(f: RevenueFilter) -> Groups:
    if f.q:
        groups = sums_by(f.rows(), "stage", "is_estimate")
        return {(Stage(stage), estimate): total for (stage, estimate), total in groups.items()}
    return kept.sums(f, [(f.period.start, f.period.end)])[0]


def sums_by(rows: QuerySet[Transaction], *names: str) -> dict[tuple[Any, ...], Sum]:
    """The sums of `rows` grouped by the named columns or annotations: their values -> Sum. One query."""
    groups = (
        rows.order_by()
        .values(*names)
        .annotate(group_fee=ExactSum("fee_usd"), group_revenue=ExactSum("revenue_usd"), group_rows=Count("pk"))
    )
    return {
        tuple(group[name] for name in names): Sum(group["group_fee"], group["group_revenue"], group["group_rows"])
        for group in groups
    }


def firm_and_estimated(groups: Mapping[tuple[Any, ...], Sum]) -> ListTotal:
    """The total of groups whose last key is the estimate flag."""
    estimated = [total for key, total in groups.items() if key[-1]]
    return ListTotal(
        fee_usd=add_up(total.fee_usd for total in groups.values()),
        count=sum(total.rows for total in groups.values()),
        estimate_fee_usd=add_up(total.fee_usd for total in estimated),
        estimate_count=sum(total.rows for total in estimated),
    )


def totals_of(groups: Groups) -> Totals:
    """The Totals of groups by stage and estimate flag; a group that is missing has no rows."""
    return Totals(
        stages=tuple(_stage_total(stage, groups) for stage in STAGES),
        outside=_stage_total(Stage.OUTSIDE, groups),
        total_debitura_revenue_usd=add_up(total.revenue_usd for total in groups.values()),
    )


def add_up(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return reduce(add_exactly, amounts, ZERO)


def add_totals(totals: Iterable[ListTotal]) -> ListTotal:
    """The total of several totals."""
    parts = tuple(totals)
    return ListTotal(
        fee_usd=add_up(part.fee_usd for part in parts),
        count=sum(part.count for part in parts),
        estimate_fee_usd=add_up(part.estimate_fee_usd for part in parts),
        estimate_count=sum(part.estimate_count for part in parts),
    )


def _stage_total(stage: Stage, groups: Groups) -> StageTotal:
    firm, estimate = groups.get((stage, False), Sum()), groups.get((stage, True), Sum())
    return StageTotal(
        stage=stage,
        fee_usd=add_exactly(firm.fee_usd, estimate.fee_usd),
        count=firm.rows + estimate.rows,
        estimate_fee_usd=estimate.fee_usd,
        estimate_count=estimate.rows,
    )
