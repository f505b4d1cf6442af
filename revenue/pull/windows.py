"""Windows of payment dates, what Debitura says of one, and how far our copy of it agrees. Pure: no database, no network.

`summary` honours every filter but the stages, so one answer tells the exact counts and sums of any window; two halves of a
window add up to the whole. The figures of one half and of the whole tell those of the other half, but for roundings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from partners.debitura.filters import TransactionFilters
from partners.debitura.records import CommissionStatus, RevenueSummary
from revenue.pull.reconcile import HALF_A_CENT, NO_ROWS, OPTIONAL, Figure, Figures
from revenue.stages import STAGES, Stage

# Rows of a page: as many as Debitura gives at once.
PAGE = 100
ONE_TICK = timedelta(microseconds=1)


class Kind(Enum):
    """Which rows of a window: all of them, those whose amounts are locked, or those that follow the exchange rate."""

    EVERY = "every"
    SETTLED = "settled"
    OPEN = "open"

    def holds(self, is_settled: bool) -> bool:
        return self is Kind.EVERY or is_settled is (self is Kind.SETTLED)


_STATUSES: Mapping[Kind, tuple[CommissionStatus, ...]] = {
    Kind.EVERY: (),
    Kind.SETTLED: (CommissionStatus.PAID,),
    Kind.OPEN: (CommissionStatus.UNPAID, CommissionStatus.CREDITED),
}


class Untrustworthy(Exception):
    """Debitura's answers about a window contradict each other: only listing everything can be believed. A sentence."""


@dataclass(frozen=True, slots=True)
class Window:
    """Payment dates from `start` up to, not including, `end` (aware UTC); None is unbounded."""

    start: datetime | None = None
    end: datetime | None = None

    def filters(self, kind: Kind) -> TransactionFilters:
        """The window as Debitura is asked for it."""
        return TransactionFilters(paid_from=self.start, paid_before=self.end, commission_statuses=_STATUSES[kind])

    def holds(self, moment: datetime) -> bool:
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)

    def cut(self, moment: datetime) -> tuple[Window, Window]:
        """Both sides of `moment`, which must lie inside."""
        return Window(self.start, moment), Window(moment, self.end)

    def can_be_cut(self, moment: datetime) -> bool:
        """Whether something of the window lies on both sides of `moment`."""
        return (self.start is None or self.start < moment) and (self.end is None or moment < self.end)


EVERYTHING = Window()


@dataclass(frozen=True, slots=True)
class Told:
    """Debitura's figures of a window: stages it speaks of, rows in all, and by how much a sum may be off (USD)."""

    stages: Mapping[Stage, Figure]
    rows: int
    slack: Decimal = HALF_A_CENT

    @classmethod
    def by(cls, summary: RevenueSummary | None, rows: int | None) -> Told:
        """What an answer says. Raises Untrustworthy where it says too little to compare, or contradicts itself."""
        if summary is None or rows is None:
            raise Untrustworthy("Debitura gave no summary or no row count, so windows cannot be compared.")
        figures = {stage: summary.stages.get(stage) for stage in STAGES}
        stages = {}
        for stage, figure in figures.items():
            if figure is None or figure.fee_usd is None or figure.count is None:
                if figure is None and stage in OPTIONAL:
                    continue
                raise Untrustworthy("Debitura's summary is incomplete, so windows cannot be compared.")
            stages[stage] = Figure(figure.fee_usd, figure.count)
        if sum(figure.count for figure in stages.values()) > rows:
            raise Untrustworthy(
                "Debitura's summary of a window counts more rows than the window has: it ignores a filter."
            )
        return cls(stages, rows)

    def minus(self, part: Told) -> Told:
        """What is left of the window without a part of it; its roundings add up."""
        left = {
            stage: Figure(figure.fee_usd - part.stages.get(stage, NO_ROWS).fee_usd, figure.count - part.count(stage))
            for stage, figure in self.stages.items()
        }
        return Told(left, self.rows - part.rows, self.slack + part.slack)

    def count(self, stage: Stage) -> int:
        return self.stages.get(stage, NO_ROWS).count


@dataclass(frozen=True, slots=True)
class Gap:
    """Where our copy of a window is not what Debitura says: in the number of rows, or in the sums of these stages."""

    counts: bool
    sums: frozenset[Stage]

    def __bool__(self) -> bool:
        return self.counts or bool(self.sums)


def gap(ours: Figures, told: Told) -> Gap:
    """Compare stage by stage, and the rows in all, which count those outside every stage too."""
    counts = total_rows(ours) != told.rows or any(
        ours.get(stage, NO_ROWS).count != figure.count for stage, figure in told.stages.items()
    )
    sums = frozenset(
        stage
        for stage, figure in told.stages.items()
        if abs(ours.get(stage, NO_ROWS).fee_usd - figure.fee_usd) > told.slack
    )
    return Gap(counts, sums)


def moved_everywhere(ours: Figures, told: Told) -> bool:
    """Whether every stage with money in it has another sum and every count is right: what a new exchange rate looks like."""
    found = gap(ours, told)
    paying = {stage for stage, figure in told.stages.items() if figure.fee_usd}
    return bool(paying) and not found.counts and found.sums == paying


def total_rows(figures: Figures) -> int:
    """Rows of all stages and of none."""
    return sum(figure.count for figure in figures.values())
