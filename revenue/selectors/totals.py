"""Sums of fees: by stage, and over a whole list. Every sum that anybody is shown comes from `sums_by`.

Sums are exact; whoever shows one rounds it (revenue.money), so that no sum is made of rounded sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet

from partners.fields import ExactSum, add_exactly
from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.stages import STAGES, Stage

ZERO = Decimal(0)


class Sum(NamedTuple):
    """Fees in USD (estimates included), Debitura's own revenue in USD, and the number of rows."""

    fee_usd: Decimal = ZERO
    revenue_usd: Decimal = ZERO
    rows: int = 0


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
    groups = sums_by(f.every_stage().rows(), "stage", "is_estimate")
    return totals_of({(Stage(stage), estimate): total for (stage, estimate), total in groups.items()})


def list_totals(f: RevenueFilter) -> ListTotal:
    """The total over everything that matches a filter, its stages included. One query."""
    return firm_and_estimated(sums_by(f.rows(), "is_estimate"))


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


def firm_and_estimated(groups: dict[tuple[Any, ...], Sum]) -> ListTotal:
    """The total of groups whose last key is the estimate flag."""
    estimated = [total for key, total in groups.items() if key[-1]]
    return ListTotal(
        fee_usd=add_up(total.fee_usd for total in groups.values()),
        count=sum(total.rows for total in groups.values()),
        estimate_fee_usd=add_up(total.fee_usd for total in estimated),
        estimate_count=sum(total.rows for total in estimated),
    )


def totals_of(groups: dict[tuple[Stage, bool], Sum]) -> Totals:
    """The Totals of groups by stage and estimate flag; a group that is missing has no rows."""
    return Totals(
        stages=tuple(_stage_total(stage, groups) for stage in STAGES),
        outside=_stage_total(Stage.OUTSIDE, groups),
        total_debitura_revenue_usd=add_up(total.revenue_usd for total in groups.values()),
    )


def add_up(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    total = ZERO
    for amount in amounts:
        total = add_exactly(total, amount)
    return total


def add_totals(totals: Iterable[ListTotal]) -> ListTotal:
    """The total of several totals."""
    parts = tuple(totals)
    return ListTotal(
        fee_usd=add_up(part.fee_usd for part in parts),
        count=sum(part.count for part in parts),
        estimate_fee_usd=add_up(part.estimate_fee_usd for part in parts),
        estimate_count=sum(part.estimate_count for part in parts),
    )


def _stage_total(stage: Stage, groups: dict[tuple[Stage, bool], Sum]) -> StageTotal:
    firm, estimate = groups.get((stage, False), Sum()), groups.get((stage, True), Sum())
    return StageTotal(
        stage=stage,
        fee_usd=add_exactly(firm.fee_usd, estimate.fee_usd),
        count=firm.rows + estimate.rows,
        estimate_fee_usd=estimate.fee_usd,
        estimate_count=estimate.rows,
    )
