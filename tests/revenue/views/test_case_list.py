from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from partners.models import Case, ReferenceChange
from partners.references import set_reference
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    return account


def listed(response):
    """The references of the cases in the table, in its order."""
    return [case.reference for case, _ in response.context["page"].rows]


def test_case_stands_with_its_references_client_state_and_fee(signed_in, account):
    client = make_client(account, company_name="Nordlys")
    case = make_case(
        client,
        reference="Q8OAXF3W",
        client_reference="INV-7",
        partner_reference="A/B, <i>",
        debtor_name="Ida Ek",
        lifecycle="PendingVerification",
        date_created=datetime(2026, 3, 1, 22, 30, tzinfo=UTC),
    )
    make_transaction(case=case, fee_usd=Decimal("40.00"))
    response = signed_in.get("/cases/")
    assert "Q8OAXF3W Nordlys INV-7 A/B, <i> Ida Ek Pending verification 1 Mar 2026, 23:30 1 40.00" in words(response)
    assert {"/cases/Q8OAXF3W/", f"/clients/{client.creditor_id}/", "/references/"} <= set(links(response))
    assert "1 of 1 case" in words(response)


def test_case_of_which_nothing_is_known_stands_with_dashes(signed_in, account):
    Case.objects.create(account=account, reference="Q8OAXF3W", case_id=UUID(int=7))
    assert "Q8OAXF3W — — — — — — 0 0.00" in words(signed_in.get("/cases/"))


def test_cases_that_wait_for_activation_are_one_click_away(signed_in, account):
    make_case(account=account, reference="A", lifecycle="Pending Verification")
    make_case(account=account, reference="B", lifecycle="Active")
    page = signed_in.get("/cases/")
    assert "Pending verification: 1" in words(page)
    response = signed_in.get("/cases/" + next(link for link in links(page) if link == "?state=pendingverification"))
    assert listed(response) == ["A"]


def test_more_waiting_cases_than_are_counted_are_said_to_be_more(signed_in, account, monkeypatch):
    monkeypatch.setattr("revenue.selectors.case_list.FEW", 1)
    for reference in "ABC":
        make_case(account=account, reference=reference, lifecycle="PendingVerification")
    assert "Pending verification: more than 1 " in words(signed_in.get("/cases/"))


@pytest.mark.parametrize("q", ["8oax", "inv-7", "a/b", "ida"])
def test_cases_are_searched_by_every_reference_and_the_debtor(signed_in, account, q):
    make_case(
        account=account,
        reference="Q8OAXF3W",
        client_reference="INV-7",
        partner_reference="A/B",
        debtor_name="Ida Ek",
    )
    make_case(account=account)
    response = signed_in.get("/cases/", {"q": q, "sort": "reference"})
    assert listed(response) == ["Q8OAXF3W"]
    assert "?sort=reference" in links(response)


def test_cases_are_filtered_by_client_and_state_together(signed_in, account):
    client = make_client(account)
    make_case(client, reference="A", lifecycle="Active")
    make_case(client, reference="B", lifecycle="Closed")
    make_case(account=account, lifecycle="Active")
    asked = {"client": client.creditor_id, "state": "active"}
    assert listed(signed_in.get("/cases/", asked)) == ["A"]
    assert {"?state=active", f"?client={client.creditor_id}"} <= set(links(signed_in.get("/cases/", asked)))


def test_pages_lead_on_and_back_and_any_filter_leads_to_the_first(signed_in, account):
    client = make_client(account)
    for day in range(5):
        make_case(client, reference=f"R{day}", date_created=NOW + timedelta(days=day))

    def follow(response, text):
        address = response.content.decode().partition(f">{text}</a>")[0].rpartition('href="')[2].partition('"')[0]
        return signed_in.get("/cases/" + address.replace("&amp;", "&"))

    first = signed_in.get("/cases/?page_size=2")
    second = follow(first, "Next")
    last = follow(second, "Next")
    assert [listed(page) for page in (first, second, last)] == [["R4", "R3"], ["R2", "R1"], ["R0"]]
    assert "Next" not in words(last)
    assert "Previous" not in words(first)
    assert listed(follow(last, "Previous")) == ["R2", "R1"]
    assert listed(follow(last, "First")) == ["R4", "R3"]
    assert "?state=pendingverification&page_size=2" in links(last)


@pytest.mark.parametrize(
    ("sort", "found"), [("reference", ["A", "B"]), ("-reference", ["B", "A"]), ("created", ["B", "A"])]
)
def test_cases_are_sorted(signed_in, account, sort, found):
    make_case(account=account, reference="A", date_created=NOW)
    make_case(account=account, reference="B", date_created=NOW - timedelta(days=1))
    assert listed(signed_in.get("/cases/", {"sort": sort})) == found


@pytest.mark.parametrize(
    ("cases", "query", "said"),
    [
        (0, "", "No cases yet Debitura lists no case for Acme Referrals so far."),
        (0, "?state=pendingverification", "No case waits to be activated"),
        (1, "?q=nothing", "Nothing matches No case matches all of these filters."),
        (1, "?state=nonsense", "Nothing matches No case matches all of these filters."),
    ],
)
def test_empty_list_says_why(signed_in, account, cases, query, said):
    for _ in range(cases):
        make_case(account=account)
    assert said in words(signed_in.get(f"/cases/{query}"))


def test_page_after_the_last_case_says_so_and_leads_to_the_first(signed_in, account):
    case = make_case(account=account)
    response = signed_in.get(f"/cases/?after={case.pk}&sort=reference")
    assert "The list ends here" in words(response)
    assert "?sort=reference" in links(response)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("after=1e3", 400),
        ("before=%00", 400),
        ("sort=fee", 400),
        ("client=nobody", 400),
        ("q=%00", 400),
        ("after=7", 404),
    ],
)
def test_wrong_filter_is_told(signed_in, account, query, status):
    assert signed_in.get(f"/cases/?{query}").status_code == status


def test_wrong_filter_answers_without_cases(signed_in, account):
    make_case(account=account, reference="Q8OAXF3W")
    text = words(signed_in.get("/cases/?sort=fee"))
    assert "sort : Sort by one of created, reference, with - before it for the largest first." in text
    assert "Q8OAXF3W" not in text


def test_states_to_choose_from_are_those_of_the_account(signed_in, account):
    for state in ("Active", "PendingVerification", "Pending Verification", ""):
        make_case(account=account, lifecycle=state)
    assert signed_in.get("/cases/").context["states"] == [
        ("pendingverification", "Pending verification"),
        ("active", "Active"),
        ("unknown", "Not told yet"),
    ]


def test_very_many_cases_are_counted_up_to_a_bound(signed_in, account, monkeypatch):
    monkeypatch.setattr("revenue.selectors.case_list.FEW", 1)
    monkeypatch.setattr("revenue.selectors.case_list.MOST_COUNTED", 2)
    for _ in range(3):
        make_case(account=account)
    assert "3 of more than 2 cases" in words(signed_in.get("/cases/"))


def test_account_that_was_never_pulled_says_so(signed_in):
    make_account()
    assert "No figures yet" in words(signed_in.get("/cases/"))


def test_list_is_kept_until_somebody_changes_a_reference(signed_in, reader, account):
    case = make_case(account=account)
    signed_in.get("/cases/")
    signed_in.get("/cases/")
    with CaptureQueriesContext(connection) as queries:
        signed_in.get("/cases/")
    # The session, the person, the version.
    assert len(queries) == 3
    set_reference(case, "OURS", by=reader, source=ReferenceChange.Source.API)
    assert "OURS" in words(signed_in.get("/cases/"))


def test_stranger_is_asked_to_sign_in(account):
    assert Client().get("/cases/")["Location"] == "/sign-in/?next=/cases/"


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_the_database_equally_often_for_any_number(signed_in, account, rows, django_assert_num_queries):
    for _ in range(rows):
        make_transaction(case=make_case(account=account, lifecycle="PendingVerification"))
    with django_assert_num_queries(11):
        assert signed_in.get("/cases/").status_code == 200
