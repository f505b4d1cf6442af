"""Rows that a running pull has read and not yet published: kept in the database, so that memory does not grow with them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from partners.debitura.records import TransactionRecord
from partners.models import PartnerAccount
from revenue.models import StagedRow, Transaction
from revenue.pull import bulk
from revenue.pull.directory import addressable, indexable
from revenue.pull.sweep import TransactionPage, stage_of

# Counted up when reading or deriving a row changes, so that the next pull takes every row anew.
RULES = b"1"
# Taken over from the record as they are.
PLAIN = (
    "payment_date",
    "payment_amount",
    "payment_currency",
    "earnings_currency",
    "revenue",
    "revenue_usd",
    "fee_percentage",
    "fee",
    "fee_usd",
    "is_estimate",
    "is_recognized",
    "recognized_usd",
    "commission_status",
    "platform_status",
    "referral_status",
    "raw",
)


def fingerprint(record: TransactionRecord, mode: str) -> str:
    """Equal for rows that would be stored equally: the raw text, the mode that decides the stage, and our rules."""
    key = hashlib.blake2b(mode.encode(), digest_size=16).digest()
    return hashlib.blake2b(record.fingerprint, digest_size=16, key=key, person=RULES).hexdigest()


@dataclass(slots=True)
class Staging:
    """Keeps new and changed rows aside; the others cost one look at their fingerprint."""

    account: PartnerAccount
    mode: str
    _kept: set[UUID] = field(default_factory=set)

    def keep(self, page: TransactionPage) -> None:
        """Take in a page, later ones over earlier ones. A row that is again as we have it is dropped."""
        latest = {row.transaction_id: row for row in page.rows}
        stored = self._stored_fingerprints(list(latest))
        changed = [row for key, row in latest.items() if stored.get(key) != fingerprint(row, self.mode)]
        self._drop(latest.keys())
        self._save(changed)

    def _stored_fingerprints(self, ids: list[UUID]) -> dict[UUID, str]:
        """Of the rows that are present; one that comes back from removal counts as changed."""
        rows = Transaction.objects.filter(account=self.account, removed_at=None, transaction_id__in=ids)
        return dict(rows.values_list("transaction_id", "fingerprint"))

    def _drop(self, seen_again: Collection[UUID]) -> None:
        if again := self._kept.intersection(seen_again):
            self.account.staged.filter(transaction_id__in=again).delete()
            self._kept -= again

    def _save(self, changed: list[TransactionRecord]) -> None:
        bulk.write(StagedRow, [self._row(row) for row in changed])
        self._kept |= {row.transaction_id for row in changed}

    def _row(self, record: TransactionRecord) -> StagedRow:
        client, case = record.client, record.case
        return StagedRow(
            account=self.account,
            transaction_id=record.transaction_id,
            creditor_id=client.creditor_id if client else None,
            external_tenant_id=indexable(client.external_tenant_id) if client else None,
            company_name=client.company_name if client else "",
            case_uuid=case.case_id if case else None,
            case_reference=addressable(case.reference) if case else "",
            debtor_name=case.debtor_name if case else "",
            original_amount=case.original_amount if case else None,
            case_currency=case.currency if case else "",
            stage=stage_of(record, self.mode),
            unknown_statuses=list(record.unknown_statuses),
            fingerprint=fingerprint(record, self.mode),
            **{name: getattr(record, name) for name in PLAIN},
        )
