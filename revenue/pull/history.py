"""What a row went through: which lines are written, so that every past state can be rebuilt and nothing grows without need.

A fact that changes (stage, status, date, payment, a firm amount …) is a TransactionChange, always. The amounts of an
estimate follow the exchange rate at every pull; where nothing else changed they are one DayEstimate a row and UTC day,
overwritten until the day ends.
"""

from __future__ import annotations

from datetime import datetime

from revenue.models import DayEstimate, PullRun, Transaction, TransactionChange, TransactionState
from revenue.pull import bulk

STATE_FIELDS = tuple(field.attname for field in TransactionState._meta.local_fields)
# What an exchange rate moves while a row is an estimate.
RATE_FIELDS = ("revenue", "revenue_usd", "fee", "fee_usd", "recognized_usd")
FACT_FIELDS = tuple(name for name in STATE_FIELDS if name not in RATE_FIELDS)


def _values(row: TransactionState, names: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in names)


def change_kind(before: Transaction | None, after: Transaction) -> TransactionChange.Kind | None:
    """What kind of line the step from `before` to `after` is; None where no fact changed."""
    if before is None:
        return TransactionChange.Kind.FIRST_SEEN
    if before.removed_at is not None:
        return TransactionChange.Kind.RETURNED
    if _values(before, FACT_FIELDS) != _values(after, FACT_FIELDS):
        return TransactionChange.Kind.CHANGED
    if not after.is_estimate and _values(before, RATE_FIELDS) != _values(after, RATE_FIELDS):
        return TransactionChange.Kind.CHANGED
    return None


def rate_moved(before: Transaction, after: Transaction) -> bool:
    """Whether an amount differs (where no fact changed: an estimate that followed the exchange rate)."""
    return _values(before, RATE_FIELDS) != _values(after, RATE_FIELDS)


def change_line(row: Transaction, kind: TransactionChange.Kind, run: PullRun, seen_at: datetime) -> TransactionChange:
    """The line that says how `row` stands from now on."""
    state = {name: getattr(row, name) for name in STATE_FIELDS}
    return TransactionChange(transaction_id=row.pk, run=run, kind=kind, seen_at=seen_at, **state)


def day_estimate(row: Transaction, seen_at: datetime) -> DayEstimate:
    """Today's amounts of an estimate; `seen_at` is in UTC, and so is the day."""
    amounts = {name: getattr(row, name) for name in RATE_FIELDS}
    return DayEstimate(transaction_id=row.pk, day=seen_at.date(), seen_at=seen_at, **amounts)


def save_estimates(estimates: list[DayEstimate]) -> None:
    """Write the day's amounts; the database holds one line a row and day."""
    bulk.write(DayEstimate, estimates, identity=("transaction", "day"), update=("seen_at", *RATE_FIELDS))
