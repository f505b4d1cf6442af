"""What Debitura's answers become: frozen records with Decimal, aware UTC datetimes and UUIDs.

Text fields hold "" where Debitura sent null. NUL characters and lone surrogates, which PostgreSQL cannot
store, stand as U+FFFD in every text field. `raw` is the row's own JSON, character by character as it came, where they
can only be escapes, and `fingerprint` the BLAKE2b-128 digest of it: equal fingerprints mean that nothing changed.

What a transaction consists of are structs, not dataclasses: a million of them are made in a fifth of the time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Generic, TypeVar
from uuid import UUID

import msgspec


class CommissionStatus(StrEnum):
    """Whether the collection partner owes, paid or was credited the commission of a payment."""

    UNPAID = "Unpaid"
    PAID = "Paid"
    CREDITED = "Credited"


class PlatformStatus(StrEnum):
    """How far Debitura's own invoice to the collection partner is."""

    NOT_INVOICED = "NotInvoiced"
    INVOICE_ISSUED = "InvoiceIssued"
    PAYMENT_RECEIVED = "PaymentReceived"
    INVOICE_CREDITED = "InvoiceCredited"


class ReferralStatus(StrEnum):
    """How far the referral partner's invoice to Debitura is; Debitura's null means PENDING."""

    PENDING = "Pending"
    INVOICED = "Invoiced"
    PAID = "Paid"
    DISPUTED = "Disputed"


class KycStatus(StrEnum):
    """Whether a client's identity was checked."""

    NOT_REQUIRED = "not_required"
    PENDING = "pending"
    VERIFIED = "verified"


class InvoicingTriggerMode(StrEnum):
    """When a referral partner may invoice; Debitura's null means PAY_WHEN_PAID."""

    PAY_WHEN_PAID = "PayWhenPaid"
    CONFIRMED_PIPELINE = "ConfirmedPipeline"


# The state of a case that waits to be activated, by its key.
PENDING_VERIFICATION = "pendingverification"


def state_key(lifecycle: str) -> str:
    """The state of a case, alike however Debitura writes it: with blanks and without, large or small."""
    return lifecycle.replace(" ", "").casefold()


def waits_for_activation(lifecycle: str) -> bool:
    """Whether this is the state of a case that waits to be activated."""
    return state_key(lifecycle) == PENDING_VERIFICATION


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that could not become a record.

    raw: its JSON as it came (may hold the tokens NaN and Infinity, which JSON proper lacks).
    reason: a sentence naming the field and the problem.
    identity: the row's id as it came, or a hash of `raw` where it has none; at most 64 characters, stable.
    """

    raw: str
    reason: str
    identity: str


@dataclass(frozen=True, slots=True)
class StageFigure:
    """One stage of the provider's own summary: fee in USD and number of rows; None where it was left out."""

    fee_usd: Decimal | None
    count: int | None


@dataclass(frozen=True, slots=True)
class RevenueSummary:
    """Debitura's totals over the rows of a query.

    stages: by our stage name ("pending" … "paid", "disputed"); a stage Debitura left out is absent.
    total_debitura_revenue_usd: the platform's own revenue in USD over the same rows.
    """

    stages: Mapping[str, StageFigure]
    total_debitura_revenue_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class ClientsSummary:
    """Portfolio counts of GET /clients; Debitura counts the whole base whatever was filtered."""

    total_clients: int | None
    attributed_clients: int | None
    onboarding_complete: int | None
    onboarding_pending: int | None
    total_cases: int | None


@dataclass(frozen=True, slots=True)
class CasesSummary:
    """Counts of GET /cases."""

    total_cases: int | None
    cases_this_month: int | None
    by_lifecycle: Mapping[str, int]


Summary = RevenueSummary | ClientsSummary | CasesSummary


class ClientRef(msgspec.Struct, frozen=True, gc=False):
    """The client as a transaction names it; `creditor_id` is the stable identity."""

    creditor_id: UUID
    external_tenant_id: str | None
    company_name: str


class CaseRef(msgspec.Struct, frozen=True, gc=False):
    """The case as a transaction names it; `original_amount` is in `currency`."""

    case_id: UUID
    reference: str
    debtor_name: str
    original_amount: Decimal | None
    currency: str


class TransactionRecord(msgspec.Struct, frozen=True, gc=False):
    """One payment of a debtor and what it earns.

    payment_date: UTC; payment.paymentDate, or the row's date where that is missing.
    payment_amount: in payment_currency. revenue, fee: in earnings_currency. *_usd: in USD.
    fee_percentage: 0 to 100.
    is_estimate: the USD amounts still follow live exchange rates.
    recognized_usd: 0 while `is_recognized` is False.
    *_status: the contract's value, or an unknown one as it came, whose field `unknown_statuses` then names.
    """

    transaction_id: UUID
    payment_date: datetime
    client: ClientRef | None
    case: CaseRef | None
    payment_amount: Decimal | None
    payment_currency: str
    earnings_currency: str
    revenue: Decimal | None
    revenue_usd: Decimal | None
    fee_percentage: Decimal | None
    fee: Decimal | None
    fee_usd: Decimal | None
    is_estimate: bool
    is_recognized: bool
    recognized_usd: Decimal | None
    commission_status: str
    platform_status: str
    referral_status: str
    unknown_statuses: tuple[str, ...]
    raw: str
    fingerprint: bytes

    @property
    def identity(self) -> str:
        """The id that tells this row from others while paging."""
        return str(self.transaction_id)


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """One client of GET /clients.

    users: a JSON list of {"name", "email"} objects, in pure ASCII.
    onboarding_url: an http or https address, "" for anything else.
    earnings_usd: Debitura's own sum of the partner's fees on this client, in USD.
    kyc_status: a KycStatus value, or an unknown one as it came.
    fee_percentage: the client's snapshot, 0 to 100, None where it is not served.
    """

    creditor_id: UUID
    external_tenant_id: str | None
    company_name: str
    registration_number: str
    country: str
    address: str
    email: str
    phone: str
    users: str
    onboarding_done: bool
    onboarding_url: str
    is_attributed: bool
    date_linked: datetime | None
    cases_total: int | None
    cases_closed: int | None
    earnings_usd: Decimal | None
    kyc_status: str
    fee_percentage: Decimal | None
    raw: str
    fingerprint: bytes

    @property
    def identity(self) -> str:
        """The id that tells this row from others while paging."""
        return str(self.creditor_id)


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One case of GET /cases; the amounts are in `currency`, the dates in UTC."""

    case_id: UUID
    reference: str
    client_reference: str
    creditor_id: UUID | None
    external_tenant_id: str | None
    company_name: str
    debtor_name: str
    debtor_country: str
    gross_amount: Decimal | None
    remainder: Decimal | None
    currency: str
    lifecycle: str
    close_code: str
    engagement_phase: str
    date_created: datetime | None
    due_date: datetime | None
    collection_started: datetime | None
    finished: datetime | None
    collection_partner: str
    expected_fee_percentage: Decimal | None
    raw: str
    fingerprint: bytes

    @property
    def identity(self) -> str:
        """The id that tells this row from others while paging."""
        return str(self.case_id)


Record = TransactionRecord | ClientRecord | CaseRecord
RecordT = TypeVar("RecordT", TransactionRecord, ClientRecord, CaseRecord)


@dataclass(frozen=True, slots=True)
class Page(Generic[RecordT]):
    """One page of an answer, numbered from 1.

    total_results: rows of the whole query as this very answer counts them, None where it does not say.
    page_size: the size in force: the answer's own, or the asked one where the answer does not say.
    """

    number: int
    rows: tuple[RecordT, ...]
    unreadable: tuple[Unreadable, ...]
    total_results: int | None
    page_size: int
    summary: Summary | None

    @property
    def identities(self) -> frozenset[str]:
        """The ids of all rows, the unreadable ones included."""
        return frozenset(self.each_identity())

    def each_identity(self) -> Iterator[str]:
        """The ids one by one, each made when it is asked for."""
        return chain((row.identity for row in self.rows), (row.identity for row in self.unreadable))

    def __len__(self) -> int:
        """The number of rows as they came, the unreadable ones included."""
        return len(self.rows) + len(self.unreadable)


@dataclass(frozen=True, slots=True)
class Me:
    """The partner whom the key belongs to.

    fee_percentage: 0 to 100.
    invoicing_trigger_mode: an InvoicingTriggerMode value, or an unknown one as it came.
    """

    id: str
    company_name: str
    short_name: str
    contact_email: str
    external_system_id: str
    fee_percentage: Decimal | None
    is_active: bool
    invoicing_trigger_mode: str
