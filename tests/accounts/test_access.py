"""Who may see what."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client as Browser

from accounts.access import Sight, lacks_second_factor, own_clients, seen_by, sights_of
from accounts.models import ApiToken, Membership, Role, User
from partners.models import PartnerAccount
from tests.factories import make_account, make_app, make_client, make_creditor, make_member, make_user, sign_in_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> PartnerAccount:
    """One of two."""
    make_account(slug="other")
    return make_account(slug="acme")


def test_superuser_is_admin_of_every_account(account: PartnerAccount) -> None:
    sights = sights_of(make_user())
    assert [sight.account.slug for sight in sights] == ["other", "acme"]
    assert {(sight.role, sight.clients, sight.may_pull, sight.may_administer) for sight in sights} == {
        (Role.ADMIN, None, True, True)
    }


@pytest.mark.parametrize(("role", "may_administer"), [(Role.ADMIN, True), (Role.FINANCE, False)])
def test_admin_and_finance_see_all_of_their_account_alone(
    account: PartnerAccount, role: Role, may_administer: bool
) -> None:
    [sight] = sights_of(make_member(account, role))
    assert sight == Sight(account=account, role=role, clients=None, sees_totals=True)
    assert (sight.may_pull, sight.may_administer) == (True, may_administer)
    assert (sight.covers(None), sight.covers(make_client(account).pk)) == (True, True)


def test_account_manager_sees_their_clients(account: PartnerAccount) -> None:
    one, two, other = (make_client(account) for _ in range(3))
    [sight] = sights_of(make_member(account, Role.MANAGER, clients=[two, one]))
    assert sight == Sight(account=account, role=Role.MANAGER, clients=(one.pk, two.pk), sees_totals=False)
    assert (sight.may_pull, sight.may_administer) == (False, False)
    assert [sight.covers(key) for key in (one.pk, two.pk, other.pk, None)] == [True, True, False, False]


def test_account_manager_of_nobody_sees_nothing(account: PartnerAccount) -> None:
    [sight] = sights_of(make_member(account, Role.MANAGER))
    assert (sight.clients, sight.covers(make_client(account).pk)) == ((), False)


def test_client_of_another_account_is_nobody_of_whom_a_role_could_tell(account: PartnerAccount) -> None:
    elsewhere = make_client(PartnerAccount.objects.get(slug="other"))
    [sight] = sights_of(make_member(account, Role.MANAGER, clients=[elsewhere]))
    assert sight.clients == ()
    assert list(own_clients(make_member(account, Role.CLIENT, clients=[elsewhere]))) == []


def test_person_may_have_another_role_at_every_account(account: PartnerAccount) -> None:
    person, other = make_member(account, Role.MANAGER), PartnerAccount.objects.get(slug="other")
    Membership.objects.create(user=person, account=other, role=Role.ADMIN)
    assert [(sight.account, sight.role) for sight in sights_of(person)] == [
        (other, Role.ADMIN),
        (account, Role.MANAGER),
    ]


def test_who_works_for_a_client_sees_no_account(account: PartnerAccount) -> None:
    person, client = make_user(), make_client(account)
    make_creditor(person, client)
    make_client(account)
    assert (sights_of(person), list(own_clients(person))) == ([], [client])


@pytest.mark.parametrize("role", Role)
def test_who_is_not_active_any_more_sees_nothing(account: PartnerAccount, role: Role) -> None:
    client = make_client(account)
    person = make_member(account, role, clients=[client], is_active=False)
    assert (sights_of(person), list(own_clients(person))) == ([], [])


def test_nobody_sees_nothing(account: PartnerAccount) -> None:
    nobodies: list[User | AnonymousUser] = [AnonymousUser(), make_user(is_superuser=False)]
    assert [(sights_of(nobody), list(own_clients(nobody))) for nobody in nobodies] == [([], []), ([], [])]


@pytest.mark.parametrize("accounts", [1, 3])
def test_what_somebody_sees_costs_the_same_however_many_accounts(accounts: int, django_assert_num_queries) -> None:
    person = make_user(is_superuser=False)
    for _ in range(accounts):
        account = make_account()
        membership = Membership.objects.create(user=person, account=account, role=Role.MANAGER)
        membership.clients.set([make_client(account), make_client(account)])
    with django_assert_num_queries(3):
        assert [len(sight.clients or ()) for sight in sights_of(person)] == [2] * accounts


@pytest.mark.parametrize("role", [None, Role.ADMIN, Role.FINANCE, Role.MANAGER])
def test_account_that_requires_a_second_factor_is_not_there_without_one(
    account: PartnerAccount, role: Role | None
) -> None:
    """None: a superuser."""
    user = make_user() if role is None else make_member(account, role)
    before = {sight.account.slug for sight in sights_of(user)}
    PartnerAccount.objects.filter(pk=account.pk).update(requires_second_factor=True)
    assert {sight.account.slug for sight in sights_of(user)} == before - {"acme"}
    assert (slugs_seen_by(user), lacks_second_factor(user)) == (before - {"acme"}, True)
    make_app(user)
    assert ({sight.account.slug for sight in sights_of(user)}, slugs_seen_by(user)) == (before, before)
    assert lacks_second_factor(user) is False


def slugs_seen_by(user: User) -> set[str]:
    """By the SQL that is asked at every look at a page."""
    seen = seen_by(user)
    assert seen is not None
    with connection.cursor() as cursor:
        sql = f"SELECT slug, {seen.standing} FROM partners_partneraccount WHERE id IN ({seen.keys})"
        cursor.execute(sql, seen.params)
        return {slug for slug, _ in cursor.fetchall()}


def test_client_user_needs_the_second_factor_of_the_account_as_well(account: PartnerAccount) -> None:
    client = make_client(account)
    user = make_user()
    make_creditor(user, client)
    PartnerAccount.objects.filter(pk=account.pk).update(requires_second_factor=True)
    assert (list(own_clients(user)), lacks_second_factor(user)) == ([], True)
    make_app(user)
    assert (list(own_clients(user)), lacks_second_factor(user)) == ([client], False)


def test_recovery_codes_alone_and_the_app_of_somebody_else_are_no_second_factor(account: PartnerAccount) -> None:
    PartnerAccount.objects.update(requires_second_factor=True)
    user, other = make_user(), make_user()
    make_app(other)
    Authenticator.objects.create(user=user, type="recovery_codes", data={})
    assert (sights_of(user), lacks_second_factor(user)) == ([], True)


@pytest.mark.parametrize("with_membership", [True, False])
def test_who_would_see_nothing_in_any_case_lacks_no_second_factor(
    account: PartnerAccount, with_membership: bool
) -> None:
    user = make_member(account, Role.FINANCE) if with_membership else make_user(is_superuser=False)
    assert lacks_second_factor(user) is False
    PartnerAccount.objects.update(requires_second_factor=True)
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.refresh_from_db()
    assert (lacks_second_factor(user), lacks_second_factor(AnonymousUser())) == (False, False)


def test_page_and_api_say_that_a_second_factor_is_missing(account: PartnerAccount, client: Browser) -> None:
    user = make_member(account, Role.FINANCE)
    PartnerAccount.objects.update(requires_second_factor=True)
    sign_in_now(client, user)
    page = client.get("/transactions/").content.decode()
    assert ("Set up a second factor first" in page, 'href="/profile/security/"' in page) == (True, True)
    answer = Browser().get("/api/v1/summary", headers={"Authorization": f"Bearer {ApiToken.issue(user)}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_account")
    assert answer.json()["error"]["message"].startswith("You have to set up a second factor first.")
