"""How everything stood at a past instant, rebuilt from the lines that the pulls wrote (docs/history.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from django.db.models import OuterRef, QuerySet, Subquery

from partners.fields import add_exactly
from partners.models import PartnerAccount
from revenue.models import DayEstimate, Transaction, TransactionChange
from revenue.pull.history import RATE_FIELDS
from revenue.pull.reconcile import NO_ROWS, Figure
from revenue.stages import Stage

Line = TypeVar("Line", TransactionChange, DayEstimate)


def rows_as_of(account: PartnerAccount, instant: datetime) -> Iterator[TransactionChange]:
    """The rows that Debitura listed at `instant` (aware), each as it stood then.

    Exact for every instant; the amounts of an estimate are those of the last pull of a UTC day, so they are exact for
    the end of any day, and within a day as old as the last line before `instant`.
    """
    known = Transaction.objects.filter(account=account, first_seen_at__lte=instant)
    estimates = {line.transaction_id: line for line in _latest(DayEstimate.objects.all(), known, instant)}
    for line in _latest(TransactionChange.objects.all(), known, instant).select_related("transaction"):
        if line.kind != TransactionChange.Kind.REMOVED:
            estimate = estimates.get(line.transaction_id)
            yield _with_rates(line, estimate) if estimate and estimate.seen_at > line.seen_at else line


def figures_as_of(account: PartnerAccount, instant: datetime) -> dict[Stage, Figure]:
    """Count and exact sum in USD of every stage at `instant`."""
    figures: dict[Stage, Figure] = {}
    for row in rows_as_of(account, instant):
        before = figures.get(Stage(row.stage), NO_ROWS)
        total = add_exactly(before.fee_usd, row.fee_usd or Decimal(0))
        figures[Stage(row.stage)] = Figure(total, before.count + 1)
    return figures


def _latest(lines: QuerySet[Line], known: QuerySet[Transaction], instant: datetime) -> QuerySet[Line]:
    """The last line of each row that was written by then."""
    of_the_row = lines.filter(transaction=OuterRef("pk"), seen_at__lte=instant).order_by("-seen_at")
    return lines.filter(pk__in=known.annotate(line=Subquery(of_the_row.values("pk")[:1])).values("line"))


def _with_rates(line: TransactionChange, estimate: DayEstimate) -> TransactionChange:
    for name in RATE_FIELDS:
        setattr(line, name, getattr(estimate, name))
    return line
