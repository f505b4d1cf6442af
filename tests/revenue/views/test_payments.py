import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from revenue.stages import Stage
from revenue.views.columns import TRANSACTIONS
from tests.factories import make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    return account


def test_list_totals_the_whole_filter_and_not_the_page(signed_in, account):
    for fee in ("10.00", "20.00", "30.00"):
        make_transaction(account, fee_usd=Decimal(fee))
    make_transaction(account, fee_usd=Decimal("4.00"), is_estimate=True)
    text = words(signed_in.get("/transactions/", {"page_size": "1", "page": "2"}))
    reason = "(estimate: exchange rate not locked; may change)"
    assert f"2–2 of 4 · total ≈ 64.00 {reason} USD, of which ≈ 4.00" in text
    assert "Page 2 of 4" in text


def test_list_writes_dates_in_the_zone_of_the_filter(signed_in, account):
    make_transaction(account, payment_date=datetime(2026, 3, 5, 23, 30, tzinfo=UTC))
    assert "6 Mar 2026, 00:30" in words(signed_in.get("/transactions/"))
    text = words(signed_in.get("/transactions/", {"tz": "Asia/Kathmandu"}))
    assert "6 Mar 2026, 05:15" in text
    assert "All time, Asia/Kathmandu" in text


def test_removed_rows_are_in_no_list(signed_in, account):
    make_transaction(account, removed_at=datetime(2026, 3, 6, tzinfo=UTC))
    assert "No payments yet" in words(signed_in.get("/transactions/"))


def test_chips_take_one_condition_away_each(signed_in, account):
    query = {"from": "2026-03-01", "to": "2026-03-31", "stage": ["paid", "ready_to_invoice_debitura"], "q": "Acme & Co"}
    response = signed_in.get("/transactions/", query)
    found = links(response)
    assert "?from=2026-03-01&to=2026-03-31&stage=ready_to_invoice_debitura&q=Acme+%26+Co" in found
    assert "?from=2026-03-01&to=2026-03-31&stage=ready_to_invoice_debitura&stage=paid" in found
    assert "?stage=ready_to_invoice_debitura&stage=paid&q=Acme+%26+Co" in found
    assert "Payments 1–31 Mar 2026" in words(response)


@pytest.mark.parametrize(
    ("query", "words_of_it"),
    [
        ({"from": "2026-01-01"}, "Payments since 1 Jan 2026"),
        ({"to": "2026-01-31"}, "Payments until 31 Jan 2026"),
        ({"from": "2026-11-01", "to": "2026-11-22"}, "Payments 1–22 Nov 2026"),
    ],
)
def test_chip_of_the_days_is_not_taken_for_the_stage_paid(signed_in, account, query, words_of_it):
    assert f"{words_of_it} Clear all" in words(signed_in.get("/transactions/", query))


@pytest.mark.parametrize(
    ("query", "sentence", "way_out"),
    [
        ({"q": "nobody"}, "No payment matches all of these filters.", "?"),
        ({"stage": "paid"}, "No payment stands in Paid at the moment.", "?"),
        (
            {"stage": "paid", "from": "2026-03-01"},
            "No payment that matches the other filters stands in Paid at the moment.",
            "?from=2026-03-01",
        ),
        (
            {"stage": ["paid", "disputed"], "from": "2026-03-01"},
            "Nothing in these stages No payment that matches the other filters stands in Paid or Disputed at the moment.",
            "?from=2026-03-01",
        ),
        ({"stage": "paid", "from": "2026-04-01"}, "No payment matches all of these filters.", "?"),
    ],
)
def test_empty_lists_are_told_apart(signed_in, account, query, sentence, way_out):
    make_transaction(account, stage=Stage.READY, payment_date=datetime(2026, 3, 5, tzinfo=UTC))
    response = signed_in.get("/transactions/", query)
    assert sentence in words(response)
    assert f'<a class="button" href="{way_out}">' in response.content.decode()


def test_empty_list_of_an_account_without_payments_blames_no_filter(signed_in, account):
    assert "Debitura lists no payment for Acme Referrals so far." in words(signed_in.get("/transactions/"))


def test_wrong_filter_answers_400_with_what_was_typed_and_no_figures(signed_in, account):
    make_transaction(account, fee_usd=Decimal("12.34"))
    response = signed_in.get("/transactions/", {"from": "31/3/2026", "tz": "Atlantis", "q": "<i>"})
    html = response.content.decode()
    assert response.status_code == 400
    assert 'name="from" value="31/3/2026"' in html
    assert 'aria-describedby="filter-from-error"' in html
    assert 'name="q" value="&lt;i&gt;"' in html
    assert "This time zone is not known" in html
    assert "12.34" not in html


@pytest.mark.parametrize("page", ["2", "999999999"])
def test_page_behind_the_last_is_not_found(signed_in, account, page):
    assert signed_in.get("/transactions/", {"page": page}).status_code == 404


def test_headers_sort_and_say_how_the_list_is_sorted(signed_in, account):
    make_transaction(account)
    html = signed_in.get("/transactions/", {"sort": "-fee"}).content.decode()
    assert html.count("aria-sort=") == 1
    assert 'class="number" aria-sort="descending"><a href="?sort=fee">Fee (USD)' in html


def test_chosen_columns_are_remembered_for_the_person(signed_in, reader, account):
    make_transaction(account)
    response = signed_in.post(
        "/transactions/columns/", {"column": ["case", "transaction_id", "nonsense"], "next": "/transactions/?q=x"}
    )
    reader.refresh_from_db()
    assert response["Location"] == "/transactions/?q=x"
    assert reader.columns == {"transactions": ["case", "transaction_id"]}
    head = signed_in.get("/transactions/").content.decode().partition("<thead>")[2].partition("</thead>")[0]
    shown = [column.key for column in TRANSACTIONS.columns if f">{column.label}<" in head]
    assert shown == ["case", "fee_usd", "transaction_id"]


def test_every_column_can_be_shown(signed_in, reader, account):
    case = make_case(make_client(account), client_reference="INV-1", partner_reference="P-1")
    row = make_transaction(
        account, case=case, fee=Decimal("223.5"), earnings_currency="DKK", revenue_usd=Decimal("61.5")
    )
    signed_in.post("/transactions/columns/", {"column": [column.key for column in TRANSACTIONS.columns]})
    text = words(signed_in.get("/transactions/"))
    for value in ("INV-1", "P-1", "223.50 DKK", "61.50", "Paid · Payment received · Pending", str(row.transaction_id)):
        assert value in text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "", "٣", "overview"])
def test_choosing_columns_never_leads_to_another_host(signed_in, account, target):
    response = signed_in.post("/transactions/columns/", {"column": ["case"], "next": target})
    assert response["Location"] == "/transactions/"


def test_markup_from_upstream_stays_text(signed_in, account):
    client = make_client(account, company_name="<script>alert(1)</script>")
    make_transaction(account, case=make_case(client, debtor_name='"><img src=x>', reference="A/B&C"))
    response = signed_in.get("/transactions/")
    html = response.content.decode()
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "/cases/A/B&C/" in links(response)
    assert signed_in.get("/cases/A/B&C/").status_code == 200


def test_list_without_client_or_case_shows_dashes(signed_in, account):
    make_transaction(account, client_id=None, case_id=None, stage=Stage.PENDING, fee_usd=None, fee_percentage=None)
    assert "— — — Pending 1,000.00 EUR — —" in words(signed_in.get("/transactions/"))


def test_export_is_the_list_of_the_same_address(signed_in, account):
    make_transaction(account, stage=Stage.PAID)
    make_transaction(account, stage=Stage.READY)
    page = signed_in.get("/transactions/", {"stage": "paid", "page_size": "1"})
    address = next(link for link in links(page) if "export.csv" in link)
    assert address == "/transactions/export.csv?stage=paid"
    response = signed_in.get(address)
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert (response["Content-Type"], len(lines)) == ("text/csv; charset=utf-8", 2)
    assert response["Content-Disposition"].startswith('attachment; filename="transactions_')


def test_export_of_a_wrong_filter_is_no_file(signed_in, account):
    response = signed_in.get("/transactions/export.csv", {"from": "x"})
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("name", ["csv", "xlsx", "zip"])
def test_export_without_an_account_is_not_found(signed_in, name):
    assert signed_in.get(f"/transactions/export.{name}").status_code == 404


@pytest.mark.parametrize("page", ["/transactions/", "/balance/"])
def test_export_menu_offers_every_format_of_what_the_filter_finds(signed_in, account, page):
    make_transaction(account, stage=Stage.PAID)
    response = signed_in.get(page, {"stage": "paid", "q": "", "page_size": "1", "sort": "fee"})
    found = links(response)
    html = response.content.decode()
    query = "?stage=paid&sort=fee"
    assert {f"/transactions/export.csv{query}", f"/transactions/export.xlsx{query}"} < set(found)
    form = html.partition('action="/transactions/export.zip"')[2].partition("</form>")[0]
    assert re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form) == [
        ("stage", "paid"),
        ("sort", "fee"),
    ]
    assert re.findall(r'name="folders" value="(\w+)"( checked)?> ([\w ]+)<', form) == [
        ("debitura", " checked", "Debitura Ref"),
        ("client", "", "Client Ref"),
        ("partner", "", "Partner Ref"),
    ]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("zip", "application/zip"),
    ],
)
def test_export_says_what_it_is_and_is_kept_by_nobody(signed_in, account, name, content_type):
    make_transaction(account)
    response = signed_in.get(f"/transactions/export.{name}")
    assert (response["Content-Type"], response["Cache-Control"]) == (content_type, "private, no-store")
    assert response["Content-Disposition"] == f'attachment; filename="transactions_all_as-of-20260314T1200Z.{name}"'
    assert len(b"".join(response.streaming_content)) > 100


def test_folders_by_something_else_are_no_file(signed_in, account):
    response = signed_in.get("/transactions/export.zip", {"folders": "debtor"})
    assert (response.status_code, response.content.decode()) == (
        400,
        "folders: This is not one of debitura, client, partner.",
    )


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_equally_often_for_any_number_of_rows(
    signed_in, account, rows, django_assert_num_queries
):
    for _ in range(rows):
        make_transaction(account)
    with django_assert_num_queries(8):
        assert signed_in.get("/transactions/").status_code == 200
