"""What becomes of clients and cases is written down by the pull that finds it, once; what was there at first is no news."""

from __future__ import annotations

from typing import Any

import pytest

from partners.models import ClientEvent, PartnerAccount
from sandbox.world import World
from tests.revenue.pull.support import pull_now

pytestmark = pytest.mark.django_db

Kind = ClientEvent.Kind


def events() -> list[tuple[Any, ...]]:
    """By client, kind, case, and from what to what."""
    told = ClientEvent.objects.order_by("pk")
    return list(told.values_list("client__company_name", "kind", "case__reference", "old", "new"))


def read_all(account: PartnerAccount) -> None:
    """The page of the newest cases, and the next one in turn."""
    for _ in range(2):
        pull_now(account)


def found_by(account: PartnerAccount) -> list[tuple[Any, ...]]:
    """The events of another pull, each of which is of the instant that the pull speaks of."""
    before = ClientEvent.objects.count()
    run = pull_now(account)
    assert {event.at for event in ClientEvent.objects.order_by("pk")[before:]} <= {run.as_of}
    return events()[before:]


@pytest.fixture
def world(world: World) -> World:
    """A client with a case that is paid, and one without any; and what keeps the pull from taking nothing for a fault."""
    first = world.add_client(company_name="First", onboarding_done=False)
    world.add_client(company_name="Second")
    world.add_payment(first, case=world.add_case(first, reference="QPAID"))
    world.add_case(first, reference="QUNPAID")
    return world


def client_of(world: World, name: str) -> Any:
    return next(client for client in world.clients if client.company_name == name)


def case_of(world: World, reference: str) -> Any:
    return next(case for case in world.cases if case.reference == reference)


def test_first_pull_and_one_without_news_tell_of_nothing(account: PartnerAccount) -> None:
    assert [found_by(account) for _ in range(3)] == [[], [], []]


def test_client_comes_goes_and_returns(account: PartnerAccount, world: World) -> None:
    pull_now(account)
    third = world.add_client(company_name="Third")
    assert found_by(account) == [("Third", Kind.LINKED, None, "", "")]
    world.archive_client(third.id)
    assert found_by(account) == [("Third", Kind.ARCHIVED, None, "", "")]
    world.edit_client(third.id, archived=False)
    assert found_by(account) == [("Third", Kind.RETURNED, None, "", "")]


def test_client_that_only_payments_named_is_new_when_it_is_listed(account: PartnerAccount, world: World) -> None:
    second = client_of(world, "Second")
    world.archive_client(second.id)
    world.add_payment(second)
    pull_now(account)
    world.edit_client(second.id, archived=False)
    assert found_by(account) == [("Second", Kind.LINKED, None, "", "")]


def test_onboarding_is_told_when_it_is_complete_and_no_other_fact(account: PartnerAccount, world: World) -> None:
    pull_now(account)
    world.edit_client(client_of(world, "Second").id, phone="1")
    world.edit_client(client_of(world, "First").id, onboarding_done=True)
    assert found_by(account) == [("First", Kind.ONBOARDED, None, "", "")]


def test_new_case_is_told_when_debitura_describes_it(account: PartnerAccount, world: World) -> None:
    pull_now(account)
    world.add_case(client_of(world, "Second"), reference="QNEW", lifecycle="PendingVerification")
    read_all(account)
    assert events() == [("Second", Kind.CASE_NEW, "QNEW", "", "PendingVerification")]
    read_all(account)
    assert len(events()) == 1


def test_new_case_that_a_payment_named_first_is_told_once(account: PartnerAccount, world: World) -> None:
    pull_now(account)
    client = client_of(world, "Second")
    world.add_payment(client, case=world.add_case(client, reference="QNEW"))
    read_all(account)
    assert events() == [("Second", Kind.CASE_NEW, "QNEW", "", "Closed")]


@pytest.mark.parametrize(("reference", "before"), [("QPAID", "Closed"), ("QUNPAID", "Active")])
def test_case_in_another_state_says_which_it_was_in(
    account: PartnerAccount, world: World, reference: str, before: str
) -> None:
    read_all(account)
    world.edit_case(case_of(world, reference).id, lifecycle="OnHold", close_code=None)
    read_all(account)
    assert events() == [("First", Kind.CASE_STATE, reference, before, "OnHold")]


def test_other_facts_of_a_case_are_no_state(account: PartnerAccount, world: World) -> None:
    read_all(account)
    world.edit_case(case_of(world, "QPAID").id, creditor_reference="other")
    read_all(account)
    assert events() == []


def test_case_that_goes_to_another_client_is_told_to_that_one(account: PartnerAccount, world: World) -> None:
    read_all(account)
    world.edit_case(case_of(world, "QUNPAID").id, client=client_of(world, "Second"), lifecycle="Closed")
    read_all(account)
    assert events() == [("Second", Kind.CASE_STATE, "QUNPAID", "Active", "Closed")]
