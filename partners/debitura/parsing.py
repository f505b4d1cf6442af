"""From one JSON row to one record. Field names are the provider's, exact; unknown fields are ignored.

Each function raises fields.BadField where the row cannot be believed.
"""

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import simplejson

from . import lenient
from .fields import BadField, shown, storable
from .reader import Reader
from .records import (
    CaseRecord,
    CaseRef,
    ClientRecord,
    ClientRef,
    CommissionStatus,
    InvoicingTriggerMode,
    KycStatus,
    Me,
    PlatformStatus,
    RecordT,
    ReferralStatus,
    TransactionRecord,
    Unreadable,
)

MAX_IDENTITY = 64
KNOWN_STATUSES = {
    "commission_status": frozenset(status.value for status in CommissionStatus),
    "platform_status": frozenset(status.value for status in PlatformStatus),
    "referral_status": frozenset(status.value for status in ReferralStatus),
}
KNOWN_KYC = frozenset(status.value for status in KycStatus)
_ENCODER = simplejson.JSONEncoder(separators=(",", ":"), use_decimal=True, allow_nan=True)


def as_json(value: Any) -> str:
    """Compact JSON in pure ASCII; decimals keep their digits."""
    return _ENCODER.encode(value)


def digest(raw: str | bytes) -> bytes:
    """The BLAKE2b-128 digest of a row's JSON, of its UTF-8."""
    return blake2b(raw.encode() if isinstance(raw, str) else raw, digest_size=16).digest()


def read_row(raw: str, parse: Callable[[Reader, str], RecordT], id_path: tuple[str, ...]) -> RecordT | Unreadable:
    """The record of a row's JSON, or why there is none; `id_path` leads to the row's id.

    Raises what lenient.read() raises.
    """
    row = lenient.read(raw)
    try:
        if not isinstance(row, dict):
            raise BadField(f"The row is {shown(row)}, not an object.")
        return parse(Reader(row), raw)
    except BadField as problem:
        return Unreadable(raw=raw, reason=str(problem), identity=_identity(row, id_path, raw))


def _identity(row: Any, id_path: tuple[str, ...], raw: str) -> str:
    value = row
    for name in id_path:
        value = value.get(name) if isinstance(value, dict) else None
    usable = isinstance(value, str) and 0 < len(value) <= MAX_IDENTITY
    return storable(value) if usable else digest(raw).hex()


def transaction(row: Reader, raw: str) -> TransactionRecord:
    """A row of GET /reporting/transactions."""
    payment, earnings = row.section("payment"), row.section("earnings")
    recognition, status = row.section("recognition"), row.section("status")
    commission = status.text("commissionPaymentStatus")
    platform = status.text("platformInvoicingStatus")
    referral = status.text("referralInvoicingStatus") or ReferralStatus.PENDING.value
    # The filter works on the payment date, so it is the one to believe where the two dates differ.
    paid = payment.moment("paymentDate") or row.moment("date")
    if paid is None:
        raise BadField("Neither payment.paymentDate nor date holds a date.")
    return TransactionRecord(
        transaction_id=row.identifier("transactionId"),
        payment_date=paid,
        client=_client_ref(row.section("client")),
        case=_case_ref(row.section("case")),
        payment_amount=payment.amount("amount"),
        payment_currency=payment.text("currency"),
        earnings_currency=earnings.text("currency"),
        revenue=earnings.amount("debituraRevenue"),
        revenue_usd=earnings.amount("debituraRevenueUsd"),
        fee_percentage=earnings.amount("referralFeePercentage"),
        fee=earnings.amount("referralFeeAmount"),
        fee_usd=earnings.amount("referralFeeAmountUsd"),
        # The contract's own definition of the flag, for a row that leaves it out.
        is_estimate=earnings.flag("isEstimate", default=commission != CommissionStatus.PAID),
        is_recognized=recognition.flag("isRecognized"),
        recognized_usd=recognition.amount("referralFeeRecognizedUsd"),
        commission_status=commission,
        platform_status=platform,
        referral_status=referral,
        unknown_statuses=unknown_statuses(commission, platform, referral),
        raw=raw,
        fingerprint=digest(raw),
    )


def unknown_statuses(commission: str, platform: str, referral: str) -> tuple[str, ...]:
    """The fields of a record whose value the contract does not know."""
    held = {"commission_status": commission, "platform_status": platform, "referral_status": referral}
    return tuple(name for name, value in held.items() if value not in KNOWN_STATUSES[name])


def _client_ref(client: Reader) -> ClientRef | None:
    """None where the row names no client by its stable identity; `raw` still has the rest."""
    creditor = client.identifier_or_none("creditorId")
    if creditor is None:
        return None
    return ClientRef(
        creditor_id=creditor,
        external_tenant_id=client.text_or_none("externalTenantId"),
        company_name=client.text("companyName"),
    )


def _case_ref(case: Reader) -> CaseRef | None:
    found = case.identifier_or_none("invoiceId")
    if found is None:
        return None
    return CaseRef(
        case_id=found,
        reference=case.text("caseReference"),
        debtor_name=case.text("debtorName"),
        original_amount=case.amount("originalAmount"),
        currency=case.text("currency"),
    )


def client(row: Reader, raw: str) -> ClientRecord:
    """A row of GET /clients."""
    company, stats = row.section("client"), row.section("caseStats")
    return ClientRecord(
        creditor_id=company.identifier("id"),
        external_tenant_id=row.text_or_none("externalTenantId"),
        company_name=company.first_text("companyName", "name"),
        registration_number=company.first_text("companyRegistrationNumber", "registrationNumber"),
        country=company.text("country"),
        address=company.joined(", ", "address", "zipCode", "city", "state"),
        email=company.first_text("officeEmail", "email"),
        phone=company.first_text("officePhone", "phone"),
        users=_users(row.get("users")),
        onboarding_done=row.flag("onboardingDone"),
        onboarding_url=row.section("onboardingLinks").link("url"),
        is_attributed=row.flag("isAttributedClient"),
        date_linked=row.optional_moment("dateLinked"),
        cases_total=stats.count("casesTotal"),
        cases_closed=stats.count("casesClosed"),
        earnings_usd=stats.amount("earningsUsd"),
        kyc_status=_kyc(row.text("kycStatus")),
        fee_percentage=row.amount("referralFeePercentageSnapshot"),
        raw=raw,
        fingerprint=digest(raw),
    )


def _users(value: Any) -> str:
    if value is None:
        return "[]"
    if not isinstance(value, list):
        raise BadField(f"users is {shown(value)}, not a list.")
    people = [Reader(user, "users.") for user in value if isinstance(user, dict)]
    return as_json(
        [
            {"name": user.text("name") or user.joined(" ", "firstName", "lastName"), "email": user.text("email")}
            for user in people
        ]
    )


def _kyc(value: str) -> str:
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value).lower()
    return snake if snake in KNOWN_KYC else value


def case(row: Reader, raw: str) -> CaseRecord:
    """A row of GET /cases."""
    creditor, debtor = row.section("client"), row.section("debtor")
    return CaseRecord(
        case_id=row.identifier("id"),
        reference=row.text("reference"),
        client_reference=row.text("creditorReference"),
        creditor_id=creditor.identifier_or_none("creditorId") or creditor.identifier_or_none("id"),
        external_tenant_id=creditor.text_or_none("externalTenantId"),
        company_name=creditor.first_text("companyName", "name"),
        debtor_name=debtor.text("name"),
        debtor_country=debtor.text("country"),
        gross_amount=row.amount("grossAmount"),
        remainder=row.amount("remainder"),
        currency=row.text("currency"),
        lifecycle=row.text("lifecycle"),
        close_code=row.text("closeCode"),
        engagement_phase=row.text("currentEngagementPhase"),
        date_created=row.optional_moment("dateCreated"),
        due_date=row.optional_moment("dueDate"),
        collection_started=row.optional_moment("dateCollectionStarted"),
        finished=row.optional_moment("dateFinished"),
        collection_partner=_partner(row),
        expected_fee_percentage=row.amount("expectedReferralRatePercentage"),
        raw=raw,
        fingerprint=digest(raw),
    )


def _partner(row: Reader) -> str:
    """Its display name, a text here and inside an object in the provider's other APIs."""
    if isinstance(row.get("collectionPartner"), dict):
        return row.section("collectionPartner").text("name")
    return row.text("collectionPartner")


def me(row: Reader) -> Me:
    """The answer of GET /me."""
    return Me(
        id=row.text("id"),
        company_name=row.text("companyName"),
        short_name=row.text("shortName"),
        contact_email=row.text("contactEmail"),
        external_system_id=row.text("externalSystemId"),
        fee_percentage=row.amount("referralFeePercentage"),
        is_active=row.flag("isActive", default=True),
        invoicing_trigger_mode=row.text("invoicingTriggerMode") or InvoicingTriggerMode.PAY_WHEN_PAID.value,
    )
