"""Invitations: made, mailed, opened, accepted once and in time, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client as Browser

from accounts.models import AuditEvent, Invitation, Membership, Role, User
from accounts.roster import joining
from accounts.roster.invitation_mail import send
from accounts.roster.joining import AlreadyThere, AnotherPerson, InvalidEmail, InvalidInvitation, Invited
from accounts.roster.membership import NoAdminAnyMore
from partners.models import PartnerAccount
from tests.factories import make_account, make_client, make_member, make_user
from tests.revenue.views.reading import words

pytestmark = pytest.mark.django_db

Action = AuditEvent.Action
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PASSWORD = "a long enough pass phrase"
FORM = {"name": "Ny Person", "new_password1": PASSWORD, "new_password2": PASSWORD, "time_zone": "Asia/Kathmandu"}


@pytest.fixture
def account() -> PartnerAccount:
    return make_account(slug="acme", name="Acme <Referrals>")


@pytest.fixture
def admin(account: PartnerAccount) -> User:
    return make_member(account, Role.ADMIN, email="admin@example.com", name="Ada <b>Min</b>")


@pytest.fixture
def invite(account: PartnerAccount, admin: User) -> Callable[..., Invited]:
    def made(email: str = "new@example.com", role: Role = Role.FINANCE, **fields: Any) -> Invited:
        place, by = fields.pop("account", account), fields.pop("by", admin)
        return joining.invite(place, email=email, role=role, by=by, **fields)

    return made


def opened(invited: Invited, browser: Browser | None = None) -> Browser:
    """A browser that has followed the link."""
    browser = browser or Browser()
    assert browser.get(f"/invitation/{invited.token}/")["Location"] == "/invitation/"
    return browser


def lines(action: Action) -> list[tuple[str, str, dict[str, Any]]]:
    found = AuditEvent.objects.filter(action=action).order_by("pk")
    return list(found.values_list("actor_text", "subject", "detail"))


# --- Inviting ---------------------------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_invitation_is_kept_without_its_secret(account: PartnerAccount, admin: User, invite: Any) -> None:
    client = make_client(account)
    invited = invite(" New@Example.COM ", Role.MANAGER, clients=[client], sees_totals=True)
    kept = Invitation.objects.get()
    assert (kept.email, kept.role, kept.sees_totals, list(kept.clients.all())) == (
        "new@example.com",
        Role.MANAGER,
        True,
        [client],
    )
    assert (kept.invited_by, kept.expires_at) == (admin, NOW + timedelta(days=7))
    assert (kept.digest, len(invited.token)) == (joining.digest_of(invited.token), 43)
    assert invited.token not in str(list(Invitation.objects.values()) + list(AuditEvent.objects.values()))
    told = {"role": "Account manager", "clients": 1, "expires": "2026-03-21"}
    assert lines(Action.INVITED) == [("admin@example.com", "new@example.com", told)]


@pytest.mark.parametrize(
    "email",
    [
        *(
            "",
            "maria",
            "maria@",
            "@example.com",
            "a b@example.com",
            "maria@example.com\nbcc: x@example.com",
            "a\0@b.com",
        ),
        *("mаria@example.com", "maria@exаmple.com", "maria@exämple.com", "ｍaria@example.com", "\u212a@example.com"),
        *(
            "<b>x</b>@example.com",
            f"{'x' * 320}@example.com",
            f"{'x' * 60}@{'y' * 60}.{'z' * 60}.{'y' * 60}.{'z' * 60}.com",
        ),
    ],
)
def test_address_that_is_none_is_not_invited(invite: Any, email: str) -> None:
    with pytest.raises(InvalidEmail):
        invite(email)
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.FINANCE])
def test_role_without_clients_is_invited_without(account: PartnerAccount, invite: Any, role: Role) -> None:
    invite(role=role, clients=[make_client(account)], sees_totals=True)
    kept = Invitation.objects.get()
    assert (kept.clients.count(), kept.sees_totals) == (0, False)


def test_client_of_another_account_is_never_part_of_an_invitation(account: PartnerAccount, invite: Any) -> None:
    own = make_client(account)
    invite(role=Role.CLIENT, clients=[own, make_client(make_account())])
    assert list(Invitation.objects.get().clients.all()) == [own]


def test_who_is_there_or_invited_already_is_not_invited(account: PartnerAccount, invite: Any) -> None:
    make_member(account, Role.FINANCE, email="There@example.com")
    make_user("owner@example.com")
    invite("new@example.com")
    for email, told in (
        ("THERE@example.com", "belongs to the account already"),
        ("owner@example.com", "is an owner of Feeboard"),
        ("New@example.com", "is invited already"),
    ):
        with pytest.raises(AlreadyThere, match=told):
            invite(email)
    assert Invitation.objects.count() == 1


def test_who_is_of_another_account_or_invited_there_is_invited(invite: Any, admin: User) -> None:
    other = make_account()
    Membership.objects.create(user=admin, account=other, role=Role.ADMIN)
    make_member(other, Role.FINANCE, email="there@example.com")
    invite("new@example.com", account=other)
    invite("there@example.com")
    invite("new@example.com")
    assert Invitation.objects.count() == 3


def test_who_let_an_invitation_expire_is_invited_anew(invite: Any) -> None:
    with time_machine.travel(NOW, tick=False):
        old = invite()
    with time_machine.travel(NOW + timedelta(days=7), tick=False):
        invite()
        old.invitation.refresh_from_db()
        assert old.invitation.withdrawn_at == NOW + timedelta(days=7)


def test_nobody_but_an_admin_invites(account: PartnerAccount, invite: Any) -> None:
    for person in (make_member(account, Role.FINANCE), make_member(make_account(), Role.ADMIN)):
        with pytest.raises(NoAdminAnyMore):
            invite(by=person)
    assert not Invitation.objects.exists()


@time_machine.travel(NOW, tick=False)
def test_invitation_sent_again_has_a_new_link_and_all_its_time(invite: Any, admin: User) -> None:
    first = invite()
    with time_machine.travel(NOW + timedelta(days=5), tick=False):
        second = joining.renew(first.invitation, by=admin)
    assert second.invitation.expires_at == NOW + timedelta(days=12)
    with pytest.raises(InvalidInvitation):
        joining.open_invitation(joining.digest_of(first.token))
    assert joining.open_invitation(joining.digest_of(second.token)) == second.invitation
    assert len(lines(Action.INVITED)) == 2


def test_invitation_withdrawn_or_used_is_not_touched_again(invite: Any, admin: User) -> None:
    withdrawn, used = invite("one@example.com"), invite("two@example.com")
    joining.withdraw(withdrawn.invitation, by=admin)
    joining.join_as_new(used.invitation.digest, name="Two", password=PASSWORD)
    for each in (withdrawn, used):
        for change in (joining.renew, joining.withdraw):
            with pytest.raises(InvalidInvitation):
                change(each.invitation, by=admin)
    assert lines(Action.INVITATION_WITHDRAWN) == [("admin@example.com", "one@example.com", {})]


# --- The mail ---------------------------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_mail_says_who_invites_to_what_until_when(invite: Any) -> None:
    invited = invite(role=Role.MANAGER)
    assert send(invited, "https://feeboard.example.com/invitation/secret/") == ""
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["new@example.com"], "Acme <Referrals> on Feeboard: an invitation")
    assert sent.body.splitlines()[:5] == [
        "Ada <b>Min</b> (admin@example.com) invites you to Acme <Referrals> on Feeboard, as Account manager.",
        "Account manager: The clients that are assigned to them, and everything about those.",
        "",
        "Open this address to join:",
        "https://feeboard.example.com/invitation/secret/",
    ]
    assert "It works once, until 21 Mar 2026, 12:00 (UTC)." in sent.body
    assert isinstance(sent, mail.EmailMultiAlternatives)
    html = str(sent.alternatives[0][0])
    assert "Ada &lt;b&gt;Min&lt;/b&gt;" in html
    assert '<a href="https://feeboard.example.com/invitation/secret/">Join Acme &lt;Referrals&gt;</a>' in html
    assert [text for text in ("<b>", "<Referrals>") if text in html] == []


def test_names_of_several_lines_are_no_headers(invite: Any, account: PartnerAccount, admin: User) -> None:
    PartnerAccount.objects.update(name="Acme\r\nBcc: thief@example.com")
    User.objects.update(name="Ada\n\nOpen this address to join:\nhttps://thief.example.com")
    account.refresh_from_db()
    admin.refresh_from_db()
    assert send(invite(), "https://feeboard.example.com/") == ""
    [sent] = mail.outbox
    assert sent.subject == "Acme Bcc: thief@example.com on Feeboard: an invitation"
    assert "Bcc" not in dict(sent.message().items())
    assert sent.body.count("\nOpen this address to join:\n") == 1


def test_mail_server_that_fails_loses_nothing(invite: Any, settings: Any, caplog: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    invited = invite()
    assert send(invited, f"https://feeboard.example.com/invitation/{invited.token}/") == (
        "The mail could not be sent. Give the link to the person yourself, or send the invitation again later."
    )
    assert (Invitation.objects.filter(**joining.OPEN).count(), invited.token in caplog.text) == (1, False)
    assert caplog.messages == ["An invitation could not be sent (ConnectionRefusedError): look at EMAIL_URL."]


def test_link_is_not_printed_where_there_is_no_mail_server(invite: Any, settings: Any, capsys: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert send(invite(), "https://feeboard.example.com/").startswith("No mail server is set (EMAIL_URL)")
    assert capsys.readouterr().out == ""


# --- Joining ----------------------------------------------------------------------------------------


def test_who_is_new_chooses_name_and_password_and_is_in(account: PartnerAccount, invite: Any) -> None:
    clients = [make_client(account), make_client(account)]
    browser = opened(invite(role=Role.MANAGER, clients=clients, sees_totals=True))
    page = browser.get("/invitation/")
    assert page.status_code == 200
    assert "Ada <b>Min</b> invites new@example.com to Acme <Referrals> on Feeboard, as Account manager ." in words(page)
    assert browser.post("/invitation/", FORM)["Location"] == "/my-clients/"
    person = User.objects.get(email="new@example.com")
    assert (person.name, person.time_zone, person.is_superuser) == ("Ny Person", "Asia/Kathmandu", False)
    assert person.check_password(PASSWORD)
    [membership] = person.memberships.all()
    assert (membership.account, membership.role, membership.sees_totals) == (account, Role.MANAGER, True)
    assert list(membership.clients.order_by("pk")) == clients
    kept = Invitation.objects.get()
    assert (kept.accepted_by, kept.accepted_at is not None) == (person, True)
    assert browser.get("/transactions/").status_code == 200
    assert lines(Action.JOINED) == [("new@example.com", "new@example.com", {"role": "Account manager"})]
    assert "invitation" not in browser.session


def test_person_of_a_client_reads_whose_they_will_be(account: PartnerAccount, invite: Any) -> None:
    client = make_client(account, company_name="Own <i>A/S</i>")
    make_client(account, company_name="Zebrawood")
    page = words(opened(invite(role=Role.CLIENT, clients=[client])).get("/invitation/"))
    assert "on Feeboard, as Client of Own <i>A/S</i> ." in page
    assert "Zebrawood" not in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 151}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"new_password2": "another pass phrase"}, "new_password2"),
        ({"new_password1": "short", "new_password2": "short"}, "new_password2"),
        ({"new_password1": "password1234", "new_password2": "password1234"}, "new_password2"),
        ({"new_password1": "new@example.com", "new_password2": "new@example.com"}, "new_password2"),
        (
            {"name": "Maria Jensenius", "new_password1": "maria jensenius", "new_password2": "maria jensenius"},
            "new_password2",
        ),
    ],
)
def test_form_with_a_mistake_makes_nobody(invite: Any, wrong: dict[str, str], field: str) -> None:
    answer = opened(invite()).post("/invitation/", FORM | wrong)
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, [field])
    assert not User.objects.filter(email="new@example.com").exists()
    assert Invitation.objects.get().accepted_at is None


def test_time_zone_that_nobody_knows_keeps_nobody_out(invite: Any) -> None:
    opened(invite()).post("/invitation/", FORM | {"time_zone": "Nowhere/Land"})
    assert User.objects.get(email="new@example.com").time_zone == ""


def test_who_has_an_account_signs_in_and_accepts(account: PartnerAccount, invite: Any) -> None:
    person = make_member(make_account(), Role.FINANCE, email="new@example.com")
    browser = opened(invite(role=Role.ADMIN))
    page = browser.get("/invitation/")
    assert "You have an account already. Sign in as new@example.com to accept." in words(page)
    assert browser.post("/invitation/", FORM).status_code == 200
    assert not person.memberships.filter(account=account).exists()
    signed_in = browser.post("/sign-in/", {"username": "new@example.com", "password": PASSWORD, "next": "/invitation/"})
    assert signed_in["Location"] == "/invitation/"
    assert "Accept the invitation" in words(browser.get("/invitation/"))
    assert not person.memberships.filter(account=account).exists()
    assert browser.post("/invitation/")["Location"] == "/"
    assert person.memberships.get(account=account).role == Role.ADMIN
    assert not User.objects.filter(name="Ny Person").exists()


def test_somebody_else_does_not_accept(account: PartnerAccount, invite: Any) -> None:
    person, browser = make_member(make_account(), Role.FINANCE, email="else@example.com"), Browser()
    browser.force_login(person)
    invited = invite()
    opened(invited, browser)
    for answer in (browser.get("/invitation/"), browser.post("/invitation/", FORM)):
        assert answer.status_code == 403
        told = "You are signed in as else@example.com , and this invitation is for new@example.com . Sign out, then"
        assert told in words(answer)
    with pytest.raises(AnotherPerson):
        joining.join(invited.invitation.digest, person=person)
    assert not account.memberships.filter(user=person).exists()
    assert joining.open_invitation(invited.invitation.digest) == invited.invitation


def test_who_has_joined_meanwhile_is_told_so(account: PartnerAccount, invite: Any) -> None:
    person, browser = make_member(make_account(), Role.FINANCE, email="new@example.com"), Browser()
    browser.force_login(person)
    opened(invite(role=Role.ADMIN), browser)
    Membership.objects.create(user=person, account=account, role=Role.FINANCE)
    browser.post("/invitation/")
    assert person.memberships.get(account=account).role == Role.FINANCE


def test_deactivated_person_does_not_come_back_by_an_invitation(invite: Any) -> None:
    make_user("new@example.com", is_active=False, is_superuser=False)
    browser = opened(invite())
    browser.post("/invitation/", FORM)
    browser.post("/sign-in/", {"username": "new@example.com", "password": PASSWORD, "next": "/invitation/"})
    browser.post("/invitation/", FORM)
    assert not Membership.objects.filter(user__email="new@example.com").exists()


def test_person_who_was_made_meanwhile_is_not_made_again(invite: Any) -> None:
    invited = invite()
    make_user("New@example.com")
    with pytest.raises(AlreadyThere):
        joining.join_as_new(invited.invitation.digest, name="Thief", password=PASSWORD)
    assert joining.open_invitation(invited.invitation.digest) == invited.invitation


# --- Links that lead nowhere ------------------------------------------------------------------------


def ended(invite: Callable[..., Invited], admin: User) -> Iterable[str]:
    """The secrets of links: expired, used, withdrawn, replaced; and some that never were one."""
    expired, used, withdrawn, replaced = (invite(f"{number}@example.com") for number in range(4))
    Invitation.objects.filter(pk=expired.invitation.pk).update(expires_at=NOW)
    joining.join_as_new(used.invitation.digest, name="Used", password=PASSWORD)
    joining.withdraw(withdrawn.invitation, by=admin)
    joining.renew(replaced.invitation, by=admin)
    gone = (each.token for each in (expired, used, withdrawn, replaced))
    return (*gone, "unknown", replaced.invitation.digest, "x" * 2000, "%00", "é")


def test_link_that_is_none_any_more_says_no_more_than_one_that_never_was(
    invite: Any, admin: User, django_assert_num_queries: Any
) -> None:
    answers = []
    for token in ended(invite, admin):
        with django_assert_num_queries(1):
            answers.append(Browser().get(f"/invitation/{token}/"))
    said = {(each.status_code, each.content, each["Cache-Control"], str(each.cookies)) for each in answers}
    [(status, _, kept, cookies)] = said
    assert (status, kept, cookies) == (404, "private, no-store", "")
    told = "This invitation is not valid (any more) It has ended, was used or withdrawn, or its address is not whole."
    assert told in words(answers[0])
    assert Session.objects.count() == 0
    nothing_opened = Browser().get("/invitation/")
    assert (nothing_opened.status_code, nothing_opened.content) == (404, answers[0].content)


@pytest.mark.parametrize("way", ["expired", "withdrawn", "used"])
def test_link_that_ends_while_its_form_stands_open_makes_nobody(invite: Any, admin: User, way: str) -> None:
    invited = invite()
    browser = opened(invited)
    if way == "expired":
        Invitation.objects.update(expires_at=NOW)
    elif way == "withdrawn":
        joining.withdraw(invited.invitation, by=admin)
    else:
        joining.join_as_new(invited.invitation.digest, name="First", password=PASSWORD)
    before = User.objects.count()
    assert (browser.post("/invitation/", FORM).status_code, User.objects.count()) == (404, before)


@pytest.mark.parametrize(("after", "status"), [(timedelta(days=7, seconds=-1), 302), (timedelta(days=7), 404)])
def test_invitation_lasts_for_seven_days(invite: Any, after: timedelta, status: int) -> None:
    with time_machine.travel(NOW, tick=False):
        invited = invite()
    with time_machine.travel(NOW + after, tick=False):
        assert Browser().get(f"/invitation/{invited.token}/").status_code == status


# --- The secret -------------------------------------------------------------------------------------


def test_secret_stands_in_no_page_session_header_or_log(invite: Any, caplog: Any) -> None:
    invited = invite()
    browser = Browser()
    first = browser.get(f"/invitation/{invited.token}/")
    assert (first["Referrer-Policy"], first["Cache-Control"]) == ("no-referrer", "private, no-store")
    page = browser.get("/invitation/")
    # A browser would not tell whence the form is sent under "no-referrer", and Django refuses such a form.
    assert (page["Referrer-Policy"], page["Cache-Control"]) == ("same-origin", "private, no-store")
    browser.get(f"/invitation/{invited.token}x/")
    places = [
        *(str(answer.headers) + answer.content.decode() for answer in (first, page)),
        str(browser.cookies),
        *(str(session.get_decoded()) for session in Session.objects.all()),
        caplog.text,
    ]
    assert [place for place in places if invited.token in place] == []


def test_form_is_taken_with_its_csrf_token_only(invite: Any) -> None:
    browser = opened(invite(), Browser(enforce_csrf_checks=True))
    page = browser.get("/invitation/").content.decode()
    assert browser.post("/invitation/", FORM).status_code == 403
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert browser.post("/invitation/", FORM | {"csrfmiddlewaretoken": token}).status_code == 302


# --- Once -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_join_once() -> None:
    account = make_account()
    invited = joining.invite(account, email="new@example.com", role=Role.FINANCE, by=make_member(account, Role.ADMIN))
    start, found = Barrier(2), []

    def join(name: str) -> None:
        try:
            start.wait(timeout=30)
            found.append(joining.join_as_new(invited.invitation.digest, name=name, password=PASSWORD).name)
        except InvalidInvitation:
            found.append("")
        finally:
            connection.close()

    tabs = [Thread(target=join, args=(name,)) for name in ("one", "two")]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(timeout=60)
    [person] = User.objects.filter(email="new@example.com")
    assert sorted(found) == ["", person.name]
