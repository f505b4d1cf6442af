import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from uuid import UUID

import pytest

from revenue.stages import Stage
from revenue.views import clients
from tests.factories import make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.views.reading import card, links, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    return account


def test_client_stands_with_its_stages_and_a_difference_to_debitura(signed_in, account):
    client = make_client(account, company_name="Nordlys", external_tenant_id="T-1", earnings_usd=Decimal("45.00"))
    make_transaction(account, client=client, case=make_case(client), stage=Stage.PAID, fee_usd=Decimal("40.00"))
    text = words(signed_in.get("/clients/"))
    assert "Nordlys T-1 3 1 closed 0.00 0.00 0.00 0.00 0.00 40.00 0.00 0.00 40.00 45.00 5.00" in text


@pytest.mark.parametrize(("state", "names"), [("active", ["Here"]), ("archived", ["Gone"]), ("all", ["Gone", "Here"])])
def test_archived_clients_are_asked_for(signed_in, account, state, names):
    make_client(account, company_name="Here")
    make_client(account, company_name="Gone", archived_at=datetime(2026, 1, 1, tzinfo=UTC))
    text = words(signed_in.get("/clients/", {"state": state}))
    assert [name for name in ("Gone", "Here") if name in text] == names


def test_clients_are_searched_and_a_chip_takes_the_search_away(signed_in, account):
    make_client(account, company_name="Ærø Færge")
    make_client(account, company_name="Other")
    response = signed_in.get("/clients/", {"q": "ÆRØ", "state": "all"})
    assert "Ærø Færge" in words(response)
    assert "Other" not in words(response)
    assert "?state=all" in links(response)


def test_wrong_client_filter_answers_400_without_figures(signed_in, account):
    make_client(account, company_name="Nordlys")
    response = signed_in.get("/clients/", {"state": "dead"})
    assert response.status_code == 400
    assert "Nordlys" not in words(response)


def test_clients_export_follows_the_address(signed_in, account):
    make_client(account, company_name="Nordlys")
    make_client(account, company_name="Other")
    page = signed_in.get("/clients/", {"q": "nord"})
    address = next(link for link in links(page) if "export.csv" in link)
    lines = b"".join(signed_in.get(address).streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 2


def test_one_client_shows_its_own_figures_only(signed_in, account):
    client, other = make_client(account), make_client(account)
    make_transaction(account, case=make_case(client), stage=Stage.PAID, fee_usd=Decimal("40.00"))
    make_transaction(account, case=make_case(other), stage=Stage.PAID, fee_usd=Decimal("7.00"))
    response = signed_in.get(f"/clients/{client.creditor_id}/")
    assert "40.00 all of it firm 1 payment" in card(response, "paid")
    assert f"/transactions/?stage=paid&client={client.creditor_id}" in links(response)


def test_client_of_very_many_cases_lists_those_paid_last_and_links_to_all(signed_in, account, monkeypatch):
    monkeypatch.setattr(clients, "CASES_SHOWN", 2)
    client = make_client(account)
    for name, day in (("OLD", 1), ("NEW", 9), ("MID", 5)):
        case = make_case(client, reference=name)
        make_transaction(account, case=case, payment_date=datetime(2026, 3, day, tzinfo=UTC))
    response = signed_in.get(f"/clients/{client.creditor_id}/")
    assert "2 of 3, the ones paid last · all its cases" in words(response)
    assert f"/cases/?client={client.creditor_id}" in links(response)
    table = response.content.decode().partition('aria-label="Table of the cases"')[2].partition("</table>")[0]
    assert [name for name in ("NEW", "MID", "OLD") if f">{name}<" in table] == ["NEW", "MID"]


def test_cases_of_a_client_stand_with_the_partner_reference(signed_in, account):
    client = make_client(account)
    make_case(client, reference="Q8OAXF3W", partner_reference="A/B, <i>", debtor_name="Ida", original_amount=None)
    response = signed_in.get(f"/clients/{client.creditor_id}/")
    assert "Q8OAXF3W A/B, <i> Ida —" in words(response)


def test_finding_says_by_how_much_the_sums_differ(signed_in, account):
    client = make_client(account, earnings_usd=Decimal("45.00"))
    make_transaction(account, case=make_case(client), stage=Stage.PAID, fee_usd=Decimal("40.00"))
    text = words(signed_in.get(f"/clients/{client.creditor_id}/"))
    assert "Debitura's sum and ours differ by 5.00 USD." in text


@pytest.mark.parametrize("earnings", [Decimal("40.004"), None])
def test_no_finding_where_the_sums_agree_to_the_cent_or_one_is_unknown(signed_in, account, earnings):
    client = make_client(account, earnings_usd=earnings)
    make_transaction(account, case=make_case(client), stage=Stage.PAID, fee_usd=Decimal("40.00"))
    assert "differ by" not in words(signed_in.get(f"/clients/{client.creditor_id}/"))


@pytest.mark.parametrize(
    ("address", "is_link"), [("https://onboard.example/x", True), ("javascript:alert(1)", False), ("", False)]
)
def test_onboarding_link_is_one_only_if_it_leads_to_a_web_page(signed_in, account, address, is_link):
    client = make_client(account, onboarding_done=False, onboarding_url=address)
    response = signed_in.get(f"/clients/{client.creditor_id}/")
    assert (address in links(response)) is is_link
    assert ('rel="noopener noreferrer"' in response.content.decode()) is is_link
    assert "javascript:" not in response.content.decode()


def test_client_of_another_account_is_not_found(signed_in, account):
    other = make_client(make_account(slug="zeta"))
    assert signed_in.get(f"/clients/{other.creditor_id}/").status_code == 404
    assert signed_in.get(f"/clients/{other.creditor_id}/", {"partner": "zeta"}).status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_clients_ask_the_database_equally_often_for_any_number(signed_in, account, rows, django_assert_num_queries):
    for _ in range(rows):
        make_transaction(account)
    with django_assert_num_queries(7):
        assert signed_in.get("/clients/").status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_client_asks_the_database_equally_often_for_any_number_of_rows(
    signed_in, account, rows, django_assert_num_queries
):
    client = make_client(account)
    for _ in range(rows):
        make_transaction(account, case=make_case(client))
    with django_assert_num_queries(13):
        assert signed_in.get(f"/clients/{client.creditor_id}/").status_code == 200


def test_summary_stands_as_text_to_paste_with_and_without_fees(signed_in, account):
    client = make_client(account, company_name="<b>Nord & Co</b>")
    make_transaction(case=make_case(client), stage=Stage.PAID, fee_usd=Decimal("40.10"))
    address = next(link for link in links(signed_in.get(f"/clients/{client.creditor_id}/")) if "summary" in link)
    page = signed_in.get(address)
    texts = re.findall(r"<textarea[^>]* readonly[^>]*>\n(.*?)</textarea>", page.content.decode(), re.DOTALL)
    with_fees, without = (unescape(text).splitlines() for text in texts)
    assert (with_fees[0], "  Paid: 40.10" in with_fees) == ("<b>Nord & Co</b>", True)
    assert [line for line in without if "ee" in line or "40.10" in line] == []


def test_summary_of_an_unknown_client_is_not_found(signed_in, account):
    assert signed_in.get(f"/clients/{UUID(int=1)}/summary/").status_code == 404


def test_summary_before_the_first_pull_is_none(signed_in):
    client = make_client(make_account())
    assert "<textarea" not in signed_in.get(f"/clients/{client.creditor_id}/summary/").content.decode()
