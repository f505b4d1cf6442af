"""Who may see what."""

from __future__ import annotations

import pytest

from accounts.access import may_edit_cases, may_pull, visible_accounts
from accounts.models import ClientSeat
from tests.factories import make_account, make_client, make_user

pytestmark = pytest.mark.django_db


def test_people_of_the_partner_see_every_account() -> None:
    person, accounts = make_user(), [make_account(slug="a"), make_account(slug="b")]

    assert list(visible_accounts(person)) == accounts
    assert may_pull(person)
    assert may_edit_cases(person, accounts[0])


def test_who_works_for_a_client_sees_no_account() -> None:
    person, client = make_user(), make_client()
    ClientSeat.objects.create(user=person, client=client)

    assert list(visible_accounts(person)) == []
    assert not may_edit_cases(person, client.account)


def test_who_is_not_active_any_more_sees_no_account() -> None:
    person, account = make_user(is_active=False), make_account()

    assert list(visible_accounts(person)) == []
    assert not may_edit_cases(person, account)
