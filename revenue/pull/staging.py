"""How a row stands aside between being read and being published: the typed columns of StagedRow, in the database, so that
memory does not grow with them and a pull that dies has not read in vain."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from partners.debitura.records import TransactionRecord
from partners.models import PartnerAccount
from revenue.models import StagedRow
from revenue.pull import bulk
from revenue.pull.directory import addressable, indexable
from revenue.pull.sweep import stage_of

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


def reading_rules(mode: str) -> str:
    """Under what rows are read: rows staged, or totals kept, under other rules say nothing about these."""
    return f"{RULES.decode()}:{mode}"


def fingerprint(record: TransactionRecord, mode: str) -> str:
    """Equal for rows that would be stored equally: the raw text, the mode that decides the stage, and our rules."""
    return hashlib.blake2b(record.fingerprint, digest_size=16, key=_key(mode), person=RULES).hexdigest()


@cache
def _key(mode: str) -> bytes:
    return hashlib.blake2b(mode.encode(), digest_size=16).digest()


def stage_rows(account: PartnerAccount, records: Sequence[TransactionRecord], *, mode: str) -> None:
    """Put rows aside that are not staged yet."""
    bulk.write(StagedRow, [_row(account, record, mode) for record in records])


def _row(account: PartnerAccount, record: TransactionRecord, mode: str) -> StagedRow:
    client, case = record.client, record.case
    return StagedRow(
        account=account,
        transaction_id=record.transaction_id,
        creditor_id=client.creditor_id if client else None,
        external_tenant_id=indexable(client.external_tenant_id) if client else None,
        company_name=client.company_name if client else "",
        case_uuid=case.case_id if case else None,
        case_reference=addressable(case.reference) if case else "",
        debtor_name=case.debtor_name if case else "",
        original_amount=case.original_amount if case else None,
        case_currency=case.currency if case else "",
        stage=stage_of(record, mode),
        unknown_statuses=list(record.unknown_statuses),
        fingerprint=fingerprint(record, mode),
        **{name: getattr(record, name) for name in PLAIN},
    )
