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
from revenue.pull import directory, history, sql, totals
from revenue.pull.portion import Portion

# A table of this database transaction alone: each staged row with the client and the case it names, the stored row that
# it is about (NULL where there is none), the primary key which that one has or will have, and what becomes of it
# (history.step).
STEPS = "steps"
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

    def __add__(self, other: TransactionCounts) -> TransactionCounts:
        return TransactionCounts(
            self.created + other.created, self.updated + other.updated, self.removed + other.removed
        )


def apply_staged(
    account: PartnerAccount, run: PullRun, *, seen_at: datetime, with_removals: bool, after: int = 0
) -> TransactionCounts:
    """Write the account's staged rows as seen at `seen_at` (UTC), with their clients, cases, history and kept totals.

    Those up to the primary key `after` are written already. The removals are published only `with_removals`. Nothing
    stays staged, published or not.
    """
    counts = apply_portion(Portion(account, after), run, seen_at=seen_at)
    if with_removals and account.staged_removals.exists():
        counts.removed = _remove(account, run, seen_at)
    for staged in (StagedRow, StagedRemoval):
        sql.run(f"DELETE FROM {sql.table(staged)} WHERE account_id = %s", [account.pk])
    return counts


def apply_portion(portion: Portion, run: PullRun, *, seen_at: datetime) -> TransactionCounts:
    """As `apply_staged`, for some of the rows, which stay staged."""
    if not portion.rows.exists():
        return TransactionCounts()
    directory.save_named_clients(portion.account, portion.rows, seen_at=seen_at)
    directory.save_named_cases(portion)
    return _write(portion, run, seen_at)


def _write(portion: Portion, run: PullRun, seen_at: datetime) -> TransactionCounts:
    account, steps = portion.account, _take_steps(portion)
    created = steps.get(history.Kind.FIRST_SEEN, 0)
    updated = sum(steps.values()) - created
    if updated:
        counted = f"{_of_steps(Transaction, 't', 'stored')} WHERE t.removed_at IS NULL AND {NEWS}"
        totals.take_away(account, _totalled("t", "t.client_id", counted), [])
        _update(seen_at)
    if created:
        _insert(seen_at)
    totals.add(account, _totalled("s", "m.client_id", f"{_of_steps(StagedRow, 's', 'staged')} WHERE {NEWS}"), [])
    _save_history(run, seen_at, steps)
    sql.run(f"DROP TABLE {STEPS}")
    return TransactionCounts(created, updated)


def _take_steps(portion: Portion) -> dict[str, int]:
    """Compare what is staged with what is stored; how many rows take each step."""
    temporary = "ON COMMIT DROP AS" if connection.vendor == "postgresql" else "AS"
    after = {name: f"s.{name}" for name in history.STATE_FIELDS} | {"client_id": "c.id", "case_id": "k.id"}
    sql.run(
        f"CREATE TEMPORARY TABLE {STEPS} {temporary} "
        "SELECT s.id AS staged, c.id AS client_id, k.id AS case_id, t.id AS stored, "
        f"COALESCE(t.id, {_next_id()}) AS written, {history.step('t', after)} AS step "
        f"FROM {sql.table(StagedRow)} s "
        f"LEFT JOIN {sql.table(Client)} c ON c.account_id = s.account_id AND c.creditor_id = s.creditor_id "
        f"LEFT JOIN {sql.table(Case)} k ON k.account_id = s.account_id AND k.case_id = s.case_uuid "
        f"LEFT JOIN {sql.table(Transaction)} t ON t.account_id = s.account_id AND t.transaction_id = s.transaction_id "
        f"WHERE {portion.condition('s')}",
        portion.params,
    )
    if connection.vendor == "postgresql":
        sql.run(f"ANALYZE {STEPS}")
    return dict(sql.ask(f"SELECT step, COUNT(*) FROM {STEPS} GROUP BY step"))


def _next_id() -> str:
    """SQL for the primary key of a new row: known beforehand, nobody has to look for the rows that were just written."""
    if connection.vendor == "postgresql":
        return f"nextval(pg_get_serial_sequence('{Transaction._meta.db_table}', 'id'))"
    return f"(SELECT COALESCE(MAX(id), 0) FROM {sql.table(Transaction)}) + ROW_NUMBER() OVER (ORDER BY s.id)"


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


def _insert(seen_at: datetime) -> None:
    sql.run(
        f"INSERT INTO {sql.table(Transaction)} (id, account_id, transaction_id, {sql.columns(Transaction, SAID)}, "
        f"{', '.join(OWNERS)}, first_seen_at, stage_since) "
        f"SELECT m.written, s.account_id, s.transaction_id, {sql.columns(StagedRow, SAID, of='s')}, "
        "m.client_id, m.case_id, %s, %s "
        f"FROM {_of_steps(StagedRow, 's', 'staged')} WHERE m.stored IS NULL",
        [sql.instant(seen_at)] * 2,
    )


def _save_history(run: PullRun, seen_at: datetime, steps: dict[str, int]) -> None:
    written = _of_steps(Transaction, "t", "written")
    if steps.keys() & set(history.Kind):
        told = f"{written} WHERE m.step NOT IN ('{history.RATE_MOVED}', '{history.NOTHING_NEW}')"
        history.save_changes(run, seen_at, kind="m.step", rows=told)
    if history.RATE_MOVED in steps:
        moved = f"{written} WHERE m.step = '{history.RATE_MOVED}'"
        history.save_estimates(seen_at, rows=moved)


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
