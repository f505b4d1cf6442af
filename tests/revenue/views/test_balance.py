"""The Partner Balance: the list of transactions with other columns."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from revenue.stages import Stage
from revenue.views.columns import BALANCE
from tests.factories import make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

SHOWN = [
    *("Case id", "Client", "Managed by", "Payment date", "Revenue (USD)", "Debitura fee (USD)", "Revenue category"),
    *("Commission status", "Debitura invoice status", "See more"),
]
HIDDEN = ["Client reference", "Partner reference", "Debtor name", "Date created", "Debtor payments", "Success fee %"]


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    return account


@pytest.fixture
def case(account):
    return make_case(
        make_client(account, company_name="Hanse & Söhne"),
        reference="Q8OAXF3W",
        client_reference="INV-1",
        partner_reference="112179442 & 112179443",
        debtor_name="Ågård",
        collection_partner="Nordic Collect",
        date_created=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )


def headers(response):
    head = response.content.decode().partition("<thead>")[2].partition("</thead>")[0]
    return [column.label for column in BALANCE.columns if f">{column.label}<" in head]


def show_everything(browser):
    browser.post("/balance/columns/", {"column": [column.key for column in BALANCE.columns]})


def test_balance_shows_the_columns_of_the_contract_and_hides_the_others(signed_in, account, case):
    make_transaction(case=case)
    response = signed_in.get("/balance/")
    assert headers(response) == SHOWN
    assert sorted(column.label for column in BALANCE.columns if not column.default) == sorted(HIDDEN)


def test_row_of_a_payment(signed_in, account, case):
    make_transaction(case=case, stage=Stage.PENDING, fee_usd=Decimal("30.125"), revenue_usd=Decimal("61"))
    text = words(signed_in.get("/balance/")).replace(" (estimate: exchange rate not locked; may change)", "")
    row = "Q8OAXF3W Hanse & Söhne Nordic Collect 5 Mar 2026, 10:30 ≈ 30.12 ≈ 61.00 Success Fee Unpaid Not invoiced"
    assert f"{row} See more about case Q8OAXF3W" in text


def test_hidden_columns_tell_the_references_and_never_invent_a_success_fee(signed_in, account, case):
    make_transaction(case=case, payment_amount=Decimal("1234.5"))
    show_everything(signed_in)
    response = signed_in.get("/balance/")
    assert headers(response) == [column.label for column in BALANCE.columns]
    cells = (
        "Q8OAXF3W INV-1 112179442 & 112179443 Hanse & Söhne Ågård Nordic Collect 2 Jan 2026, 04:04 5 Mar 2026, 10:30"
    )
    assert f"{cells} 1,234.50 EUR — 30.00 60.00 Success Fee" in words(response)
    assert "Debitura does not tell referral partners the success fee" in words(response)


def test_revenue_without_a_payment_is_paid_by_the_hour_or_fixed(signed_in, account, case):
    make_transaction(case=case, payment_amount=None)
    assert "30.00 60.00 Hourly Rate / Fixed Fee Paid" in words(signed_in.get("/balance/"))


def test_row_without_client_and_case_shows_dashes(signed_in, account):
    make_transaction(account, client_id=None, case_id=None)
    assert "See more — — — 5 Mar 2026, 10:30 30.00 60.00 Success Fee Paid Payment received —" in words(
        signed_in.get("/balance/")
    )


def test_case_and_client_lead_to_their_pages(signed_in, account, case):
    make_transaction(case=case)
    found = links(signed_in.get("/balance/"))
    assert found.count("/cases/Q8OAXF3W/") == 2
    assert f"/clients/{case.client.creditor_id}/" in found
    assert "/balance/" in found


def test_search_without_a_find_offers_to_clear(signed_in, account, case):
    make_transaction(case=case)
    assert "No payment matches all of these filters." in words(signed_in.get("/balance/", {"q": "nobody"}))


def test_totals_are_those_of_the_transactions_with_the_same_filter(signed_in, account):
    for fee in ("10.00", "20.00", "30.00"):
        make_transaction(account, fee_usd=Decimal(fee), stage=Stage.PAID)
    make_transaction(account)
    query = {"stage": "paid", "page_size": "1", "page": "2"}
    pages = [words(signed_in.get(address, query)) for address in ("/balance/", "/transactions/")]
    assert ["2–2 of 3 · total 60.00 USD" in page for page in pages] == [True, True]


def test_payment_date_sorts(signed_in, account):
    make_transaction(account)
    html = signed_in.get("/balance/", {"sort": "payment_date"}).content.decode()
    assert html.count('aria-sort="ascending"') == 1
    assert '<a href="?sort=-payment_date">Payment date' in html


def test_columns_of_each_table_are_remembered_apart(signed_in, reader, account, case):
    make_transaction(case=case)
    signed_in.post("/transactions/columns/", {"column": ["stage"]})
    response = signed_in.post("/balance/columns/", {"column": ["partner_reference"], "next": "/balance/?q=Q8"})
    reader.refresh_from_db()
    assert response["Location"] == "/balance/?q=Q8"
    assert reader.columns == {"transactions": ["stage"], "balance": ["partner_reference"]}
    assert headers(signed_in.get("/balance/")) == ["Partner reference", "Revenue (USD)"]


@pytest.mark.parametrize(
    "target",
    ["", "https://evil.example/", "//evil.example/", "///evil.example", "javascript:alert(1)", "/\\evil.example"],
)
def test_columns_without_a_page_to_go_back_to_lead_to_the_balance(signed_in, account, target):
    response = signed_in.post("/balance/columns/", {"column": ["case"], "next": target})
    assert response["Location"] == "/balance/"


def test_wrong_filter_answers_400_and_keeps_what_was_typed(signed_in, account):
    response = signed_in.get("/balance/", {"from": "31/3/2026"})
    assert response.status_code == 400
    assert "<h1>Partner Balance</h1>" in response.content.decode()
    assert 'name="from" value="31/3/2026"' in response.content.decode()


def test_references_of_anybody_stay_text(signed_in, account):
    hostile = '<script>alert(1)</script>"><img src=x>'
    case = make_case(
        make_client(account), client_reference=hostile, partner_reference=hostile, collection_partner=hostile
    )
    make_transaction(case=case)
    show_everything(signed_in)
    response = signed_in.get("/balance/")
    html = response.content.decode()
    assert ("<script>alert" in html, "<img" in html) == (False, False)
    assert words(response).count(hostile) == 3


@pytest.mark.parametrize("rows", [1, 3])
def test_balance_asks_the_database_equally_often_for_any_number_of_rows(
    signed_in, account, rows, django_assert_num_queries
):
    for _ in range(rows):
        make_transaction(account)
    show_everything(signed_in)
    with django_assert_num_queries(8):
        assert signed_in.get("/balance/").status_code == 200
