"""What somebody is at an account, how that changes, and that an account keeps an admin."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client as Browser

from accounts.access import sights_of
from accounts.models import ApiToken, AuditEvent, Invitation, Membership, Role, User
from accounts.roster import membership
from accounts.roster.membership import LastAdmin, MembershipError, NoAdminAnyMore, NotTheirs
from partners.models import Client, PartnerAccount
from tests.factories import NOW, make_account, make_client, make_member, make_user

pytestmark = pytest.mark.django_db

Action = AuditEvent.Action


@pytest.fixture
def account() -> PartnerAccount:
    return make_account(slug="acme")


@pytest.fixture
def admin(account: PartnerAccount) -> User:
    return make_member(account, Role.ADMIN, email="admin@example.com")


def member_of(account: PartnerAccount, role: Role, **fields: Any) -> Membership:
    return Membership.objects.get(user=make_member(account, role, **fields), account=account)


def own(user: User) -> Membership:
    return Membership.objects.get(user=user)


def lines() -> list[tuple[str, str, str, dict[str, Any]]]:
    """The audit trail: who, what, to whom, details."""
    return list(AuditEvent.objects.order_by("pk").values_list("actor_text", "action", "subject", "detail"))


# --- Roles ------------------------------------------------------------------------------------------


def test_another_role_takes_the_clients_away(account: PartnerAccount, admin: User) -> None:
    manager = member_of(
        account, Role.MANAGER, clients=[make_client(account)], sees_totals=True, email="manager@example.com"
    )
    assert membership.change_role(manager, role=Role.CLIENT, sees_totals=True, by=admin)
    manager.refresh_from_db()
    assert (manager.role, manager.sees_totals, manager.clients.count()) == (Role.CLIENT, False, 0)
    told = {"was": "Account manager", "now": "Client", "clients_removed": 1}
    assert lines() == [("admin@example.com", Action.ROLE_CHANGED, "manager@example.com", told)]


def test_role_that_stays_keeps_the_clients(account: PartnerAccount, admin: User) -> None:
    manager = member_of(account, Role.MANAGER, clients=[make_client(account)])
    assert membership.change_role(manager, role=Role.MANAGER, sees_totals=True, by=admin)
    manager.refresh_from_db()
    assert (manager.sees_totals, manager.clients.count()) == (True, 1)
    assert lines()[0][3] == {"was": "Account manager", "now": "Account manager", "sees_totals": "yes"}


def test_role_that_is_what_it_was_is_no_change(account: PartnerAccount, admin: User) -> None:
    finance = member_of(account, Role.FINANCE)
    assert not membership.change_role(finance, role=Role.FINANCE, sees_totals=True, by=admin)
    assert lines() == []


def test_who_is_no_admin_any_more_changes_nothing(account: PartnerAccount, admin: User) -> None:
    finance = member_of(account, Role.FINANCE)
    make_member(account, Role.ADMIN)
    Membership.objects.filter(user=admin).update(role=Role.FINANCE)
    changes: list[Callable[[], object]] = [
        lambda: membership.change_role(finance, role=Role.ADMIN, sees_totals=False, by=admin),
        lambda: membership.assign(finance, Client.objects.all(), by=admin),
        lambda: membership.unassign(finance, Client.objects.all(), by=admin),
        lambda: membership.remove(finance, by=admin),
        lambda: membership.deactivate(finance.user, account=account, by=admin),
        lambda: membership.reactivate(finance.user, account=account, by=admin),
    ]
    for change in changes:
        with pytest.raises(NoAdminAnyMore):
            change()
    finance.refresh_from_db()
    assert (finance.role, finance.user.is_active, lines()) == (Role.FINANCE, True, [])


def test_admin_of_another_account_changes_nothing(account: PartnerAccount) -> None:
    stranger = make_member(make_account(), Role.ADMIN)
    with pytest.raises(NoAdminAnyMore):
        membership.remove(member_of(account, Role.FINANCE), by=stranger)


def test_whoever_has_left_meanwhile_is_not_changed(account: PartnerAccount, admin: User) -> None:
    finance = member_of(account, Role.FINANCE)
    Membership.objects.filter(pk=finance.pk).delete()
    with pytest.raises(MembershipError, match="has left the account meanwhile"):
        membership.change_role(finance, role=Role.ADMIN, sees_totals=False, by=admin)


# --- Clients ----------------------------------------------------------------------------------------


def test_clients_are_assigned_and_taken_away_and_told(account: PartnerAccount, admin: User) -> None:
    manager = member_of(account, Role.MANAGER, email="manager@example.com")
    one, two = (make_client(account, company_name=name) for name in ("One", "Two"))
    assert membership.assign(manager, Client.objects.all(), by=admin) == 2
    assert membership.assign(manager, Client.objects.all(), by=admin) == 0
    assert membership.unassign(manager, Client.objects.filter(pk=one.pk), by=admin) == 1
    assert list(manager.clients.all()) == [two]
    assert [(action, detail) for _, action, _, detail in lines()] == [
        (Action.ROLE_CHANGED, {"now": "Account manager", "clients_added": 2, "clients": ["One", "Two"]}),
        (Action.ROLE_CHANGED, {"now": "Account manager", "clients_removed": 1, "clients": ["One"]}),
    ]


def test_clients_of_another_account_are_never_assigned(account: PartnerAccount, admin: User) -> None:
    manager = member_of(account, Role.MANAGER)
    make_client(make_account())
    assert membership.assign(manager, Client.objects.all(), by=admin) == 0
    assert not manager.clients.exists()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.FINANCE])
def test_role_without_clients_gets_none(account: PartnerAccount, admin: User, role: Role) -> None:
    make_client(account)
    with pytest.raises(MembershipError, match="Only account managers and people of clients"):
        membership.assign(member_of(account, role), Client.objects.all(), by=admin)


# --- Leaving ----------------------------------------------------------------------------------------


def test_removed_person_keeps_what_they_are_elsewhere(account: PartnerAccount, admin: User) -> None:
    person = make_member(account, Role.FINANCE, email="maria@example.com")
    elsewhere = Membership.objects.create(user=person, account=make_account(), role=Role.MANAGER)
    membership.remove(Membership.objects.get(user=person, account=account), by=admin)
    assert [sight.account for sight in sights_of(person)] == [elsewhere.account]
    assert lines() == [("admin@example.com", Action.REMOVED_FROM_ACCOUNT, "maria@example.com", {"was": "Finance"})]


def test_deactivated_person_is_out_at_once_and_their_sessions_and_tokens_do_not_come_back(
    account: PartnerAccount, admin: User
) -> None:
    person = make_member(account, Role.FINANCE, email="maria@example.com")
    token = ApiToken.issue(person)
    browser, other = Browser(), Browser()
    for each, email in ((browser, "maria@example.com"), (other, "admin@example.com")):
        each.post("/sign-in/", {"username": email, "password": "a long enough pass phrase"})
    asks: list[Callable[[], int]] = [
        lambda: browser.get("/transactions/").status_code,
        lambda: Browser().get("/api/v1/summary", headers={"Authorization": f"Bearer {token}"}).status_code,
    ]
    assert [ask() for ask in asks] == [200, 200]
    membership.deactivate(person, account=account, by=admin)
    assert [ask() for ask in asks] == [302, 401]
    assert (Session.objects.count(), other.get("/transactions/").status_code) == (1, 200)
    membership.reactivate(person, account=account, by=admin)
    assert [ask() for ask in asks] == [302, 401]
    signed_in = {"username": "maria@example.com", "password": "a long enough pass phrase"}
    assert browser.post("/sign-in/", signed_in)["Location"] == "/"
    told = [(action, detail) for _, action, subject, detail in lines() if subject == "maria@example.com"]
    assert told == [(Action.DEACTIVATED, {"sessions_ended": 1, "tokens_revoked": 1}), (Action.REACTIVATED, {})]


def test_who_is_deactivated_already_is_not_told_of_twice(account: PartnerAccount, admin: User) -> None:
    person = make_member(account, Role.FINANCE)
    membership.reactivate(person, account=account, by=admin)
    membership.deactivate(person, account=account, by=admin)
    membership.deactivate(person, account=account, by=admin)
    assert [line[1] for line in lines()] == [Action.DEACTIVATED]


def test_person_of_another_account_and_owner_are_deactivated_by_an_owner_alone(
    account: PartnerAccount, admin: User
) -> None:
    shared, owner, another = make_member(account, Role.FINANCE), make_user(), make_user()
    for person in (shared, owner):
        Membership.objects.create(user=person, account=make_account(), role=Role.FINANCE)
    Membership.objects.create(user=owner, account=account, role=Role.FINANCE)
    for person in (shared, owner):
        for change in (membership.deactivate, membership.reactivate):
            with pytest.raises(NotTheirs, match="Only an owner of Feeboard can do this"):
                change(person, account=account, by=admin)
        membership.deactivate(person, account=account, by=another)
        person.refresh_from_db()
        assert not person.is_active


def test_nobody_deactivates_themselves(account: PartnerAccount, admin: User) -> None:
    make_member(account, Role.ADMIN)
    with pytest.raises(MembershipError, match="You cannot deactivate yourself"):
        membership.deactivate(admin, account=account, by=admin)


@pytest.mark.parametrize("way", ["another role", "removed", "deactivated"])
def test_invitations_of_who_leaves_end_with_them(account: PartnerAccount, admin: User, way: str) -> None:
    leaver, elsewhere = make_member(account, Role.ADMIN), make_account()
    Membership.objects.create(user=admin, account=elsewhere, role=Role.ADMIN)
    for number, (by, where) in enumerate(((leaver, account), (admin, account), (leaver, elsewhere))):
        Invitation.objects.create(
            account=where, email=f"{number}@example.com", role=Role.ADMIN, invited_by=by, digest=number, expires_at=NOW
        )
    change: dict[str, Callable[[], object]] = {
        "another role": lambda: membership.change_role(own(leaver), role=Role.FINANCE, sees_totals=False, by=admin),
        "removed": lambda: membership.remove(own(leaver), by=admin),
        "deactivated": lambda: membership.deactivate(leaver, account=account, by=admin),
    }
    change[way]()
    ended = Invitation.objects.exclude(withdrawn_at=None)
    assert list(ended.values_list("email", flat=True)) == ["0@example.com"]
    assert lines()[0][3]["invitations_withdrawn"] == 1


# --- The last admin ---------------------------------------------------------------------------------


def ways_to_lose(admin: User, by: User) -> list[Callable[[], object]]:
    """Every way in which an account loses an admin."""
    kept = own(admin)
    ways: list[Callable[[], object]] = [
        lambda: membership.change_role(kept, role=Role.FINANCE, sees_totals=False, by=by),
        lambda: membership.remove(kept, by=by),
    ]
    if admin != by:
        ways.append(lambda: membership.deactivate(admin, account=kept.account, by=by))
    return ways


def test_last_admin_stays(account: PartnerAccount, admin: User) -> None:
    # None of these counts: switched off, of another account, an owner who is switched off.
    make_member(account, Role.ADMIN, is_active=False)
    make_member(make_account(), Role.ADMIN)
    make_user(is_active=False)
    for change in ways_to_lose(admin, by=admin):
        with pytest.raises(LastAdmin, match="Make somebody else an admin first"):
            change()
    assert (own(admin).role, lines()) == (Role.ADMIN, [])


@pytest.mark.parametrize("way", [0, 1, 2])
def test_admin_goes_where_an_owner_is_left(account: PartnerAccount, admin: User, way: int) -> None:
    ways_to_lose(admin, by=make_user())[way]()
    assert len(lines()) == 1


def test_admin_who_is_switched_off_goes_where_they_are_the_last(account: PartnerAccount, admin: User) -> None:
    off = member_of(account, Role.ADMIN, is_active=False)
    membership.remove(off, by=admin)
    assert not Membership.objects.filter(pk=off.pk).exists()


def test_last_owner_stays(account: PartnerAccount) -> None:
    owner, off = make_user(), make_user(is_active=False)
    make_member(account, Role.ADMIN)
    with pytest.raises(MembershipError):
        membership.deactivate(owner, account=account, by=owner)
    membership.reactivate(off, account=account, by=owner)
    membership.deactivate(owner, account=account, by=off)
    with pytest.raises(NoAdminAnyMore):
        membership.deactivate(off, account=account, by=owner)


def at_once(*changes: Callable[[], object]) -> list[str]:
    """Run changes at the same moment, each by a connection of its own; the errors' names, "" for none, sorted."""
    start, found = Barrier(len(changes)), []

    def run(change: Callable[[], object]) -> None:
        try:
            start.wait(timeout=30)
            change()
            found.append("")
        except MembershipError as error:
            found.append(type(error).__name__)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return sorted(found)


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_at_once_leave_one() -> None:
    account = make_account()
    one, two = (make_member(account, Role.ADMIN) for _ in range(2))
    lost = at_once(
        lambda: membership.change_role(own(one), role=Role.FINANCE, sees_totals=False, by=two),
        lambda: membership.deactivate(two, account=account, by=one),
    )
    assert lost == ["", "NoAdminAnyMore"]
    assert Membership.objects.filter(role=Role.ADMIN, user__is_active=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_leave_at_once_leave_one() -> None:
    account = make_account()
    one, two = (make_member(account, Role.ADMIN) for _ in range(2))
    assert at_once(lambda: membership.remove(own(one), by=one), lambda: membership.remove(own(two), by=two)) == [
        "",
        "LastAdmin",
    ]
    assert Membership.objects.filter(role=Role.ADMIN).count() == 1
