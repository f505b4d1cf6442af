"""Records as the API writes them. A transaction's text is kept until the row changes."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from typing import Any

from sandbox.places import COUNTRIES
from sandbox.records import EPOCH, PENDING, TICKS_PER_SECOND, Payment, SandboxCase, SandboxClient
from sandbox.replies import to_json

_OFFSETS = tuple(timezone(timedelta(minutes=minutes)) for minutes in (60, 120, -300, 345))
_BOOL = ("false", "true")


def transaction(payment: Payment) -> bytes:
    """One row of /reporting/transactions."""
    if payment.text is None:
        payment.text = _transaction(payment).encode()
    return payment.text


def _transaction(p: Payment) -> str:
    client, case = p.client, p.case
    when = date_text(p.moment, p.id.int)
    tenant = "null" if client.external_tenant_id is None else quoted(client.external_tenant_id)
    referral = "null" if p.referral is None else quoted(p.referral)
    recognised = not p.is_estimate
    return (
        f'{{"transactionId":"{p.id}","date":"{when}",'
        f'"client":{{"externalTenantId":{tenant},"creditorId":"{client.id}",'
        f'"companyName":{quoted(client.company_name)}}},'
        f'"case":{{"invoiceId":"{case.id}","caseReference":{quoted(case.reference)},'
        f'"debtorName":{quoted(case.debtor_name)},"originalAmount":{case.gross_amount:f},'
        f'"currency":"{case.currency}"}},'
        f'"payment":{{"amount":{p.amount:f},"currency":"{p.currency}","paymentDate":"{when}"}},'
        f'"earnings":{{"currency":"{p.currency}","debituraRevenue":{p.revenue:f},'
        f'"debituraRevenueUsd":{p.revenue_usd:f},"referralFeePercentage":{p.fee_percentage:f},'
        f'"referralFeeAmount":{p.fee:f},"referralFeeAmountUsd":{p.fee_usd:f},'
        f'"isEstimate":{_BOOL[p.is_estimate]}}},'
        f'"recognition":{{"isRecognized":{_BOOL[recognised]},'
        f'"referralFeeRecognizedUsd":{p.fee_usd if recognised else Decimal(0):f}}},'
        f'"status":{{"commissionPaymentStatus":{quoted(p.commission)},'
        f'"platformInvoicingStatus":{quoted(p.platform)},"referralInvoicingStatus":{referral}}}}}'
    )


def date_text(moment: int, style: int) -> str:
    """Ticks as the API writes dates: 7 digits or as few as needed, with `Z`, an offset, or neither.

    `style` picks the form; the same number always picks the same.
    """
    seconds, fraction = divmod(moment, TICKS_PER_SECOND)
    when = EPOCH + timedelta(seconds=seconds)
    digits = f".{fraction:07d}"
    form = style % 4
    if form == 0:
        return f"{_plain(when)}{digits}Z"
    if form == 1:
        return f"{_plain(when)}{digits.rstrip('0').rstrip('.')}Z"
    if form == 2:
        return f"{_plain(when)}{digits}"
    local = when.astimezone(_OFFSETS[style // 4 % 4]).isoformat()
    return f"{local[:19]}{digits}{local[19:]}"


def _plain(when: datetime) -> str:
    return when.isoformat()[:19]


def date(when: datetime | None) -> str | None:
    """A moment to the second, as the API writes dates other than those of payments."""
    return None if when is None else f"{_plain(when.astimezone(UTC))}Z"


def client(client: SandboxClient, cases: int, closed: int, earnings: Decimal) -> bytes:
    """One row of /clients; `earnings` in USD."""
    link = None if client.onboarding_done else {"url": f"https://app.example/onboarding/{client.id}"}
    body: dict[str, Any] = {
        "externalTenantId": client.external_tenant_id,
        "onboardingDone": client.onboarding_done,
        "onboardingLinks": link,
        "client": creditor(client),
        "users": [{"name": name, "email": email} for name, email in client.users],
        "isAttributedClient": client.is_attributed,
        "dateLinked": date(client.date_linked),
        "caseStats": {"casesTotal": cases, "casesClosed": closed, "earningsUsd": earnings},
        "kycStatus": client.kyc_status,
        "referralFeePercentageSnapshot": client.fee_percentage,
    }
    return to_json(body).encode()


def creditor(client: SandboxClient) -> dict[str, Any]:
    return {
        "id": str(client.id),
        "companyName": client.company_name,
        "registrationNumber": client.registration_number,
        "country": COUNTRIES[client.country][1],
        "address": client.address,
        "email": client.email,
        "phone": client.phone,
    }


def case(case: SandboxCase) -> bytes:
    """One row of /cases."""
    body = {
        "id": str(case.id),
        "reference": case.reference,
        "creditorReference": case.creditor_reference,
        "client": creditor(case.client) | {"externalTenantId": case.client.external_tenant_id},
        "debtor": {"name": case.debtor_name, "country": COUNTRIES[case.debtor_country][1]},
        "grossAmount": case.gross_amount,
        "remainder": case.remainder,
        "currency": case.currency,
        "lifecycle": case.lifecycle,
        "closeCode": case.close_code,
        "currentEngagementPhase": case.phase,
        "dateCreated": date(case.date_created),
        "dueDate": date(case.due_date),
        "dateCollectionStarted": None if case.lifecycle == PENDING else date(case.date_collection_started),
        "dateFinished": date(case.date_finished),
        "collectionPartner": case.collection_partner,
        "expectedReferralRatePercentage": case.client.fee_percentage,
    }
    return to_json(body).encode()
