"""How a row stands aside between being read and being published: the typed columns of StagedRow, in the database, so that
memory does not grow with them and a pull that dies has not read in vain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from operator import attrgetter
from typing import Any

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

COLUMNS = (
    "account_id",
    "transaction_id",
    "creditor_id",
    "external_tenant_id",
    "company_name",
    "case_uuid",
    "case_reference",
    "debtor_name",
    "original_amount",
    "case_currency",
    "stage",
    "unknown_statuses",
    "fingerprint",
    *PLAIN,
)
NO_CLIENT = (None, None, "")
NO_CASE = (None, "", "", None, "")
_plain = attrgetter(*PLAIN)


def reading_rules(mode: str) -> str:
    """Under what rows are read: rows staged, or totals kept, under other rules say nothing about these."""
    return f"{RULES.decode()}:{mode}"


def fingerprint(record: TransactionRecord, mode: str) -> str:
    """Equal for rows that would be stored equally: the raw text, the mode that decides the stage, and our rules."""
    return hashlib.blake2b(record.fingerprint, digest_size=16, key=_key(mode), person=RULES).hexdigest()


@cache
def _key(mode: str) -> bytes:
    return hashlib.blake2b(mode.encode(), digest_size=16).digest()


def stage_rows(account: PartnerAccount, records: Iterable[TransactionRecord], *, mode: str) -> None:
    """Put rows aside that are not staged yet."""
    bulk.copy_rows(StagedRow, COLUMNS, (_line(account.pk, record, mode) for record in records))


def _line(account: int, record: TransactionRecord, mode: str) -> tuple[Any, ...]:
    return (
        account,
        record.transaction_id,
        *_named(record),
        stage_of(record, mode),
        list(record.unknown_statuses),
        fingerprint(record, mode),
        *_plain(record),
    )


def _named(record: TransactionRecord) -> tuple[Any, ...]:
    """The client and the case of a row, where it names them."""
    client, case = record.client, record.case
    owner = (client.creditor_id, indexable(client.external_tenant_id), client.company_name) if client else NO_CLIENT
    if case is None:
        return (*owner, *NO_CASE)
    reference = addressable(case.reference)
    return (*owner, case.case_id, reference, case.debtor_name, case.original_amount, case.currency)
