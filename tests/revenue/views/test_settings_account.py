"""The page of an account's settings: its name, and whether its people need a second factor."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, Role, User
from partners.models import PartnerAccount
from tests.factories import make_account, make_app, make_client, make_member, make_user, sign_in_now
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

ADDRESS = "/settings/"
UNTOUCHED = {"initial-name": "Acme Referrals", "initial-requires_second_factor": "False"}


@pytest.fixture
def account() -> PartnerAccount:
    return make_account(slug="acme", name="Acme Referrals", base_url="https://debitura.example")


def browser_of(person: User) -> Any:
    """Somebody who is signed in."""
    client = Client()
    sign_in_now(client, person)
    return client


@pytest.fixture
def admin(account: PartnerAccount) -> Any:
    return browser_of(make_member(account, Role.ADMIN, email="admin@example.com"))


def save(browser: Any, **fields: str) -> Any:
    return browser.post(ADDRESS, UNTOUCHED | {"name": "Acme Referrals"} | fields)


def trail() -> list[tuple[str, dict[str, str]]]:
    found = AuditEvent.objects.filter(action=AuditEvent.Action.ACCOUNT_CHANGED, actor_text="admin@example.com")
    return list(found.order_by("pk").values_list("subject", "detail"))


def test_settings_show_the_account_and_lead_to_its_keys(admin: Any) -> None:
    answer = admin.get(ADDRESS)
    assert "https://debitura.example Change it with its key" in words(answer)
    assert {ADDRESS, "/settings/keys/", "/settings/audit/", "/pulls/"} <= set(links(answer))


def test_settings_are_in_the_menu_of_admins_alone(admin: Any, account: PartnerAccount) -> None:
    finance = browser_of(make_member(account, Role.FINANCE))
    assert (ADDRESS in links(admin.get("/")), ADDRESS in links(finance.get("/"))) == (True, False)


def test_name_is_changed_on_every_page_that_was_kept(admin: Any, account: PartnerAccount) -> None:
    admin.get("/")  # the first page gives the browser the secret of its forms
    assert "Acme Holding" not in words(admin.get("/"))
    assert save(admin, name=" Acme\nHolding ").status_code == 302
    account.refresh_from_db()
    assert (account.name, account.requires_second_factor, account.edits) == ("Acme Holding", False, 1)
    assert trail() == [("name", {"was": "Acme Referrals", "now": "Acme Holding"})]
    shown = words(admin.get("/"))
    assert "The settings are saved." in shown
    assert "Feeboard · Acme Holding" in shown


def test_who_has_no_second_factor_cannot_ask_one_of_others(admin: Any, account: PartnerAccount) -> None:
    answer = save(admin, name="Another", requires_second_factor="on")
    account.refresh_from_db()
    assert (answer.status_code, account.requires_second_factor, account.name) == (400, False, "Acme Referrals")
    assert "Set up a second factor of your own first" in words(answer)
    assert trail() == []


def test_second_factor_is_asked_for_and_not_any_more(admin: Any, account: PartnerAccount) -> None:
    make_app(User.objects.get(email="admin@example.com"))
    now = []
    for fields in ({"requires_second_factor": "on"}, {"initial-requires_second_factor": "True"}):
        save(admin, **fields)
        account.refresh_from_db()
        now.append(account.requires_second_factor)
    assert now == [True, False]
    subject = "second factor required"
    assert trail() == [(subject, {"was": "no", "now": "yes"}), (subject, {"was": "yes", "now": "no"})]


def test_what_somebody_left_alone_others_may_have_changed(admin: Any, account: PartnerAccount) -> None:
    make_app(User.objects.get(email="admin@example.com"))
    PartnerAccount.objects.update(name="Acme Group")
    save(admin, requires_second_factor="on")
    account.refresh_from_db()
    assert (account.name, account.requires_second_factor) == ("Acme Group", True)
    assert [subject for subject, _ in trail()] == ["second factor required"]


def test_nothing_changed_is_nothing_done(admin: Any, account: PartnerAccount) -> None:
    save(admin)
    account.refresh_from_db()
    assert (account.edits, trail()) == (0, [])
    assert "Nothing was changed." in words(admin.get(ADDRESS))


@pytest.mark.parametrize("name", ["", " \n ", "n" * 201, "nul\0"])
def test_name_that_cannot_be_kept_is_refused(admin: Any, account: PartnerAccount, name: str) -> None:
    assert save(admin, name=name).status_code == 400
    account.refresh_from_db()
    assert (account.name, trail()) == ("Acme Referrals", [])


def test_admins_are_told_who_would_be_locked_out(
    admin: Any, account: PartnerAccount, django_assert_num_queries: Any
) -> None:
    other = make_account()
    make_member(other, Role.FINANCE, email="stranger@example.com")
    make_member(account, Role.FINANCE, email="gone@example.com", is_active=False)
    make_member(account, Role.CLIENT, email="client@example.com", clients=[make_client(account)])
    make_user("root@example.com")
    text = words(admin.get(ADDRESS))
    assert "3 people have no second factor yet." in text
    assert "admin@example.com (you), client@example.com , root@example.com" in text
    assert [email for email in ("stranger@example.com", "gone@example.com") if email in text] == []
    with django_assert_num_queries(9):
        admin.get(ADDRESS)
    for _ in range(9):
        make_member(account, Role.FINANCE)
    with django_assert_num_queries(9):
        text = words(admin.get(ADDRESS))
    assert "12 people have no second factor yet." in text
    assert "root@example.com" not in text
    assert "and others" in text
    PartnerAccount.objects.update(requires_second_factor=True)
    assert "no second factor yet" not in words(admin.get(ADDRESS))
