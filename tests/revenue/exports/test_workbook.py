import io
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from django.db import connection

from revenue.exports.workbook import transactions_xlsx
from revenue.periods import Period
from revenue.selectors.totals import list_totals
from revenue.stages import Stage
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.builders import COPENHAGEN, all_time

pytestmark = pytest.mark.django_db

# What clocks show, of whatever zone.
clock = datetime.fromisoformat


@pytest.fixture
def partner():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account, as_of=datetime(2026, 4, 1, 6, 5, 59, tzinfo=UTC))
    return account


def opened(f):
    name, pieces = transactions_xlsx(f, now=NOW)
    return name, openpyxl.load_workbook(io.BytesIO(b"".join(pieces)))


def rows(f):
    """The payments of the workbook as dicts."""
    header, *lines = opened(f)[1]["Payments"].iter_rows(values_only=True)
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_workbook_holds_typed_values(partner):
    client = make_client(partner, creditor_id=UUID(int=7), company_name="=1+1", external_tenant_id=None)
    case = make_case(
        client,
        reference="-Q8",
        client_reference="@INV",
        partner_reference="+P",
        debtor_name="=cmd|' /C calc'!A0",
        collection_partner="Collectors",
        date_created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    make_transaction(
        case=case,
        stage=Stage.PENDING,
        transaction_id=UUID(int=1),
        payment_date=datetime(2026, 3, 31, 22, 30, tzinfo=UTC),
        payment_amount=Decimal("-1000.10"),
        fee=Decimal("-30.123456"),
        fee_usd=Decimal("-32.7654321"),
        revenue_usd=None,
    )
    assert rows(all_time(partner)) == [
        {
            "transaction_id": "00000000-0000-0000-0000-000000000001",
            "payment_date_utc": clock("2026-03-31 22:30:00"),
            "payment_date_local (Europe/Copenhagen)": clock("2026-04-01 00:30:00"),
            "client": "=1+1",
            "creditor_id": "00000000-0000-0000-0000-000000000007",
            "external_tenant_id": None,
            "case_reference": "-Q8",
            "client_reference": "@INV",
            "partner_reference": "+P",
            "debtor": "=cmd|' /C calc'!A0",
            "payment_amount": -1000.1,
            "payment_currency": "EUR",
            "fee": -30.123456,
            "fee_currency": "EUR",
            "fee_usd": -32.7654321,
            "fee_percentage": 50,
            "is_estimate": True,
            "debitura_revenue_usd": None,
            "stage": "pending",
            "stage_label": "Pending",
            "commission_status": "Unpaid",
            "platform_status": "NotInvoiced",
            "referral_status": "Pending",
            "first_seen_at_utc": clock("2026-03-06 08:00:00"),
            "stage_since_utc": clock("2026-03-06 08:00:00"),
            "managed_by": "Collectors",
            "revenue_category": "Success Fee",
            "case_created_utc": clock("2026-01-02 03:04:05"),
        }
    ]


def test_workbook_is_the_whole_filter_in_its_order_with_the_totals_of_the_screen(partner):
    for fee, estimate in (("10.001", False), ("20.004", True), ("-1.5", False)):
        make_transaction(partner, stage=Stage.PAID, fee_usd=Decimal(fee), is_estimate=estimate)
    make_transaction(partner, stage=Stage.READY)
    f = all_time(partner, stages=(Stage.PAID,), sort="-fee", page=2, page_size=1)
    assert [row["fee_usd"] for row in rows(f)] == [20.004, 10.001, -1.5]
    facts = dict(opened(f)[1]["About"].iter_rows(min_row=2, values_only=True))
    assert list_totals(f).fee_usd == Decimal("28.505")
    assert facts == {
        "Partner account": "Acme Referrals",
        "Payments made": "All time, Europe/Copenhagen",
        "Stages": "Paid",
        "Client": "All",
        "Search": "None",
        "Local times are of": "Europe/Copenhagen",
        "Data as of (UTC)": clock("2026-04-01 06:05:59"),
        "Compared with Debitura's own summary": "Agrees with Debitura",
        "File made at (UTC)": clock("2026-03-14 12:00:00"),
        "Payments": 3,
        "Fees (USD)": 28.5,
        "Firm fees (USD)": 8.5,
        "Estimated fees (USD), which may change": 20,
        "Payments with an estimated fee": 1,
        "Digits": "Excel keeps 15 digits of a number; the CSV export holds them all.",
    }


def test_workbook_is_named_as_the_other_files(partner):
    f = all_time(partner, period=Period(COPENHAGEN, date(2026, 3, 1), date(2026, 3, 31)), stages=(Stage.READY,))
    assert opened(f)[0] == "transactions_2026-03_ready_as-of-20260401T0605Z.xlsx"


def test_rows_without_client_and_case_are_in_the_workbook(partner):
    make_transaction(partner, client_id=None, case_id=None, payment_amount=None)
    [row] = rows(all_time(partner, period=Period(ZoneInfo("Asia/Kathmandu"))))
    assert (row["client"], row["case_reference"], row["payment_amount"]) == (None, None, None)
    assert row["revenue_category"] == "Hourly Rate / Fixed Fee"
    assert row["payment_date_local (Asia/Kathmandu)"] == clock("2026-03-05 15:15:00")


@pytest.mark.parametrize("count", [1, 3])
def test_workbook_takes_as_many_queries_whatever_the_number_of_rows(partner, django_assert_num_queries, count):
    for _ in range(count):
        make_transaction(partner)
    _, pieces = transactions_xlsx(all_time(partner), now=NOW)
    with django_assert_num_queries(3):
        list(pieces)


@pytest.mark.django_db(transaction=True)
def test_first_bytes_wait_for_no_row_and_a_reader_who_goes_away_leaves_no_transaction_open(partner):
    make_transaction(partner)
    _, pieces = transactions_xlsx(all_time(partner), now=NOW)
    assert next(pieces).startswith(b"PK\x03\x04")
    assert connection.in_atomic_block
    pieces.close()
    assert not connection.in_atomic_block
