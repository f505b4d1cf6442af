"""The home of an account manager."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils.html import escape

from accounts.models import ApiToken, Membership, Role, User
from partners.models import Client, ClientEvent, PartnerAccount
from revenue.selectors.pulls import published_run
from revenue.stages import Stage
from revenue.views import my_clients
from tests.factories import (
    NOW,
    make_account,
    make_case,
    make_client,
    make_creditor,
    make_member,
    make_run,
    make_transaction,
    make_user,
)
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

HOME = "/my-clients/"
SEEN = "/my-clients/seen/"


@pytest.fixture
def account() -> PartnerAccount:
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account, as_of=NOW - timedelta(days=30), started_at=NOW - timedelta(days=30))
    make_run(account)
    return account


@pytest.fixture
def own(account: PartnerAccount) -> Client:
    return make_client(account, company_name="Own A/S")


@pytest.fixture
def manager(account: PartnerAccount, own: Client) -> User:
    return make_member(account, Role.MANAGER, clients=[own], email="mia@example.com")


@pytest.fixture
def browser(client: Any, manager: User) -> Any:
    client.force_login(manager)
    return client


def membership(manager: User) -> Membership:
    return Membership.objects.get(user=manager)


def linked(client: Client, *, days: int = 0) -> None:
    ClientEvent.objects.create(client=client, kind=ClientEvent.Kind.RETURNED, at=NOW - timedelta(days=days))


# --- Who comes here -----------------------------------------------------------------------------------


def test_account_manager_lands_here_after_signing_in(client: Any, manager: User) -> None:
    typed = {"username": "mia@example.com", "password": "a long enough pass phrase"}
    assert client.post(reverse("sign_in"), typed)["Location"] == HOME
    client.logout()
    assert client.post(reverse("sign_in"), typed | {"next": "/"})["Location"] == HOME
    client.logout()
    assert client.post(reverse("sign_in"), typed | {"next": "/cases/?q=x"})["Location"] == "/cases/?q=x"


def test_it_is_the_first_page_of_the_navigation_of_managers_and_of_nobody_else(
    browser: Any, signed_in_finance: Any
) -> None:
    for address in ("/", "/profile/"):
        assert links(browser.get(address))[2] == HOME
        assert {HOME, "/pulls/"} & set(links(browser.get(address))) == {HOME}
        assert {HOME, "/pulls/"} & set(links(signed_in_finance.get(address))) == {"/pulls/"}


@pytest.fixture
def signed_in_finance(account: PartnerAccount) -> Any:
    browser = Browser()
    browser.force_login(make_member(account, Role.FINANCE))
    return browser


def test_who_sees_every_client_is_led_to_their_list(signed_in_finance: Any) -> None:
    assert signed_in_finance.get(HOME)["Location"] == "/clients/"
    assert signed_in_finance.post(SEEN, {"until": NOW.isoformat()}).status_code == 404


def test_clients_own_people_find_no_such_page(client: Any, own: Client) -> None:
    person = make_user()
    make_creditor(person, own)
    client.force_login(person)
    assert (client.get(HOME).status_code, client.post(SEEN).status_code) == (404, 404)


def test_account_manager_starts_no_pull_and_reads_none_by_page_or_by_api(browser: Any, manager: User) -> None:
    assert [browser.get(address).status_code for address in ("/pulls/", "/pulls/1/")] == [403, 403]
    assert browser.post("/pulls/now/").status_code == 403
    answer = browser.get("/api/v1/pulls", headers={"Authorization": f"Bearer {ApiToken.issue(manager)}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")


# --- What moved ---------------------------------------------------------------------------------------


def test_who_never_looked_is_shown_seven_days(browser: Any, own: Client) -> None:
    linked(own, days=6)
    linked(own, days=8)
    assert "What moved in the last seven days" in words(browser.get(HOME))
    assert "up to 14 Mar 2026, 13:00 : 1 change." in words(browser.get(HOME))


def test_having_seen_it_begins_the_next_look_where_this_one_ended(browser: Any, own: Client, manager: User) -> None:
    linked(own)
    page = browser.get(HOME)
    assert "Listed again" in words(page)
    # A pull lands while the page is read.
    later = NOW + timedelta(minutes=5)
    make_run(own.account, as_of=later, started_at=later)
    ClientEvent.objects.create(client=own, kind=ClientEvent.Kind.ARCHIVED, at=later)
    answer = browser.post(SEEN, {"until": page.context["until"]}, follow=True)
    assert answer.redirect_chain == [(HOME, 302)]
    assert membership(manager).looked_at == NOW
    assert "What moved since you last looked" in words(answer)
    assert ("Listed again" in words(answer), "No longer listed" in words(answer)) == (False, True)


def test_page_of_another_tab_never_sets_the_look_back(browser: Any, manager: User) -> None:
    browser.post(SEEN, {"until": NOW.isoformat()})
    answer = browser.post(SEEN, {"until": (NOW - timedelta(days=1)).isoformat()}, follow=True)
    assert "You had seen all of that before" in words(answer)
    assert membership(manager).looked_at == NOW


@pytest.mark.parametrize(
    "until", ["", "yesterday", "2026-03-14", "2026-02-30T00:00:00+00:00", "2026-03-14T12:00:00", "2026-03-14T12:00:01Z"]
)
def test_what_no_page_can_have_shown_is_refused(browser: Any, manager: User, until: str) -> None:
    assert browser.post(SEEN, {"until": until}).status_code == 400
    assert membership(manager).looked_at is None


def test_look_of_one_account_is_none_of_another(browser: Any, manager: User) -> None:
    other = make_account(slug="other")
    make_run(other)
    second = Membership.objects.create(user=manager, account=other, role=Role.MANAGER)
    assert browser.post(f"{SEEN}?partner=other", {"until": NOW.isoformat()})["Location"] == f"{HOME}?partner=other"
    second.refresh_from_db()
    assert (second.looked_at, Membership.objects.exclude(pk=second.pk).get().looked_at) == (NOW, None)


def test_more_than_a_page_holds_is_counted(browser: Any, own: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(my_clients, "MOVES_SHOWN", 2)
    for _ in range(3):
        linked(own)
    text = words(browser.get(HOME))
    assert "3 changes." in text
    assert "1 earlier change is not listed here" in text


# --- Onboarding, and all of them ----------------------------------------------------------------------


def test_who_is_stuck_stands_by_how_long_with_the_link_to_copy(browser: Any, own: Client, manager: User) -> None:
    """Neither a client who is done nor one that is gone, nor another manager's, whatever has become of it."""
    fields = {"onboarding_done": False, "onboarding_url": "https://app.example/on?a=1&b=2", "kyc_status": "NotStarted"}
    late = make_client(own.account, company_name="Late", date_linked=NOW - timedelta(days=1), **fields)
    early = make_client(
        own.account,
        company_name="Early",
        date_linked=NOW - timedelta(days=9),
        onboarding_done=None,
        onboarding_url="javascript:x",
    )
    gone = make_client(own.account, company_name="Gone", archived_at=NOW, **fields)
    make_client(own.account, company_name="Zebrawood", **fields)
    membership(manager).clients.set([own, late, early, gone])
    page = browser.get(HOME)
    text = words(page).partition("Stuck in onboarding")[2].partition("Fees of my clients")[0]
    assert text.startswith(" 2, the longest first Early Onboarding not told by Debitura, linked 5 Mar 2026, 13:00 (")
    assert "Late Onboarding open, linked 13 Mar 2026, 13:00 (" in text
    assert "Identity check: Not started" in text
    html = page.content.decode()
    assert f'<span data-copy><a href="{escape(fields["onboarding_url"])}"' in html
    assert ("javascript:x" in html, "Gone" in text, "Zebrawood" in html) == (False, False, False)


def test_clients_stand_with_their_cases_last_payment_and_fees(browser: Any, own: Client) -> None:
    make_transaction(case=make_case(own), stage=Stage.PAID, fee_usd=Decimal(100))
    make_transaction(case=make_case(own), fee_usd=Decimal("4.5"), is_estimate=True, payment_date=NOW)
    make_transaction(own.account, fee_usd=Decimal("7654.32"))
    page = browser.get(HOME)
    row = "Own A/S 2 2 14 Mar 2026, 13:00 100.00 100.00 + ≈ 4.50"
    assert row in words(page)
    assert "7,654.32" not in page.content.decode()


def test_manager_without_clients_is_told_who_can_help(browser: Any, manager: User) -> None:
    membership(manager).clients.clear()
    text = words(browser.get(HOME))
    assert "An admin of Acme Referrals can do that." in text
    assert "What moved" not in text


def test_before_the_first_pull_there_is_nothing_to_look_at(client: Any) -> None:
    account = make_account()
    client.force_login(make_member(account, Role.MANAGER, clients=[make_client(account)]))
    assert published_run(account) is None
    assert "No pull has run yet" in words(client.get(HOME))
    assert client.post(SEEN, {"until": NOW.isoformat()}).status_code == 400


def test_long_lists_of_clients_have_pages(browser: Any, manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(my_clients, "CLIENTS_SHOWN", 1)
    membership(manager).clients.add(make_client(membership(manager).account, company_name="Peer Ltd"))
    assert "?page=2" in links(browser.get(HOME))
    assert [browser.get(HOME, {"page": page}).status_code for page in ("2", "3", "x", "0")] == [200, 404, 404, 404]


@pytest.mark.parametrize("count", [1, 3])
def test_number_of_queries_is_the_same_for_any_number_of_clients(
    browser: Any, manager: User, django_assert_num_queries, count: int
) -> None:
    account = membership(manager).account
    clients = [make_client(account, onboarding_done=False) for _ in range(count)]
    membership(manager).clients.set(clients)
    for client in clients:
        linked(client)
        make_transaction(case=make_case(client), first_seen_at=NOW)
    browser.get("/profile/")  # the browser has its secret for forms
    with django_assert_num_queries(24):
        browser.get(HOME)


# --- The overview of who sees some clients ------------------------------------------------------------


def test_overview_says_whose_figures_it_shows_and_nothing_of_the_portfolio(
    browser: Any, account: PartnerAccount
) -> None:
    account.pulls.update(portfolio={"total_clients": 4321})
    make_transaction(account, fee_usd=Decimal("7654.32"))
    text = words(browser.get("/"))
    assert "Of the one client assigned to you" in text
    assert [word for word in ("Portfolio", "portfolio", "All clients", "4,321", "7,654.32") if word in text] == []


def test_totals_of_the_portfolio_stand_apart_where_an_admin_allows_them(
    browser: Any, manager: User, account: PartnerAccount
) -> None:
    Membership.objects.update(sees_totals=True)
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal("7654.32"))
    for address in ("/", "/?from=2026-03-05&to=2026-03-05"):
        page = browser.get(address)
        panel = words(page).partition("Whole portfolio Fees of all clients in USD, over all time")[2]
        assert "Paid 7,654.32" in panel
        # Of all time whatever the days, and no way to what is behind it.
        html = page.content.decode().partition('id="whole-portfolio-title"')[2].partition("</section>")[0]
        assert "<a " not in html
        assert page.content.decode().count("7,654.32") == 1
    assert "7,654.32" not in browser.get("/transactions/").content.decode()
