"""A changed reference, sent along with the lifecycle update where an account has one."""

from __future__ import annotations

from typing import Any

import pytest

from partners import collecting
from partners.activation import send_reference
from partners.debitura.transport import Timeouts
from partners.models import Case, PartnerAccount
from sandbox.records import SandboxCase
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import make_case, make_client
from tests.processes import silent_server


@pytest.fixture
def theirs(world: World) -> SandboxCase:
    return world.add_case(partner_reference="before")


@pytest.fixture
def case(collecting: PartnerAccount, theirs: SandboxCase) -> Case:
    """A case in collection whose reference was changed here."""
    client = make_client(collecting)
    return make_case(client, case_id=theirs.id, lifecycle="Active", partner_reference="ä 🧾, <b>/..")


def test_changed_reference_is_told(case: Case, theirs: SandboxCase, upstream: SandboxServer) -> None:
    assert send_reference(case) == ""
    assert (theirs.partner_reference, theirs.lifecycle) == ("ä 🧾, <b>/..", "Active")
    assert upstream.log == [("PUT", f"/cases/{theirs.id}/lifecycle", 200)]


def test_cleared_reference_is_told(case: Case, theirs: SandboxCase) -> None:
    Case.objects.update(partner_reference="")
    assert send_reference(case) == ""
    assert theirs.partner_reference == ""


@pytest.mark.parametrize("missing", ["lifecycle_path", "collection_base_url", "sealed_collection_key"])
def test_account_without_the_way_tells_nobody_and_says_nothing(
    case: Case, upstream: SandboxServer, missing: str
) -> None:
    PartnerAccount.objects.update(**{missing: ""})
    assert (send_reference(Case.objects.get()), upstream.log) == ("", [])


def test_case_of_unknown_state_is_not_told(case: Case, upstream: SandboxServer) -> None:
    Case.objects.update(lifecycle="")
    assert send_reference(case) == (
        "The reference is saved here. Debitura was not told, as it has not told the state of this case yet."
    )
    assert upstream.log == []


@pytest.mark.parametrize("fault", ["400", "401", "404", "429", "500", "close", "html"])
def test_failure_is_a_sentence_and_nothing_is_sent_again(
    case: Case, upstream: SandboxServer, theirs: SandboxCase, fault: str
) -> None:
    if fault == "400":
        upstream.world.edit_case(theirs.id, lifecycle="PendingVerification")
    else:
        upstream.faults = f"lifecycle/{fault}"
    said = send_reference(case)
    assert said.startswith("The reference is saved here, but Debitura may not know it. ")
    assert upstream.collection_key not in said
    assert len(upstream.log) == 1


@pytest.mark.parametrize("allowed", [False, True])
def test_address_that_leads_inside_is_not_told_unless_that_is_allowed(case: Case, settings: Any, allowed: bool) -> None:
    settings.ALLOW_PRIVATE_UPSTREAM = allowed
    PartnerAccount.objects.update(collection_base_url="https://[::ffff:127.0.0.1]:9")
    said = send_reference(Case.objects.get())
    assert ("not on the public Internet" in said, "The connection to Debitura failed" in said) == (not allowed, allowed)


def test_key_that_cannot_be_opened_is_a_sentence(case: Case) -> None:
    PartnerAccount.objects.update(sealed_collection_key="sealed with another key")
    assert "manage.py connect_collection_partner --partner acme" in send_reference(Case.objects.get())


def test_debitura_that_does_not_answer_is_left_soon(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    assert collecting.SHORT.total == 5.0
    monkeypatch.setattr(collecting, "SHORT", Timeouts(connect=0.2, read=0.2, total=0.2))
    with silent_server() as address:
        PartnerAccount.objects.update(collection_base_url=address)
        assert "Debitura did not answer in time." in send_reference(Case.objects.get())
