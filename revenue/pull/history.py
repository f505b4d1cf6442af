"""What a row went through: which lines are written, so that every past state can be rebuilt and nothing grows without need.

A fact that changes (stage, status, date, payment, a firm amount …) is a TransactionChange, always. The amounts of an
estimate follow the exchange rate at every pull; where nothing else changed they are one DayEstimate a row and UTC day,
overwritten until the day ends.
"""

# Statements hold no word from outside (sql.py).
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from revenue.models import DayEstimate, PullRun, Transaction, TransactionChange, TransactionState
from revenue.pull import sql

STATE_FIELDS = tuple(field.attname for field in TransactionState._meta.local_fields)
# What an exchange rate moves while a row is an estimate.
RATE_FIELDS = ("revenue", "revenue_usd", "fee", "fee_usd", "recognized_usd")
FACT_FIELDS = tuple(name for name in STATE_FIELDS if name not in RATE_FIELDS)

Kind = TransactionChange.Kind
# What a staged row does to the stored one, where it is none of the kinds of change.
RATE_MOVED = "rate_moved"
NOTHING_NEW = "nothing_new"


def step(stored: str, after: Mapping[str, str]) -> str:
    """SQL that tells what a staged row does: a kind of change, RATE_MOVED or NOTHING_NEW.

    `stored` is the statement's name for the stored row (outer joined: all NULL where there is none); `after` has the SQL
    for each of the STATE_FIELDS as it is to be.
    """
    return (
        f"CASE WHEN {stored}.id IS NULL THEN '{Kind.FIRST_SEEN.value}'"
        f" WHEN {stored}.removed_at IS NOT NULL THEN '{Kind.RETURNED.value}'"
        f" WHEN {_any_differs(FACT_FIELDS, stored, after)} THEN '{Kind.CHANGED.value}'"
        f" WHEN NOT {_any_differs(RATE_FIELDS, stored, after)} THEN '{NOTHING_NEW}'"
        f" WHEN {after['is_estimate']} THEN '{RATE_MOVED}' ELSE '{Kind.CHANGED.value}' END"
    )


def _any_differs(names: tuple[str, ...], stored: str, after: Mapping[str, str]) -> str:
    fields = zip(names, sql.fields_of(Transaction, names), strict=True)
    tests = (sql.differs(field, f"{stored}.{sql.column(field)}", after[name]) for name, field in fields)
    return f"({' OR '.join(tests)})"


def save_changes(run: PullRun, seen_at: datetime, *, kind: str, rows: str, params: Iterable[object] = ()) -> None:
    """One line for each of the rows, as they stand from now on.

    `rows` is what follows SELECT … FROM, where `t` are the rows as they were just written; `kind` is SQL too.
    """
    state = sql.columns(TransactionChange, STATE_FIELDS)
    sql.run(
        f"INSERT INTO {sql.table(TransactionChange)} (transaction_id, run_id, kind, seen_at, {state}) "
        f"SELECT t.id, %s, {kind}, %s, {sql.columns(Transaction, STATE_FIELDS, of='t')} FROM {rows}",
        [run.pk, sql.instant(seen_at), *params],
    )


def save_estimates(seen_at: datetime, *, rows: str) -> None:
    """The day's amounts of estimates; one line a row and UTC day. `rows` as for `save_changes`, with a WHERE in it."""
    sql.run(
        f"INSERT INTO {sql.table(DayEstimate)} (transaction_id, day, seen_at, {sql.columns(DayEstimate, RATE_FIELDS)}) "
        f"SELECT t.id, %s, %s, {sql.columns(Transaction, RATE_FIELDS, of='t')} FROM {rows} "
        f"ON CONFLICT (transaction_id, day) DO UPDATE SET {sql.excluded(DayEstimate, ('seen_at', *RATE_FIELDS))}",
        [sql.day(seen_at.date()), sql.instant(seen_at)],
    )
