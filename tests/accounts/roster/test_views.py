"""The pages of people: who sees them, what they tell, and what they change."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Invitation, Membership, Role, User
from accounts.roster import joining, members
from partners.models import Client, PartnerAccount
from tests.factories import (
    make_account,
    make_app,
    make_client,
    make_creditor,
    make_member,
    make_run,
    make_user,
    sign_in_now,
)
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PEOPLE = "/settings/people/"
LINK = re.compile(r"http://testserver/invitation/([\w-]{43})/")


@pytest.fixture
def account() -> PartnerAccount:
    """The second one, so that its name stands in every address."""
    make_account(slug="first", name="First")
    return make_account(slug="acme", name="Acme", created_at=NOW)


@pytest.fixture
def admin(account: PartnerAccount) -> User:
    return make_member(account, Role.ADMIN, email="admin@example.com", name="Ada Min")


def browser_of(user: User) -> Browser:
    browser = Browser()
    sign_in_now(browser, user)
    return browser


@pytest.fixture
def browser(admin: User) -> Browser:
    return browser_of(admin)


def own(user: User) -> Membership:
    return Membership.objects.get(user=user)


def rows(answer: Any) -> list[str]:
    """The lines of the tables of a page, in words."""
    found = re.findall(r"<tr>.*?</tr>", answer.content.decode(), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


# --- For whom these pages are -----------------------------------------------------------------------


def pages(member: Membership, invitation: Invitation) -> list[tuple[str, str]]:
    """Every page and what is done with it."""
    return [
        *(("get", f"{PEOPLE}{page}") for page in ("", "invite/", f"{member.pk}/", f"{member.pk}/clients/")),
        *(("post", f"{PEOPLE}{page}") for page in ("invite/", f"{member.pk}/", f"{member.pk}/clients/")),
        *(("post", f"{PEOPLE}{member.pk}/{act}/") for act in ("remove", "deactivate", "reactivate")),
        *(("post", f"{PEOPLE}invitations/{invitation.pk}/{act}/") for act in ("send", "withdraw")),
    ]


def ask(browser: Browser, method: str, address: str) -> Any:
    return browser.post(address, FORM) if method == "post" else browser.get(address)


FORM = {"role": "admin", "email": "mine@example.com", "clients": "x"}


@pytest.mark.parametrize(
    ("who", "status", "status_by_name"),
    [
        ("nobody", 302, 302),
        ("finance", 403, 403),
        ("manager", 403, 403),
        ("client", 404, 404),
        ("stranger", 403, 404),
        ("deactivated", 302, 302),
        ("without any", 404, 404),
    ],
)
def test_pages_are_for_admins_of_the_account(
    account: PartnerAccount, admin: User, who: str, status: int, status_by_name: int
) -> None:
    target = own(make_member(account, Role.FINANCE, email="target@example.com"))
    invitation = joining.invite(account, email="invited@example.com", role=Role.FINANCE, by=admin).invitation
    first = PartnerAccount.objects.get(slug="first")
    person = {
        "finance": lambda: make_member(account, Role.FINANCE),
        "manager": lambda: make_member(account, Role.MANAGER),
        "client": lambda: make_member(account, Role.CLIENT),
        "stranger": lambda: make_member(first, Role.FINANCE),
        "deactivated": lambda: make_member(account, Role.ADMIN, is_active=False),
        "without any": lambda: make_user(is_superuser=False),
    }.get(who, lambda: None)()
    browser = Browser() if person is None else browser_of(person)
    before = (list(Membership.objects.values()), list(Invitation.objects.values()), AuditEvent.objects.count())
    answers = []
    for method, page in pages(target, invitation):
        for query, expected in (("", status), ("?partner=acme", status_by_name)):
            answer = ask(browser, method, page + query)
            assert (page, query, answer.status_code) == (page, query, expected)
            answers.append(answer.content.decode())
    assert [text for text in answers if "target@example.com" in text or "invited@example.com" in text] == []
    after = (list(Membership.objects.values()), list(Invitation.objects.values()), AuditEvent.objects.count())
    assert (after, mail.outbox, User.objects.get(pk=target.user_id).is_active) == (before, [], True)


def test_what_is_of_another_account_answers_as_what_there_is_not(browser: Browser, admin: User) -> None:
    other = PartnerAccount.objects.get(slug="first")
    Membership.objects.create(user=make_user(), account=other, role=Role.ADMIN)
    theirs = own(make_member(other, Role.MANAGER))
    invitation = joining.invite(other, email="x@example.com", role=Role.FINANCE, by=make_user()).invitation
    nothing = (Membership(pk=10**12), Invitation(pk=10**12))
    for (method, page), (_, missing) in zip(
        pages(theirs, invitation)[2:],
        pages(*nothing)[2:],
        strict=True,  # without the list and the form
    ):
        if page.endswith("invite/"):
            continue
        found, unknown = (ask(browser, method, address) for address in (page, missing))
        told = [re.sub(r'value="\w{64}"', "", answer.content.decode()) for answer in (found, unknown)]
        assert (found.status_code, unknown.status_code, told[0]) == (404, 404, told[1])
    assert (Membership.objects.filter(pk=theirs.pk).count(), Invitation.objects.filter(withdrawn_at=None).count()) == (
        1,
        1,
    )


def test_forms_are_taken_with_their_csrf_token_only(account: PartnerAccount, admin: User) -> None:
    strict, target = Browser(enforce_csrf_checks=True), own(make_member(account, Role.FINANCE))
    sign_in_now(strict, admin)
    posts = [page for method, page in pages(target, Invitation(pk=1)) if method == "post"]
    assert {strict.post(page, FORM).status_code for page in posts} == {403}
    only_posts = [page for page in posts if re.search("/(remove|activate|deactivate|send|withdraw)/$", page)]
    assert {strict.get(page).status_code for page in only_posts} == {405}


def test_settings_stand_in_the_menu_of_admins(account: PartnerAccount, admin: User) -> None:
    menus = {
        "admin": (browser_of(admin), "/settings/?partner=acme"),
        "finance": (browser_of(make_member(account, Role.FINANCE)), None),
        "superuser": (browser_of(make_user()), "/settings/?partner=first"),
    }
    Membership.objects.create(user=admin, account=PartnerAccount.objects.get(slug="first"), role=Role.FINANCE)
    for who, (browser, address) in menus.items():
        found = [link for link in links(browser.get("/profile/")) if link.startswith("/settings/")]
        assert (who, found) == (who, [address] if address else [])
    admins = menus["admin"][0]
    assert "/settings/?partner=acme" in links(admins.get("/clients/?partner=acme"))
    assert "/settings/people/?partner=acme" in links(admins.get("/settings/?partner=acme"))
    assert [link for link in links(admins.get("/clients/?partner=first")) if "settings" in link] == []


def test_superuser_before_an_account_is_connected_reads_how_to(db: None) -> None:
    answer = browser_of(make_user()).get(PEOPLE)
    assert (answer.status_code, "No partner account is connected" in words(answer)) == (200, True)


def test_who_signed_in_long_ago_is_asked_again(account: PartnerAccount, admin: User) -> None:
    target = own(make_member(account, Role.FINANCE))
    invitation = joining.invite(account, email="invited@example.com", role=Role.FINANCE, by=admin).invitation
    stale = Browser()
    stale.force_login(admin)
    before = AuditEvent.objects.count()
    for method, page in pages(target, invitation):
        answer = ask(stale, method, page)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in/again/")
    assert AuditEvent.objects.count() == before


# --- The list ---------------------------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_list_tells_who_is_what(account: PartnerAccount, admin: User, browser: Browser) -> None:
    clients = [make_client(account, company_name=f"Client <{letter}>") for letter in "ABCDE"]
    make_app(
        make_member(
            account, Role.MANAGER, clients=clients, sees_totals=True, name="Mana <b>Ger</b>", email="m@example.com"
        )
    )
    make_member(account, Role.CLIENT, clients=clients[:1], email="zoe@example.com", last_login=NOW, is_active=False)
    make_member(account, Role.MANAGER, email="zz@example.com")
    make_member(PartnerAccount.objects.get(slug="first"), Role.ADMIN, email="elsewhere@example.com")
    make_user("owner@example.com", name="Olga")
    User.objects.filter(pk=admin.pk).update(last_login=None)
    joining.invite(account, email="new@example.com", role=Role.CLIENT, clients=clients[:2], by=admin)
    joining.withdraw(
        joining.invite(account, email="gone@example.com", role=Role.FINANCE, by=admin).invitation, by=admin
    )
    answer = browser.get(PEOPLE)
    assert rows(answer) == [
        "Person Role Clients Last sign-in Second factor State",
        "Ada Min admin@example.com Admin All Never No Active",
        "Mana &lt;b&gt;Ger&lt;/b&gt; m@example.com Account manager Sees totals"
        " Client &lt;A&gt; , Client &lt;B&gt; , Client &lt;C&gt; and 2 more Never Yes Active",
        "zoe@example.com Client Client &lt;A&gt; 14 Mar 2026, 13:00 No Deactivated",
        "zz@example.com Account manager None Never No Active",
        "E-mail Role Ends Change",
        "new@example.com Invited by Ada Min Client 2 clients 21 Mar 2026, 13:00 Send again Withdraw",
        "Person Role Last sign-in State",
        "Olga owner@example.com Owner Never Active",
    ]
    assert answer["Cache-Control"] == "private, no-store"


def test_search_finds_people_owners_and_invitations(account: PartnerAccount, admin: User, browser: Browser) -> None:
    make_member(account, Role.FINANCE, name="Ørsted Ærlig", email="one@example.com")
    make_user("owner@example.com", name="Ærtholm")
    joining.invite(account, email="one@example.org", role=Role.FINANCE, by=admin)
    found = {q: [row.split()[0] for row in rows(browser.get(PEOPLE, {"q": q}))[1:]] for q in ("æR", "ONE@", "zz\0z")}
    assert found == {
        "æR": ["Ørsted", "Person", "Ærtholm"],
        "ONE@": ["Ørsted", "E-mail", "one@example.org"],
        "zz\0z": [],
    }


def test_list_is_walked_in_pages(account: PartnerAccount, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "PAGE_SIZE", 2)
    for number in range(4):
        make_member(account, Role.FINANCE, email=f"p{number}@example.org")
    page = browser.get(f"{PEOPLE}?partner=acme&q=example.org&page=2")
    assert [row.split()[0] for row in rows(page)[1:3]] == ["p2@example.org", "p3@example.org"]
    assert "3–4 of 4 Page 2 of 2" in words(page) or "3–4 of 4 Previous Page 2 of 2" in words(page)
    assert "?page=1&q=example.org" in links(page)
    for wrong in ("99", "x", "-1", "\0"):
        assert browser.get(PEOPLE, {"page": wrong}).status_code == 200


def test_list_asks_as_often_for_many_as_for_one(account: PartnerAccount, admin: User, browser: Browser) -> None:
    counts = []
    for _ in range(2):
        for _pair in range(2):
            client = make_client(account)
            make_member(account, Role.MANAGER, clients=[client, make_client(account)])
            make_member(account, Role.CLIENT, clients=[client])
            make_user()
            email = f"{Invitation.objects.count()}@example.com"
            joining.invite(account, email=email, role=Role.CLIENT, clients=[client], by=admin)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert browser.get(PEOPLE).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


# --- Inviting ---------------------------------------------------------------------------------------


def test_invitation_is_mailed_and_its_link_shown_once(account: PartnerAccount, browser: Browser) -> None:
    answer = browser.post(f"{PEOPLE}invite/", {"email": "New@example.com", "role": "finance"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    [token] = set(LINK.findall(answer.content.decode()))
    assert Invitation.objects.get().digest == joining.digest_of(token)
    [sent] = mail.outbox
    assert (sent.to, LINK.findall(str(sent.body))) == (["new@example.com"], [token])
    assert "The invitation is on its way to new@example.com" in words(answer)
    later = [browser.get(page).content.decode() for page in (PEOPLE, f"{PEOPLE}invite/", "/settings/audit/")]
    assert [page for page in later if token in page] == []


def test_link_is_shown_where_no_mail_goes_out(browser: Browser, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = browser.post(f"{PEOPLE}invite/", {"email": "new@example.com", "role": "finance"})
    assert "The invitation holds, but no mail is on its way. The mail could not be sent." in words(answer)
    [token] = set(LINK.findall(answer.content.decode()))
    assert Browser().get(f"/invitation/{token}/").status_code == 302


def test_clients_are_found_and_chosen_in_rounds(account: PartnerAccount, browser: Browser) -> None:
    one, two, three = (make_client(account, company_name=f"<{name}> A/S") for name in ("One", "Two", "Three"))
    make_client(PartnerAccount.objects.get(slug="first"), company_name="One elsewhere")
    given = {"email": "new@example.com", "role": "client", "find": "one", "look": "1", "clients": str(two.creditor_id)}
    page = browser.post(f"{PEOPLE}invite/", given)
    assert (page.status_code, Invitation.objects.count(), mail.outbox) == (200, 0, [])
    boxes = re.findall(r'name="clients" value="([\w-]+)"( checked)?', page.content.decode())
    assert boxes == [(str(two.creditor_id), " checked"), (str(one.creditor_id), "")]
    assert re.findall(r'value="(\w+)"[^>]* checked', page.content.decode())[0] == "client"
    assert 'value="new@example.com"' in page.content.decode()
    del given["look"]
    browser.post(f"{PEOPLE}invite/", given | {"clients": [str(one.creditor_id), str(three.creditor_id)]})
    assert set(Invitation.objects.get().clients.all()) == {one, three}


def test_many_clients_are_found_as_far_as_a_page_holds(account: PartnerAccount, browser: Browser) -> None:
    Client.objects.bulk_create(
        Client(account=account, creditor_id=UUID(int=number), company_name=f"Many {number}") for number in range(60)
    )
    page = browser.post(f"{PEOPLE}invite/", {"find": "many", "look": "1"})
    assert "The first 50 of 60 that match: type more of the name." in words(page)
    assert len(re.findall('name="clients"', page.content.decode())) == 50


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"email": "x"}, "This is no e-mail address. Write it as name@example.com."),
        ({"email": "<b>@example.com"}, "This is no e-mail address. Write it as name@example.com."),
        ({"email": "mаria@example.com"}, "Write the address in plain letters (a–z)."),
        ({"email": f"{'x' * 400}@example.com"}, "Ensure this value has at most 320 characters"),
        ({"email": "ADMIN@example.com"}, "This person belongs to the account already."),
        ({"role": "owner"}, "Select a valid choice."),
        ({"role": ""}, "This field is required."),
        ({"role": "client"}, "Choose the client whose person this is"),
        ({"role": "client", "clients": "nonsense"}, "A client that was chosen is not one of this account."),
    ],
)
def test_form_with_a_mistake_invites_nobody(browser: Browser, wrong: dict[str, str], told: str) -> None:
    answer = browser.post(f"{PEOPLE}invite/", {"email": "new@example.com", "role": "finance"} | wrong)
    assert (answer.status_code, told in words(answer)) == (400, True)
    assert (Invitation.objects.count(), mail.outbox) == (0, [])


def test_client_of_another_account_is_as_unknown_as_none(account: PartnerAccount, browser: Browser) -> None:
    theirs = make_client(PartnerAccount.objects.get(slug="first"), company_name="Zebrawood")
    manager = own(make_member(account, Role.MANAGER))
    told = []
    for creditor_id in (theirs.creditor_id, UUID(int=7)):
        given = {"email": "new@example.com", "role": "client", "clients": str(creditor_id)}
        answers = [
            browser.post(f"{PEOPLE}invite/", given),
            browser.post(f"{PEOPLE}{manager.pk}/clients/", given | {"add": "1"}, follow=True),
        ]
        told.append([(answer.status_code, words(answer)) for answer in answers])
    assert told[0] == told[1]
    assert "Zebrawood" not in str(told)
    assert (manager.clients.count(), Invitation.objects.count()) == (0, 0)


def test_invitation_is_sent_again_and_withdrawn(account: PartnerAccount, admin: User, browser: Browser) -> None:
    invited = joining.invite(account, email="new@example.com", role=Role.FINANCE, by=admin)
    place = f"{PEOPLE}invitations/{invited.invitation.pk}/"
    answer = browser.post(f"{place}send/")
    [token] = set(LINK.findall(answer.content.decode()))
    assert [Browser().get(f"/invitation/{each}/").status_code for each in (invited.token, token)] == [404, 302]
    assert [sent.to for sent in mail.outbox] == [["new@example.com"]]
    page = browser.post(f"{place}withdraw/", follow=True)
    assert "The invitation of new@example.com is withdrawn. Its link no longer works." in words(page)
    assert Browser().get(f"/invitation/{token}/").status_code == 404
    assert [browser.post(f"{place}{act}/").status_code for act in ("send", "withdraw")] == [404, 404]


# --- One person -------------------------------------------------------------------------------------


def test_role_is_changed_at_the_very_next_request(account: PartnerAccount, browser: Browser) -> None:
    target = make_member(account, Role.FINANCE, name="Maria")
    client, hidden = make_client(account, company_name="Own A/S"), make_client(account, company_name="Zebrawood")
    theirs = browser_of(target)
    # Twice: the second one is kept, and served again while nothing changes.
    assert ["Zebrawood" in words(theirs.get("/clients/")) for _ in range(2)] == [False, False]
    make_run(account)
    assert ["Zebrawood" in words(theirs.get("/clients/")) for _ in range(2)] == [True, True]
    page = browser.post(f"{PEOPLE}{own(target).pk}/", {"role": "account_manager"}, follow=True)
    assert "Maria is now Account manager." in words(page)
    assert "Zebrawood" not in words(theirs.get("/clients/"))
    browser.post(f"{PEOPLE}{own(target).pk}/clients/", {"clients": str(client.creditor_id), "add": "1"})
    seen = words(theirs.get("/clients/"))
    assert ("Own A/S" in seen, "Zebrawood" in seen, theirs.get(f"/clients/{hidden.creditor_id}/").status_code) == (
        True,
        False,
        404,
    )
    browser.post(f"{PEOPLE}{own(target).pk}/", {"role": "admin"})
    assert (theirs.get(PEOPLE).status_code, "Zebrawood" in words(theirs.get("/clients/"))) == (200, True)
    browser.post(f"{PEOPLE}{own(target).pk}/remove/")
    assert (theirs.get(PEOPLE).status_code, "You see no partner account" in words(theirs.get("/clients/"))) == (
        404,
        True,
    )


def test_form_shows_what_is_and_keeps_what_was_sent(account: PartnerAccount, browser: Browser) -> None:
    target = own(make_member(account, Role.MANAGER, sees_totals=True))
    form = browser.get(f"{PEOPLE}{target.pk}/").context["form"]
    assert (form["role"].value(), form["sees_totals"].value()) == ("account_manager", True)
    wrong = browser.post(f"{PEOPLE}{target.pk}/", {"role": "owner"})
    assert (wrong.status_code, wrong.context["form"].errors["role"]) == (
        400,
        ["Select a valid choice. owner is not one of the available choices."],
    )


def test_last_admin_is_told_what_to_do(account: PartnerAccount, admin: User, browser: Browser) -> None:
    place = f"{PEOPLE}{own(admin).pk}/"
    for page in (browser.post(place, {"role": "finance"}, follow=True), browser.post(f"{place}remove/", follow=True)):
        assert "This is the last admin of the account. Make somebody else an admin first." in words(page)
    told = browser.post(f"{place}deactivate/", follow=True)
    assert "You cannot deactivate yourself. Ask another admin." in words(told)
    assert own(admin).role == Role.ADMIN


def test_admin_who_demotes_themselves_is_led_out(account: PartnerAccount, admin: User, browser: Browser) -> None:
    make_member(account, Role.ADMIN)
    answer = browser.post(f"{PEOPLE}{own(admin).pk}/", {"role": "finance"})
    assert (answer["Location"], browser.get(PEOPLE).status_code) == ("/", 403)


def test_person_is_deactivated_and_let_in_again(account: PartnerAccount, browser: Browser) -> None:
    target = make_member(account, Role.FINANCE, email="maria@example.com")
    theirs, place = browser_of(target), f"{PEOPLE}{own(target).pk}/"
    page = browser.post(f"{place}deactivate/", follow=True)
    assert "maria@example.com is deactivated: signed out everywhere, and without tokens." in words(page)
    assert (theirs.get("/clients/").status_code, "Reactivate" in words(page)) == (302, True)
    assert "maria@example.com may sign in again." in words(browser.post(f"{place}reactivate/", follow=True))
    target.refresh_from_db()
    assert target.is_active


def test_who_cannot_be_deactivated_has_no_button(account: PartnerAccount, browser: Browser) -> None:
    target = make_member(account, Role.FINANCE)
    other = PartnerAccount.objects.get(slug="first")
    other.name = "Hidden Partner"
    other.save()
    Membership.objects.create(user=target, account=other, role=Role.FINANCE)
    place = f"{PEOPLE}{Membership.objects.get(user=target, account=account).pk}/"
    page = browser.get(place)
    assert "Only an owner of Feeboard can deactivate this person." in words(page)
    assert ("deactivate/" in page.content.decode(), "Hidden Partner" in words(page)) == (False, False)
    told = browser.post(f"{place}deactivate/", follow=True)
    assert "Only an owner of Feeboard can do this. Remove the person from the account instead." in words(told)
    target.refresh_from_db()
    assert target.is_active


def test_clients_are_searched_ticked_and_moved(account: PartnerAccount, browser: Browser) -> None:
    one, two = (make_client(account, company_name=name) for name in ("Ærlig One", "Two"))
    place = f"{PEOPLE}{own(make_member(account, Role.MANAGER)).pk}/clients/"
    assert "No client is assigned" in words(browser.get(place))
    found = browser.get(place, {"show": "others", "q": "æRLIG"})
    assert (str(one.creditor_id) in found.content.decode(), str(two.creditor_id) in found.content.decode()) == (
        True,
        False,
    )
    by_own_id = browser.get(place, {"show": "others", "q": str(two.external_tenant_id)})
    assert str(two.creditor_id) in by_own_id.content.decode()
    done = browser.post(place, {"clients": [str(one.creditor_id), str(two.creditor_id)], "add": "1"}, follow=True)
    assert ("2 clients assigned." in words(done), str(one.creditor_id) in done.content.decode()) == (True, True)
    assert "Every client is assigned" in words(browser.get(place, {"show": "others"}))
    done = browser.post(place, {"clients": str(one.creditor_id), "remove": "1"}, follow=True)
    assert ("1 client taken away." in words(done), str(one.creditor_id) in done.content.decode()) == (True, False)


def test_role_that_sees_every_client_is_assigned_none(account: PartnerAccount, browser: Browser) -> None:
    target, client = own(make_member(account, Role.FINANCE)), make_client(account)
    page = browser.post(f"{PEOPLE}{target.pk}/clients/", {"clients": str(client.creditor_id), "add": "1"}, follow=True)
    assert "Only account managers and people of clients have clients assigned to them." in words(page)
    assert "Finance: sees every client, so none is assigned" in words(page)


def test_nobody_sees_staff_pages_as_a_person_of_a_client(account: PartnerAccount) -> None:
    user = make_user()
    make_creditor(user, make_client(account))
    assert browser_of(user).get(f"{PEOPLE}?partner=acme").status_code == 404
