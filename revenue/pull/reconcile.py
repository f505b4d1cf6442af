"""The proof: our figures of every stage against Debitura's own summary, to the cent and to the row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from typing import TypedDict

from django.db.models import QuerySet

from partners.debitura.records import RevenueSummary, StageFigure
from partners.fields import add_exactly
from partners.models import PartnerAccount
from revenue.models import KeptTotal, Transaction
from revenue.stages import STAGES, Stage

HALF_A_CENT = Decimal("0.005")
# Older deployments leave this pair out of their summary; any other missing figure is a proof that we do not have.
OPTIONAL = frozenset({Stage.DISPUTED})
NOTHING_SAID = StageFigure(fee_usd=None, count=None)


@dataclass(frozen=True, slots=True)
class Figure:
    """Our side of one stage: the exact sum of the fees in USD, and the number of rows."""

    fee_usd: Decimal
    count: int


Figures = Mapping[Stage, Figure]
NO_ROWS = Figure(Decimal(0), 0)


class DifferenceText(TypedDict):
    """A difference as it is stored and as `sync --json` prints it: amounts in USD as text, None for what is unknown."""

    stage: str
    ours_usd: str
    theirs_usd: str | None
    ours_count: int
    theirs_count: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A stage for which the two sides do not agree, or for which Debitura's side is missing."""

    stage: Stage
    ours: Figure
    theirs: StageFigure

    def as_text(self) -> DifferenceText:
        return {
            "stage": self.stage.value,
            "ours_usd": str(self.ours.fee_usd.quantize(Decimal("0.01"))),
            "theirs_usd": None if self.theirs.fee_usd is None else str(self.theirs.fee_usd),
            "ours_count": self.ours.count,
            "theirs_count": self.theirs.count,
        }


def agree(ours: Figure, theirs: StageFigure) -> bool:
    """Whether both sides say the same: equal counts, and their sum is our exact sum rounded to the cent.

    Half a cent is what a right rounding can be away, whichever way it breaks ties.
    """
    if theirs.fee_usd is None or theirs.count is None:
        return False
    return ours.count == theirs.count and abs(ours.fee_usd - theirs.fee_usd) <= HALF_A_CENT


def differences(ours: Mapping[Stage, Figure], theirs: RevenueSummary | None) -> list[Difference]:
    """The stages that do not agree; empty when everything ties out. Without a summary, every stage is unproven."""
    said: Mapping[str, StageFigure] = theirs.stages if theirs else {}
    found = []
    for stage in STAGES:
        if stage in OPTIONAL and theirs is not None and stage not in said:
            continue
        figure, other = ours.get(stage, NO_ROWS), said.get(stage, NOTHING_SAID)
        if not agree(figure, other):
            found.append(Difference(stage, figure, other))
    return found


def differences_outside(ours: Mapping[Stage, Figure], results: int | None) -> list[Difference]:
    """The rows outside every stage, whom no summary counts: all rows together must be as many as Debitura lists."""
    total = sum(figure.count for figure in ours.values())
    if results is None or results == total:
        return []
    outside = ours.get(Stage.OUTSIDE, NO_ROWS)
    theirs = StageFigure(fee_usd=None, count=max(outside.count + results - total, 0))
    return [Difference(Stage.OUTSIDE, outside, theirs)]


def stored_figures(account: PartnerAccount) -> dict[Stage, Figure]:
    """What our database says, stage by stage, about the rows that Debitura still lists: the very totals that pages show."""
    kept = account.kept_totals.filter(grain=KeptTotal.Grain.EVER, owner=KeptTotal.EVERY_OWNER)
    figures: dict[Stage, Figure] = {}
    for stage, fee_usd, rows in kept.values_list("stage", "fee_usd", "rows"):
        before = figures.get(Stage(stage), NO_ROWS)
        figures[Stage(stage)] = Figure(add_exactly(before.fee_usd, fee_usd), before.count + rows)
    return figures


class Explanation(TypedDict):
    """A row that may explain a difference: where we have it, what it earns (USD), and why it is suspected."""

    stage: str
    transaction_id: str
    fee_usd: str | None
    why: str


MOST_EXPLANATIONS = 50
MOST_A_STAGE = 10


def explain(account: PartnerAccount, found: Iterable[Difference], *, unlisted: Iterable[int]) -> list[Explanation]:
    """Rows that may explain the differences, the likeliest first, each once, at most fifty.

    `unlisted` are the primary keys of rows that we still count although Debitura's listing did not show them.
    """
    rows = Transaction.objects.filter(account=account, removed_at=None).only(
        "transaction_id", "stage", "fee_usd", "unknown_statuses"
    )
    suspects: dict[int, Explanation] = {}
    for row, why in chain(_unlisted(rows, unlisted), _of_unknown_status(rows), _of_the_size(rows, found)):
        suspects.setdefault(row.pk, _explanation(row, why))
    return list(suspects.values())[:MOST_EXPLANATIONS]


Suspects = Iterator[tuple[Transaction, str]]


def _unlisted(rows: QuerySet[Transaction], unlisted: Iterable[int]) -> Suspects:
    for row in rows.filter(pk__in=list(islice(unlisted, MOST_EXPLANATIONS))):
        yield row, "Debitura did not list it, but the listing could not be proven complete."


def _of_unknown_status(rows: QuerySet[Transaction]) -> Suspects:
    for row in rows.exclude(unknown_statuses=[])[:MOST_EXPLANATIONS]:
        yield row, f"It has a status that Feeboard does not know: {', '.join(row.unknown_statuses)}."


def _of_the_size(rows: QuerySet[Transaction], found: Iterable[Difference]) -> Suspects:
    """Rows of a stage whose fee alone is what we have too much (for what we have too little there is nothing to show)."""
    for difference in found:
        theirs = difference.theirs.fee_usd
        surplus = Decimal(0) if theirs is None else difference.ours.fee_usd - theirs
        if surplus > HALF_A_CENT:
            in_stage = rows.filter(stage=difference.stage).iterator()
            alike = (row for row in in_stage if row.fee_usd is not None and abs(row.fee_usd - surplus) <= HALF_A_CENT)
            yield from ((row, "Its fee is exactly the difference.") for row in islice(alike, MOST_A_STAGE))


def _explanation(row: Transaction, why: str) -> Explanation:
    return {
        "stage": row.stage,
        "transaction_id": str(row.transaction_id),
        "fee_usd": None if row.fee_usd is None else str(row.fee_usd),
        "why": why,
    }
