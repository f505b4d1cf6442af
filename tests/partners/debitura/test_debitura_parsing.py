"""From one JSON row to one record, or to the reason why there is none."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

import pytest
import simplejson

from partners.debitura.answers import CASES, CLIENTS, TRANSACTIONS
from partners.debitura.parsing import digest
from partners.debitura.records import CaseRef, ClientRef, TransactionRecord, Unreadable


def read(row, listing=TRANSACTIONS):
    """The row, sent through JSON as an answer would be."""
    return listing.read(simplejson.dumps(row, allow_nan=True).encode())


def test_transaction_is_read_in_full(transaction):
    record = read(transaction(7))
    assert isinstance(record, TransactionRecord)
    assert record.transaction_id == UUID("00000000-0000-4000-8000-000000000007")
    assert record.payment_date == datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
    assert record.client == ClientRef(UUID("11111111-1111-4111-8111-111111111111"), "tenant-7", "Åkerlund & Søn")
    assert record.case == CaseRef(
        UUID("22222222-2222-4222-8222-222222222222"), "Q8OAXF3W", "Debtor Ltd", Decimal(1000), "EUR"
    )
    assert (record.payment_amount, record.payment_currency) == (Decimal("1000.5"), "EUR")
    assert (record.revenue, record.revenue_usd) == (Decimal(60), Decimal("65.123456"))
    assert (record.fee, record.fee_usd, record.fee_percentage) == (Decimal(30), Decimal("32.561728"), Decimal(50))
    assert (record.is_estimate, record.is_recognized) == (False, True)
    assert (record.recognized_usd, record.earnings_currency) == (Decimal("32.561728"), "EUR")
    assert (record.commission_status, record.platform_status, record.referral_status) == (
        "Paid",
        "PaymentReceived",
        "Invoiced",
    )
    assert record.unknown_statuses == ()


def test_raw_is_the_row_as_it_came_and_fingerprint_its_digest(transaction):
    row = json.dumps(transaction(1, note="Ærø\x00", added={"later": [1.10]}), indent=1, ensure_ascii=False)
    record: Any = TRANSACTIONS.read(row.encode())
    assert record.raw == row
    assert record.fingerprint == blake2b(row.encode(), digest_size=16).digest()
    assert digest(row.replace("Ærø", "Æro")) != record.fingerprint


@pytest.mark.parametrize(
    ("paid", "date", "expected"),
    [
        ("2026-03-02T00:00:00", "2026-03-01T00:00:00Z", 2),
        (None, "2026-03-01T00:00:00Z", 1),
        ("", "2026-03-01T00:00:00Z", 1),
        ("2026-03-02T00:00:00", None, 2),
    ],
)
def test_payment_date_wins_over_date(transaction, paid, date, expected):
    record = read(transaction(1, date=date, payment={"paymentDate": paid}))
    assert record.payment_date == datetime(2026, 3, expected, tzinfo=UTC)


@pytest.mark.parametrize("nothing", [{}, None])
def test_missing_objects_are_survived(transaction, nothing):
    names = ("client", "case", "payment", "earnings", "recognition", "status")
    record = read(transaction(1, **dict.fromkeys(names, nothing)))
    assert (record.client, record.case) == (None, None)
    assert (record.payment_amount, record.payment_currency, record.earnings_currency) == (None, "", "")
    assert (record.revenue, record.revenue_usd, record.fee, record.fee_usd, record.fee_percentage) == (None,) * 5
    assert (record.is_estimate, record.is_recognized, record.recognized_usd) == (True, False, None)
    assert (record.commission_status, record.platform_status, record.referral_status) == ("", "", "Pending")
    assert record.unknown_statuses == ("commission_status", "platform_status")


def test_row_of_two_fields_is_enough():
    record = read({"transactionId": "00000000-0000-4000-8000-000000000001", "date": "2026-03-01"})
    assert record.payment_date == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "expected", "unknown"),
    [
        (("Unpaid", "NotInvoiced", None), ("Unpaid", "NotInvoiced", "Pending"), ()),
        (("Credited", "InvoiceCredited", "Disputed"), ("Credited", "InvoiceCredited", "Disputed"), ()),
        (("paid", "NotInvoiced", "Paid"), ("paid", "NotInvoiced", "Paid"), ("commission_status",)),
        (("Paid", "Lost", "Void"), ("Paid", "Lost", "Void"), ("platform_status", "referral_status")),
        ((1, "InvoiceIssued", "Pending"), ("1", "InvoiceIssued", "Pending"), ("commission_status",)),
    ],
)
def test_unknown_status_is_kept_and_flagged(transaction, statuses, expected, unknown):
    names = ("commissionPaymentStatus", "platformInvoicingStatus", "referralInvoicingStatus")
    record = read(transaction(1, status=dict(zip(names, statuses, strict=True))))
    assert (record.commission_status, record.platform_status, record.referral_status) == expected
    assert record.unknown_statuses == unknown


@pytest.mark.parametrize(
    ("commission", "flag", "expected"),
    [("Paid", None, False), ("Unpaid", None, True), ("Credited", None, True), ("Paid", True, True)],
)
def test_estimate_follows_the_flag_else_the_commission(transaction, commission, flag, expected):
    row = transaction(1, status={"commissionPaymentStatus": commission}, earnings={"isEstimate": flag})
    assert read(row).is_estimate is expected


NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transactionId": "nope"}, 'transactionId is "nope", not a UUID.'),
        ({"transactionId": None}, "transactionId is null, not a UUID."),
        ({"date": None, "payment": None}, "Neither payment.paymentDate nor date holds a date."),
        ({"payment": {"paymentDate": "soon"}}, 'payment.paymentDate is "soon", not a date.'),
        ({"earnings": {"referralFeeAmountUsd": NAN}}, "earnings.referralFeeAmountUsd is NaN, not an amount."),
        ({"earnings": {"isEstimate": "no"}}, 'earnings.isEstimate is "no", neither true nor false.'),
        ({"earnings": [1]}, "earnings is [1], not an object."),
        ({"client": "Acme"}, 'client is "Acme", not an object.'),
        ({"client": {"creditorId": "x"}}, 'client.creditorId is "x", not a UUID.'),
        ({"case": {"invoiceId": 5}}, "case.invoiceId is 5, not a UUID."),
        ({"status": {"platformInvoicingStatus": {}}}, "status.platformInvoicingStatus is {}, not a text."),
    ],
)
def test_unreadable_row_says_which_field_and_why(transaction, changes, reason):
    row = read(transaction(1, **changes))
    assert isinstance(row, Unreadable)
    assert row.reason == reason


@pytest.mark.parametrize(
    ("row", "identity"),
    [
        ({"transactionId": "nope"}, "nope"),
        ({"transactionId": "a\x00b"}, "a\ufffdb"),
        ({"transactionId": "x" * 65}, None),
        ({"transactionId": ""}, None),
        ({"transactionId": 7}, None),
        ({}, None),
        (None, None),
        ("text", None),
    ],
)
def test_unreadable_row_has_a_stable_identity(row, identity):
    first, second = read(row), read(row)
    assert first == second
    assert first.identity == identity or (
        identity is None and first.identity == blake2b(first.raw.encode(), digest_size=16).hexdigest()
    )


def test_unreadable_row_keeps_its_raw_text():
    row = '{"payment": {"amount":NaN,  "note":"\\ud800é"}}'
    assert TRANSACTIONS.read(row.encode()).raw == row


CLIENT = {
    "externalTenantId": "",
    "onboardingDone": False,
    "onboardingLinks": {"url": "https://referral.debitura.com/onboarding/1"},
    "client": {
        "id": "11111111-1111-4111-8111-111111111111",
        "companyName": "Acme <b>\x00",
        "companyRegistrationNumber": "12345678",
        "country": "Denmark",
        "address": "Street 1",
        "zipCode": "1000",
        "city": "Copenhagen",
        "officeEmail": "office@acme.example",
        "officePhone": "+45 1",
    },
    "users": [{"id": 1, "email": "a@acme.example", "firstName": "Åse", "lastName": "Holm"}, {"name": "B"}, None],
    "isAttributedClient": True,
    "dateLinked": "2025-06-01T12:00:00",
    "caseStats": {"casesTotal": 3, "casesClosed": 1, "earningsUsd": 167.60},
    "kycStatus": "NotRequired",
    "referralFeePercentageSnapshot": 50,
}


def test_client_is_read_in_full():
    record = read(CLIENT, CLIENTS)
    assert record.creditor_id == UUID("11111111-1111-4111-8111-111111111111")
    assert (record.external_tenant_id, record.company_name) == ("", "Acme <b>\ufffd")
    assert (record.registration_number, record.country) == ("12345678", "Denmark")
    assert record.address == "Street 1, 1000, Copenhagen"
    assert (record.email, record.phone) == ("office@acme.example", "+45 1")
    assert json.loads(record.users) == [{"name": "Åse Holm", "email": "a@acme.example"}, {"name": "B", "email": ""}]
    assert record.users.isascii()
    assert (record.onboarding_done, record.is_attributed) == (False, True)
    assert record.onboarding_url == "https://referral.debitura.com/onboarding/1"
    assert record.date_linked == datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert (record.cases_total, record.cases_closed, record.earnings_usd) == (3, 1, Decimal("167.6"))
    assert (record.kyc_status, record.fee_percentage) == ("not_required", Decimal(50))
    assert record.identity == "11111111-1111-4111-8111-111111111111"


def test_client_with_nothing_but_an_id_is_read():
    record = read({"client": {"id": "11111111-1111-4111-8111-111111111111"}}, CLIENTS)
    assert (record.external_tenant_id, record.company_name, record.users) == (None, "", "[]")
    assert (record.onboarding_done, record.is_attributed, record.onboarding_url) == (False, False, "")
    assert (record.cases_total, record.earnings_usd, record.date_linked) == (None, None, None)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("not_required", "not_required"),
        ("Pending", "pending"),
        ("Verified", "verified"),
        (None, ""),
        ("InReview", "InReview"),
    ],
)
def test_kyc_status_is_normalised_and_unknown_ones_kept(written, read_as):
    assert read(CLIENT | {"kycStatus": written}, CLIENTS).kyc_status == read_as


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client": None}, "client.id is null, not a UUID."),
        ({"users": "all"}, 'users is "all", not a list.'),
        ({"caseStats": {"casesTotal": -1}}, "caseStats.casesTotal is -1, not a count."),
    ],
)
def test_unreadable_client_says_why(changes, reason):
    assert read(CLIENT | changes, CLIENTS).reason == reason


def test_case_is_read_in_full():
    record = read(
        {
            "id": "22222222-2222-4222-8222-222222222222",
            "reference": "Q8OAXF3W",
            "creditorReference": "INV-7",
            "client": {"creditorId": "11111111-1111-4111-8111-111111111111"},
            "debtor": {"name": "Debtor", "country": "Sweden"},
            "grossAmount": 1000.10,
            "remainder": 0,
            "currency": "SEK",
            "lifecycle": "Closed",
            "closeCode": "PaidInFull",
            "currentEngagementPhase": None,
            "dateCreated": "2025-01-01T00:00:00Z",
            "dueDate": "0001-01-01T00:00:00",
            "dateCollectionStarted": None,
            "dateFinished": "2025-02-01",
            "collectionPartner": "Collector AB",
            "expectedReferralRatePercentage": 70.0,
        },
        CASES,
    )
    assert (record.reference, record.client_reference) == ("Q8OAXF3W", "INV-7")
    assert record.creditor_id == UUID("11111111-1111-4111-8111-111111111111")
    assert (record.debtor_name, record.debtor_country) == ("Debtor", "Sweden")
    assert (record.gross_amount, record.remainder, record.currency) == (Decimal("1000.1"), Decimal(0), "SEK")
    assert (record.lifecycle, record.close_code, record.engagement_phase) == ("Closed", "PaidInFull", "")
    assert (record.date_created, record.due_date) == (datetime(2025, 1, 1, tzinfo=UTC), None)
    assert (record.collection_started, record.finished) == (None, datetime(2025, 2, 1, tzinfo=UTC))
    assert (record.collection_partner, record.expected_fee_percentage) == ("Collector AB", Decimal("70"))


@pytest.mark.parametrize(
    ("client", "partner", "expected"),
    [
        (None, None, (None, "")),
        (
            {"id": "11111111-1111-4111-8111-111111111111"},
            {"name": "C"},
            (UUID("1" * 12 + "4" + "1" * 3 + "8" + "1" * 15), "C"),
        ),
    ],
)
def test_case_names_its_client_and_partner_in_either_form(client, partner, expected):
    row = {"id": "22222222-2222-4222-8222-222222222222", "client": client, "collectionPartner": partner}
    record = read(row, CASES)
    assert (record.creditor_id, record.collection_partner) == expected
