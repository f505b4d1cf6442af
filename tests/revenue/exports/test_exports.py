import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client

from accounts.access import Sight
from partners.spreadsheets import safe_text
from revenue.exports.clients import CLIENT_HEADERS, clients_csv
from revenue.exports.transactions import transactions_csv
from revenue.filters import ClientFilter
from revenue.models import Transaction
from revenue.periods import Period
from revenue.selectors.totals import list_totals
from revenue.stages import Stage
from tests.factories import (
    NOW,
    make_account,
    make_case,
    make_client,
    make_run,
    make_transaction,
    make_user,
    sign_in_now,
)
from tests.revenue.builders import COPENHAGEN, all_time, bulk_transactions

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    account = make_account(slug="acme")
    make_run(account, as_of=datetime(2026, 4, 1, 6, 5, 59, tzinfo=UTC))
    return account


def read(export):
    """The lines of an export as dicts."""
    return list(csv.DictReader(io.StringIO(b"".join(export[1]).decode("utf-8-sig"), newline="")))


def test_transactions_hold_raw_values(partner):
    client = make_client(partner, creditor_id=UUID(int=7), company_name="Ærø, “A/S”", external_tenant_id=None)
    case = make_case(
        client,
        reference="Q8",
        client_reference="INV\n1",
        debtor_name="Ågård",
        partner_reference="P",
        collection_partner="Collectors",
        date_created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    make_transaction(
        case=case,
        stage=Stage.PENDING,
        transaction_id=UUID(int=1),
        payment_date=datetime(2026, 3, 31, 22, 30, 0, 123456, tzinfo=UTC),
        payment_amount=Decimal("-1000.10"),
        fee=Decimal("-30.123456"),
        fee_usd=Decimal("-32.7654321"),
        revenue_usd=None,
    )
    [line] = read(transactions_csv(all_time(partner), now=NOW))
    assert line == {
        "transaction_id": "00000000-0000-0000-0000-000000000001",
        "payment_date_utc": "2026-03-31T22:30:00.123456Z",
        "payment_date_local (Europe/Copenhagen)": "2026-04-01 00:30:00",
        "client": "Ærø, “A/S”",
        "creditor_id": "00000000-0000-0000-0000-000000000007",
        "external_tenant_id": "",
        "case_reference": "Q8",
        "client_reference": "INV\n1",
        "partner_reference": "P",
        "debtor": "Ågård",
        "payment_amount": "-1000.10",
        "payment_currency": "EUR",
        "fee": "-30.123456",
        "fee_currency": "EUR",
        "fee_usd": "-32.7654321",
        "fee_percentage": "50",
        "is_estimate": "true",
        "debitura_revenue_usd": "",
        "stage": "pending",
        "stage_label": "Pending",
        "commission_status": "Unpaid",
        "platform_status": "NotInvoiced",
        "referral_status": "Pending",
        "first_seen_at_utc": "2026-03-06T08:00:00Z",
        "stage_since_utc": "2026-03-06T08:00:00Z",
        "managed_by": "Collectors",
        "revenue_category": "Success Fee",
        "case_created_utc": "2026-01-02T03:04:05Z",
    }


def test_file_is_utf8_with_bom_and_crlf(partner):
    make_transaction(partner)
    _, chunks = transactions_csv(all_time(partner), now=NOW)
    data = b"".join(chunks)
    assert data.startswith(b"\xef\xbb\xbftransaction_id,")
    assert (data.count(b"\r\n"), data.count(b"\n"), data.endswith(b"\r\n")) == (2, 2, True)


def test_empty_file_has_its_header(partner):
    assert b"".join(transactions_csv(all_time(partner), now=NOW)[1]).count(b"\r\n") == 1
    assert b"".join(clients_csv(ClientFilter(sight=Sight.of_everything(partner)), now=NOW)[1]).count(b"\r\n") == 1


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        *[(f"{start}1+1", f"'{start}1+1") for start in ("=", "+", "-", "@", "\t", "\r")],
        ("a=1", "a=1"),
        ("'quoted", "'quoted"),
        ("", ""),
        (None, ""),
    ],
)
def test_safe_text(text, safe):
    assert safe_text(text) == safe


def test_texts_are_harmless_wherever_they_stand_and_negative_numbers_stay(partner):
    client = make_client(partner, company_name="=1+1", external_tenant_id="@x")
    case = make_case(
        client, reference="-r", client_reference="+c", partner_reference="\tp", debtor_name="=cmd|' /C calc'!A0"
    )
    make_transaction(
        case=case, fee_usd=Decimal(-5), payment_currency="=E", earnings_currency="=F", commission_status="=s"
    )
    [line] = read(transactions_csv(all_time(partner), now=NOW))
    values = set(line.values())
    assert {"'=1+1", "'@x", "'-r", "'+c", "'\tp", "'=cmd|' /C calc'!A0", "'=E", "'=F", "'=s", "-5"} <= values
    assert [value for value in values if value.startswith(("=", "+", "-", "@", "\t"))] == ["-5"]


def test_transactions_are_the_whole_filter_in_its_order(partner):
    fees = [Decimal("2.123456"), Decimal("10"), Decimal("-1")]
    for fee in fees:
        make_transaction(partner, stage=Stage.PAID, fee_usd=fee)
    make_transaction(partner, stage=Stage.READY)
    f = all_time(partner, stages=(Stage.PAID,), sort="-fee", page=2, page_size=1)
    exported = [Decimal(line["fee_usd"]) for line in read(transactions_csv(f, now=NOW))]
    assert exported == sorted(fees, reverse=True)
    assert sum(exported) == list_totals(f).fee_usd


def test_rows_without_client_and_case_are_exported(partner):
    make_transaction(partner, client_id=None, case_id=None)
    [line] = read(transactions_csv(all_time(partner), now=NOW))
    assert (line["client"], line["creditor_id"], line["case_reference"], line["debtor"]) == ("", "", "", "")


@pytest.mark.parametrize(
    ("first", "last", "stages", "name"),
    [
        (date(2026, 3, 1), date(2026, 3, 31), (Stage.READY,), "transactions_2026-03_ready_as-of-20260401T0605Z.csv"),
        (None, None, (), "transactions_all_as-of-20260401T0605Z.csv"),
        (date(2026, 1, 1), date(2026, 12, 31), (), "transactions_2026_as-of-20260401T0605Z.csv"),
        (date(2026, 3, 5), date(2026, 3, 5), (), "transactions_2026-03-05_as-of-20260401T0605Z.csv"),
        (
            date(2026, 3, 1),
            date(2026, 4, 30),
            (Stage.PENDING, Stage.AWAITING_DEBITURA),
            "transactions_2026-03-01_to_2026-04-30_pending-awaiting-debitura_as-of-20260401T0605Z.csv",
        ),
        (date(2026, 3, 1), None, (), "transactions_from-2026-03-01_as-of-20260401T0605Z.csv"),
        (None, date(2026, 3, 1), (), "transactions_until-2026-03-01_as-of-20260401T0605Z.csv"),
    ],
)
def test_name_says_what_is_inside(partner, first, last, stages, name):
    f = all_time(partner, period=Period(COPENHAGEN, first, last), stages=stages)
    assert transactions_csv(f, now=NOW)[0] == name


def test_name_says_the_account_the_client_and_that_a_search_was_made(partner):
    client = make_client(partner, creditor_id=UUID(int=7))
    f = all_time(partner, client=client, q="../x\r\n", is_default_account=False)
    assert transactions_csv(f, now=NOW)[0] == (
        "transactions_acme_all_client-00000000-0000-0000-0000-000000000007_search_as-of-20260401T0605Z.csv"
    )


def test_name_of_an_account_that_was_never_pulled():
    name, _ = transactions_csv(all_time(make_account()), now=NOW)
    assert name == "transactions_all_never-pulled-20260314T1200Z.csv"


def test_local_time_is_that_of_the_filter(partner):
    make_transaction(partner, payment_date=datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    [line] = read(transactions_csv(all_time(partner), now=NOW))
    assert line["payment_date_local (Europe/Copenhagen)"] == "2026-03-29 03:00:00"
    f = all_time(partner, period=Period(ZoneInfo("Asia/Kathmandu")))
    [line] = read(transactions_csv(f, now=NOW))
    assert line["payment_date_local (Asia/Kathmandu)"] == "2026-03-29 06:45:00"


@pytest.mark.parametrize("count", [1, 3])
def test_transactions_take_as_many_queries_whatever_their_number(partner, django_assert_num_queries, count):
    for _ in range(count):
        make_transaction(partner)
    _, chunks = transactions_csv(all_time(partner), now=NOW)
    with django_assert_num_queries(3 if connection.vendor == "postgresql" else 1):
        list(chunks)


def test_clients_hold_their_stages_and_the_difference(partner):
    client = make_client(
        partner,
        creditor_id=UUID(int=7),
        company_name="=Acme",
        external_tenant_id="T",
        earnings_usd=Decimal("20.00"),
        kyc_status="verified",
    )
    make_transaction(client=client, stage=Stage.PAID, fee_usd=Decimal("10.006"))
    make_transaction(client=client, stage=Stage.PENDING, fee_usd=Decimal("-2.5"))
    make_client(partner, archived_at=NOW)
    name, chunks = clients_csv(ClientFilter(sight=Sight.of_everything(partner)), now=NOW)
    [line] = read((name, chunks))
    assert name == "clients_active_as-of-20260401T0605Z.csv"
    assert list(line) == list(CLIENT_HEADERS)
    shown = (
        *("client", "external_tenant_id", "is_attributed", "kyc_status", "date_linked_utc", "archived_at_utc"),
        *("pending_fee_usd", "paid_fee_usd", "disputed_fee_usd", "fee_usd", "estimate_fee_usd", "transactions"),
        *("debitura_earnings_usd", "difference_usd"),
    )
    assert [line[name] for name in shown] == [
        *("'=Acme", "T", "true", "verified", "2025-02-01T00:00:00Z", ""),
        *("-2.50", "10.01", "0.00", "7.51", "-2.50", "2"),
        *("20.00", "12.49"),
    ]


def elsewhere(work):
    """Do `work` on a connection of its own, as a pull does it."""

    def done():
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(done).result()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "export",
    [
        lambda account: transactions_csv(all_time(account), now=NOW),
        lambda account: clients_csv(ClientFilter(sight=Sight.of_everything(account)), now=NOW),
    ],
)
def test_name_and_rows_are_of_one_state_whatever_is_published_in_between(partner, export):
    make_transaction(partner)

    def publish():
        make_transaction(partner)
        make_run(partner, as_of=datetime(2026, 4, 1, 7, 0, tzinfo=UTC))

    name, chunks = export(partner)
    elsewhere(publish)
    assert name.endswith("_as-of-20260401T0605Z.csv")
    assert len(read((name, chunks))) == 1
    assert not connection.in_atomic_block
    name, chunks = export(partner)
    assert name.endswith("_as-of-20260401T0700Z.csv")
    assert len(read((name, chunks))) == 2


@pytest.mark.django_db(transaction=True)
def test_reader_who_goes_away_leaves_no_transaction_open(partner):
    for _ in range(3):
        make_transaction(partner)
    for pieces in (1, 2):
        _, chunks = transactions_csv(all_time(partner), now=NOW)
        for _ in range(pieces):
            next(chunks)
        assert connection.in_atomic_block
        chunks.close()
        assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_reader_who_goes_away_amid_many_rows_ends_the_reading(partner):
    bulk_transactions(make_client(partner), [(Stage.PAID, Decimal(1), False)] * 2000)
    _, chunks = transactions_csv(all_time(partner), now=NOW)
    while b"payment_date_utc" in (piece := next(chunks)):
        pass
    assert piece.count(b"\r\n") == 200
    chunks.close()
    assert not connection.in_atomic_block
    assert Transaction.objects.count() == 2000


def test_header_waits_for_no_row(partner, django_assert_num_queries):
    make_transaction(partner)
    _, chunks = transactions_csv(all_time(partner), now=NOW)
    with django_assert_num_queries(0):
        assert next(chunks).decode().startswith("\ufefftransaction_id,payment_date_utc,")
    chunks.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("extension", ["csv", "xlsx", "zip"])
def test_response_that_is_closed_unread_leaves_no_transaction_open(partner, method, extension):
    make_transaction(partner)
    browser = Client()
    sign_in_now(browser, make_user())
    response = getattr(browser, method)(f"/transactions/export.{extension}")
    assert connection.in_atomic_block
    response.close()
    assert (response.status_code, connection.in_atomic_block) == (200, False)
