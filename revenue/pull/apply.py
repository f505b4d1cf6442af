"""Writing the rows that were staged, and the lines of their history: a few statements, however many rows there are.

Everything here runs inside the one database transaction that publishes a pull (publish.py): readers see all of it or none.
"""

# Statements hold no word from outside (sql.py).
# ruff: noqa: S608

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from partners.debitura.records import CommissionStatus
from partners.models import Case, Client, PartnerAccount
from revenue.models import PullRun, StagedRemoval, StagedRow, Transaction, TransactionFacts
from revenue.pull import bulk, directory, history, sql, totals

# A table of this database transaction alone: each staged row with the client and the case it names, the stored row that
# it is about (NULL where there is none), and what it does to that one (history.step).
STEPS = "steps"
# From so many new rows on PostgreSQL is told of them: without, it would look up one after the other.
MANY = 2000
SAID = (*(field.attname for field in TransactionFacts._meta.local_fields), "unknown_statuses", "raw", "fingerprint")
OWNERS = ("client_id", "case_id")
# Each row that counts differently than before.
NEWS = f"m.step <> '{history.NOTHING_NEW}'"


@dataclass(slots=True)
class TransactionCounts:
    """What a pull did to the rows. Updated are all stored rows that came otherwise, be it in their raw text alone."""

    created: int = 0
    updated: int = 0
    removed: int = 0


def apply_staged(account: PartnerAccount, run: PullRun, *, seen_at: datetime, with_removals: bool) -> TransactionCounts:
    """Write the account's staged rows as seen at `seen_at` (UTC), with their clients, cases, history and kept totals.

    The removals are published only `with_removals`. Nothing stays staged, published or not.
    """
    counts = TransactionCounts()
    if account.staged.exists():
        directory.save_named_clients(account, account.staged.all(), seen_at=seen_at)
        directory.save_named_cases(account)
        counts.created, counts.updated = _write(account, run, seen_at)
    if with_removals and account.staged_removals.exists():
        counts.removed = _remove(account, run, seen_at)
    for staged in (StagedRow, StagedRemoval):
        sql.run(f"DELETE FROM {sql.table(staged)} WHERE account_id = %s", [account.pk])
    return counts


def _write(account: PartnerAccount, run: PullRun, seen_at: datetime) -> tuple[int, int]:
    """How many rows were new, and how many were stored before."""
    steps = _take_steps(account)
    created = steps.get(history.Kind.FIRST_SEEN, 0)
    updated = sum(steps.values()) - created
    if updated:
        counted = f"{_of_steps(Transaction, 't', 'stored')} WHERE t.removed_at IS NULL AND {NEWS}"
        totals.take_away(account, _totalled("t", "t.client_id", counted), [])
        _update(seen_at)
    if created:
        _insert(seen_at, created)
    totals.add(account, _totalled("s", "m.client_id", f"{_of_steps(StagedRow, 's', 'staged')} WHERE {NEWS}"), [])
    _save_history(account, run, seen_at, steps)
    sql.run(f"DROP TABLE {STEPS}")
    return created, updated


def _take_steps(account: PartnerAccount) -> dict[str, int]:
    """Compare what is staged with what is stored; how many rows take each step."""
    temporary = "ON COMMIT DROP AS" if connection.vendor == "postgresql" else "AS"
    after = {name: f"s.{name}" for name in history.STATE_FIELDS} | {"client_id": "c.id", "case_id": "k.id"}
    sql.run(
        f"CREATE TEMPORARY TABLE {STEPS} {temporary} "
        "SELECT s.id AS staged, s.transaction_id, c.id AS client_id, k.id AS case_id, t.id AS stored, "
        f"{history.step('t', after)} AS step "
        f"FROM {sql.table(StagedRow)} s "
        f"LEFT JOIN {sql.table(Client)} c ON c.account_id = s.account_id AND c.creditor_id = s.creditor_id "
        f"LEFT JOIN {sql.table(Case)} k ON k.account_id = s.account_id AND k.case_id = s.case_uuid "
        f"LEFT JOIN {sql.table(Transaction)} t ON t.account_id = s.account_id AND t.transaction_id = s.transaction_id "
        "WHERE s.account_id = %s",
        [account.pk],
    )
    if connection.vendor == "postgresql":
        sql.run(f"ANALYZE {STEPS}")
    return dict(sql.ask(f"SELECT step, COUNT(*) FROM {STEPS} GROUP BY step"))


def _of_steps(model: type[StagedRow | Transaction], name: str, key: str) -> str:
    """What follows FROM: the steps (`m`), each with its row of the model."""
    return f"{STEPS} m JOIN {sql.table(model)} {name} ON {name}.id = m.{key}"


def _totalled(name: str, client: str, rows: str) -> str:
    """The query of rows as the kept totals take them in (totals.py); `name` and `client` are theirs in it."""
    return (
        f"SELECT {name}.payment_date, {client} AS client_id, {name}.stage, {name}.is_estimate, "
        f"{name}.commission_status = '{CommissionStatus.PAID.value}' AS is_settled, {name}.fee_usd, {name}.revenue_usd "
        f"FROM {rows}"
    )


def _update(seen_at: datetime) -> None:
    """Stored rows become what was staged. One that comes back from removal counts again."""
    said = ", ".join(f"{column} = s.{column}" for column in map(sql.column, sql.fields_of(StagedRow, SAID)))
    owners = ", ".join(f"{column} = m.{column}" for column in OWNERS)
    sql.run(
        f"UPDATE {sql.table(Transaction)} AS t SET {said}, {owners}, removed_at = NULL, "
        "stage_since = CASE WHEN t.stage = s.stage THEN t.stage_since ELSE %s END "
        f"FROM {_of_steps(StagedRow, 's', 'staged')} WHERE t.id = m.stored",
        [sql.instant(seen_at)],
    )


def _insert(seen_at: datetime, expected: int) -> None:
    sql.run(
        f"INSERT INTO {sql.table(Transaction)} (account_id, transaction_id, {sql.columns(Transaction, SAID)}, "
        f"{', '.join(OWNERS)}, first_seen_at, stage_since) "
        f"SELECT s.account_id, s.transaction_id, {sql.columns(StagedRow, SAID, of='s')}, m.client_id, m.case_id, %s, %s "
        f"FROM {_of_steps(StagedRow, 's', 'staged')} WHERE m.stored IS NULL",
        [sql.instant(seen_at)] * 2,
    )
    if expected >= MANY:
        bulk.refresh_statistics(Transaction, "account_id", "transaction_id")


def _save_history(account: PartnerAccount, run: PullRun, seen_at: datetime, steps: dict[str, int]) -> None:
    written = f"{STEPS} m JOIN {sql.table(Transaction)} t ON t.account_id = %s AND t.transaction_id = m.transaction_id"
    if steps.keys() & set(history.Kind):
        told = f"{written} WHERE m.step NOT IN ('{history.RATE_MOVED}', '{history.NOTHING_NEW}')"
        history.save_changes(run, seen_at, kind="m.step", rows=told, params=[account.pk])
    if history.RATE_MOVED in steps:
        moved = f"{written} WHERE m.step = '{history.RATE_MOVED}'"
        history.save_estimates(seen_at, rows=moved, params=[account.pk])


def _remove(account: PartnerAccount, run: PullRun, seen_at: datetime) -> int:
    """Mark the present rows that are staged as gone; how many."""
    removals, rows = sql.table(StagedRemoval), sql.table(Transaction)
    gone = f"{removals} g JOIN {rows} t ON t.id = g.transaction_id WHERE g.account_id = %s AND t.removed_at IS NULL"
    totals.take_away(account, _totalled("t", "t.client_id", gone), [account.pk])
    history.save_changes(run, seen_at, kind=f"'{history.Kind.REMOVED.value}'", rows=gone, params=[account.pk])
    return sql.run(
        f"UPDATE {rows} SET removed_at = %s WHERE removed_at IS NULL "
        f"AND id IN (SELECT transaction_id FROM {removals} WHERE account_id = %s)",
        [sql.instant(seen_at), account.pk],
    )
