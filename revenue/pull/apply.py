"""Writing the rows that a pull read, and the lines of their history.

Everything here runs inside the one database transaction that publishes a pull (runner.py): readers see all of it or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from partners.debitura.parsing import digest
from partners.debitura.records import TransactionRecord, Unreadable
from partners.models import Case, PartnerAccount
from revenue.models import PullRun, QuarantinedRow, Transaction, TransactionChange
from revenue.pull import bulk, directory, history
from revenue.pull.staging import BATCH, PLAIN, Staging, fingerprint, record_of
from revenue.pull.sweep import Listing, is_named, stage_of

# An update of many rows at once is one statement whose cost grows with the square of their number.
QUARANTINE_BATCH = 200
WRITTEN = (*history.STATE_FIELDS, "unknown_statuses", "raw", "fingerprint", "stage_since", "removed_at")


@dataclass(slots=True)
class TransactionCounts:
    """What a pull did to the rows."""

    created: int = 0
    updated: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one pull's rows, all of them as seen at one instant (UTC)."""

    account: PartnerAccount
    run: PullRun
    mode: str
    seen_at: datetime
    counts: TransactionCounts = field(default_factory=TransactionCounts)

    def save_staged(self, staging: Staging, listing: Listing) -> None:
        """Write the staged rows that the listing holds; one that only an unproven earlier pass saw is left out."""
        for number, batch in enumerate(staging.batches(), start=1):
            self._save([record_of(row) for row in batch if row.transaction_id in listing.rows])
            # As the tables double, so that a first load of any size finds its own rows by their index.
            if number & (number - 1) == 0 and len(batch) == BATCH:
                bulk.refresh_statistics(Transaction, Case)

    def remove_unlisted(self, listing: Listing) -> None:
        """Mark the rows that a complete listing does not hold. Never called with any other listing."""
        gone = unlisted(self.account, listing)
        for start in range(0, len(gone), BATCH):
            rows = list(Transaction.objects.filter(pk__in=gone[start : start + BATCH]))
            self._save_changes((row, TransactionChange.Kind.REMOVED) for row in rows)
            Transaction.objects.filter(pk__in=[row.pk for row in rows]).update(removed_at=self.seen_at)
        self.counts.removed = len(gone)

    def _save(self, records: list[TransactionRecord]) -> None:
        clients = directory.clients_of(self.account, records, seen_at=self.seen_at)
        cases = directory.cases_of(self.account, records, clients)
        before = self._stored(records)
        after = [self._row(record, before.get(record.transaction_id), clients, cases) for record in records]
        bulk.write(Transaction, after, identity=("account", "transaction_id"), update=WRITTEN)
        self.counts.updated += len(before)
        self.counts.created += len(after) - len(before)
        self._save_history(before, self._with_keys(after))

    def _stored(self, records: Iterable[TransactionRecord]) -> dict[UUID, Transaction]:
        ids = [record.transaction_id for record in records]
        rows = Transaction.objects.filter(account=self.account, transaction_id__in=ids)
        return {row.transaction_id: row for row in rows}

    def _with_keys(self, rows: list[Transaction]) -> list[Transaction]:
        """The rows just written, now with their primary keys."""
        ids = [row.transaction_id for row in rows]
        stored = Transaction.objects.filter(account=self.account, transaction_id__in=ids)
        keys = dict(stored.values_list("transaction_id", "pk"))
        for row in rows:
            row.pk = keys[row.transaction_id]
        return rows

    def _row(
        self,
        record: TransactionRecord,
        before: Transaction | None,
        clients: Mapping[UUID, int],
        cases: Mapping[UUID, int],
    ) -> Transaction:
        """The row as it is to be stored. Without a primary key also where it exists: the database finds it by its identity."""
        stage = stage_of(record, self.mode)
        return Transaction(
            account=self.account,
            transaction_id=record.transaction_id,
            client_id=clients[record.client.creditor_id] if record.client else None,
            case_id=cases[record.case.case_id] if record.case else None,
            stage=stage,
            unknown_statuses=list(record.unknown_statuses),
            fingerprint=fingerprint(record, self.mode),
            first_seen_at=before.first_seen_at if before else self.seen_at,
            stage_since=before.stage_since if before and before.stage == stage else self.seen_at,
            **{name: getattr(record, name) for name in PLAIN},
        )

    def _save_history(self, before: Mapping[UUID, Transaction], after: list[Transaction]) -> None:
        changes, estimates = [], []
        for row in after:
            old = before.get(row.transaction_id)
            if kind := history.change_kind(old, row):
                changes.append((row, kind))
            elif old and history.rate_moved(old, row):
                estimates.append(history.day_estimate(row, self.seen_at))
        self._save_changes(changes)
        history.save_estimates(estimates)

    def _save_changes(self, changes: Iterable[tuple[Transaction, TransactionChange.Kind]]) -> None:
        lines = [history.change_line(row, kind, self.run, self.seen_at) for row, kind in changes]
        bulk.write(TransactionChange, lines)


def unlisted(account: PartnerAccount, listing: Listing) -> list[int]:
    """Primary keys of the rows that we count and the listing lacks. A row that is listed but cannot be read is listed."""
    present = Transaction.objects.filter(account=account, removed_at=None).values_list("pk", "transaction_id")
    return [pk for pk, key in present.iterator() if key not in listing.rows and str(key) not in listing.unreadable]


def save_quarantine(run: PullRun, resource: QuarantinedRow.Resource, broken: Mapping[str, Unreadable]) -> None:
    """Keep what could not be read, once a row: a broken estimate has another text at every pull, and the last one is kept.

    `broken` by its key (sweep.key_of). Where a row does not say which one it is, every text of it is a row of its own.
    """
    rows = list(broken.values())
    for start in range(0, len(rows), QUARANTINE_BATCH):
        _save_quarantined(run, resource, rows[start : start + QUARANTINE_BATCH])


def _save_quarantined(run: PullRun, resource: QuarantinedRow.Resource, rows: list[Unreadable]) -> None:
    named = [row.identity for row in rows if is_named(row)]
    known = {row.identity: row for row in run.account.quarantine.filter(resource=resource, identity__in=named)}
    kept = [_quarantined(run, resource, row, known.get(row.identity)) for row in rows]
    QuarantinedRow.objects.bulk_update((row for row in kept if row.pk), ["digest", "reason", "raw", "last_run"])
    QuarantinedRow.objects.bulk_create(
        (row for row in kept if not row.pk),
        update_conflicts=True,
        unique_fields=["account", "resource", "digest"],
        update_fields=["reason", "last_run"],
    )


def _quarantined(
    run: PullRun, resource: QuarantinedRow.Resource, row: Unreadable, known: QuarantinedRow | None
) -> QuarantinedRow:
    kept = known or QuarantinedRow(account_id=run.account_id, resource=resource, identity=row.identity, first_run=run)
    kept.digest, kept.raw, kept.reason, kept.last_run = digest(row.raw).hex(), row.raw, row.reason, run
    return kept
