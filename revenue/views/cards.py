"""The stage cards: a total, its change against the period before, and its share of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from revenue.filters import RevenueFilter
from revenue.money import cents
from revenue.periods import Period
from revenue.selectors.totals import ListTotal, StageTotal, Totals, add_totals, has_rows_before, stage_totals
from revenue.stages import PIPELINE, STAGES, TEXTS, Stage, StageText

# Below this many USD a percentage says more about chance than about business.
LEAST_BASE_USD = Decimal(100)
BAR_WIDTH = Decimal(1000)
LONG_AMOUNT_USD = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a stage's fees against another period. usd: never negative; percent: None on a small base."""

    usd: Decimal
    direction: str  # "more", "less" or "same"
    percent: Decimal | None
    is_estimate: bool
    since: str


@dataclass(frozen=True, slots=True)
class StageCard:
    """What a card shows; `query` leads to the list behind it. firm + estimate is the fee, to the cent, on the screen."""

    stage: Stage
    text: StageText
    total: StageTotal
    query: str
    change: Change | None

    @property
    def fee_usd(self) -> Decimal:
        return cents(self.total.fee_usd)

    @property
    def estimate_usd(self) -> Decimal:
        return cents(self.total.estimate_fee_usd)

    @property
    def firm_usd(self) -> Decimal:
        return self.fee_usd - self.estimate_usd

    @property
    def is_long(self) -> bool:
        """Whether the amount needs smaller letters to stay inside its card."""
        return abs(self.fee_usd) >= LONG_AMOUNT_USD

    @property
    def is_mixed(self) -> bool:
        """Whether firm and estimated rows stand together, so that the card must tell them apart."""
        return 0 < self.total.estimate_count < self.total.count


@dataclass(frozen=True, slots=True)
class Share:
    """A stretch of the share bar, which is BAR_WIDTH wide."""

    stage: Stage
    x: Decimal
    width: Decimal


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of a page: the pipeline in its order, disputed and outside apart, and the shares of the pipeline."""

    pipeline: tuple[StageCard, ...]
    disputed: StageCard
    outside: StageCard
    shares: tuple[Share, ...]
    totals: Totals

    @property
    def expected(self) -> ListTotal:
        """What is still to come: the pipeline without what is paid. Disputed fees are never expected."""
        return add_totals(card.total for card in self.pipeline if card.stage is not Stage.PAID)

    @property
    def all_stages(self) -> ListTotal:
        """The seven stages. Rows outside every stage stand apart and are in no total, as the contract has it."""
        return add_totals(self.totals.stages)


def cards_of(f: RevenueFilter, totals: Totals) -> Cards:
    """The cards of a filter's totals; with their changes where there is a period to compare with. Up to two queries."""
    base = comparable_period(f)
    before = stage_totals(replace(f, period=base)) if base else None
    every = {
        stage: StageCard(
            stage=stage,
            text=TEXTS[stage],
            total=totals.of(stage),
            query=f.query(stage=stage),
            change=change(totals.of(stage), before.of(stage), since=base.days) if before and base else None,
        )
        for stage in (*STAGES, Stage.OUTSIDE)
    }
    return Cards(
        pipeline=tuple(every[stage] for stage in PIPELINE),
        disputed=every[Stage.DISPUTED],
        outside=every[Stage.OUTSIDE],
        shares=tuple(shares(every[stage].total for stage in PIPELINE)),
        totals=totals,
    )


def comparable_period(f: RevenueFilter) -> Period | None:
    """The period before that of `f`, where all of it lies within the time that we have rows of; else None."""
    base = f.period.previous()
    if base is None or base.start is None:
        return None
    return base if has_rows_before(f.every_stage(), base.start) else None


def change(now: StageTotal, before: StageTotal, *, since: str) -> Change | None:
    """How a stage's fees changed; None where both are nothing."""
    base, step = cents(before.fee_usd), cents(now.fee_usd) - cents(before.fee_usd)
    if not base and not step:
        return None
    return Change(
        usd=abs(step),
        direction="more" if step > 0 else "less" if step < 0 else "same",
        percent=abs(step / base * 100).quantize(Decimal(1)) if base >= LEAST_BASE_USD and step else None,
        is_estimate=bool(now.estimate_count or before.estimate_count),
        since=since,
    )


def shares(totals: Iterable[StageTotal]) -> list[Share]:
    """The stretches of the share bar for what is above zero; none where nothing is."""
    parts = [(total.stage, max(Decimal(0), total.fee_usd)) for total in totals]
    whole = sum((fee for _, fee in parts), Decimal(0))
    found, x = [], Decimal(0)
    for stage, fee in parts:
        if fee:
            width = (fee / whole * BAR_WIDTH).quantize(Decimal("0.01"))
            found.append(Share(stage, x, width))
            x += width
    return found
