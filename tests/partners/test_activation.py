"""Activating a case: once, whatever happens on the way; against the sandbox, whose answers get lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from partners import activation as domain
from partners.activation import (
    ActivationError,
    AlreadyOpen,
    NotConnected,
    NotPending,
    OutcomeUnclear,
    Refused,
    Welcome,
    activate,
    is_running,
    look_up,
)
from partners.debitura.collection import CaseFound, CollectionClient, Started
from partners.debitura.retry import RetryPolicy
from partners.models import Activation, Case, ClientEvent, PartnerAccount, ReferenceChange
from partners.references import set_reference
from sandbox.records import SandboxCase
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import make_case, make_client, make_user
from tests.processes import kill, start, wait_until

WELCOME = Welcome(welcome_message="Welcome!", user_email="anna@partner.example", reference="REF 1")
State = Activation.State
# The work is not done; it is, but nobody hears of it.
LOST_BEFORE = ["500", "503", "504", "close", "html", "garbage"]
LOST_AFTER = ["500!", "503!", "close!", "reset", "truncate", "html!", "garbage!"]


@pytest.fixture
def theirs(world: World) -> SandboxCase:
    """A case that waits at Debitura."""
    return world.add_case(lifecycle="PendingVerification", reference="Q8OAXF3W")


@pytest.fixture
def case(collecting: PartnerAccount, theirs: SandboxCase) -> Case:
    """The same case here."""
    client = make_client(collecting)
    return make_case(client, case_id=theirs.id, reference=theirs.reference, lifecycle="Pending Verification")


@pytest.fixture
def person(db: None) -> User:
    return make_user("anna@partner.example")


def starts(upstream: SandboxServer) -> int:
    return sum(path.endswith("/start") for _, path, _ in upstream.log)


def history(case: Case) -> list[tuple[str, str, str]]:
    return list(case.reference_changes.order_by("pk").values_list("old", "new", "source"))


def grow_old(activation: Activation) -> Activation:
    """The same attempt, made so long ago that nothing of it is under way any more."""
    before = timezone.now() - domain.OVER_AFTER - timedelta(seconds=1)
    Activation.objects.filter(pk=activation.pk).update(started_at=before)
    return Activation.objects.get(pk=activation.pk)


def attempt(case: Case, by: User, upstream: SandboxServer, fault: str, welcome: Welcome = WELCOME) -> Activation:
    """An attempt whose outcome is unclear."""
    upstream.faults = f"start/{fault}:@1"
    with pytest.raises(OutcomeUnclear):
        activate(case, welcome, by=by)
    return case.activations.get()


def test_activation_keeps_state_reference_and_attempt(
    case: Case, theirs: SandboxCase, person: User, upstream: SandboxServer
) -> None:
    done = activate(case, WELCOME, by=person)
    assert (theirs.lifecycle, theirs.partner_reference) == ("Active", "REF 1")
    assert (case.lifecycle, case.partner_reference) == ("Active", "REF 1")
    case.refresh_from_db()
    assert (case.lifecycle, case.partner_reference) == ("Active", "REF 1")
    assert history(case) == [("", "REF 1", "activation")]
    assert done == case.activations.get()
    assert (done.state, done.by, done.message) == (State.DONE, person, "")
    assert done.ended_at is not None
    assert done.request == (
        '{"welcomeMessage":"Welcome!","userEmail":"anna@partner.example","collectionPartnerReference":"REF 1"}'
    )
    assert starts(upstream) == 1


def test_activation_is_told_to_those_who_look_after_the_client_once(case: Case, person: User) -> None:
    activation = activate(case, WELCOME, by=person)
    [event] = ClientEvent.objects.all()
    assert (event.client, event.case, event.kind) == (case.client, case, ClientEvent.Kind.CASE_STATE)
    assert (event.old, event.new) == ("Pending Verification", "Active")
    assert activation.started_at <= event.at <= timezone.now()


def test_activation_that_a_pull_has_seen_first_is_not_told_again(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    unclear = attempt(case, person, upstream, "close!")
    Case.objects.filter(pk=case.pk).update(lifecycle="Active")
    assert (look_up(unclear).state, ClientEvent.objects.count()) == (State.DONE, 0)


def test_activation_is_an_edit_of_the_account_when_it_begins_and_when_it_ends(case: Case, person: User) -> None:
    activate(case, replace(WELCOME, reference=""), by=person)
    assert PartnerAccount.objects.get().edits == 2


def test_activation_without_a_reference_keeps_the_one_there_is(case: Case, person: User) -> None:
    Case.objects.update(partner_reference="ours")
    activate(case, replace(WELCOME, reference=""), by=person)
    assert Case.objects.get().partner_reference == "ours"
    assert history(case) == []


def test_activation_without_a_reference_takes_what_debitura_has(case: Case, person: User, world: World) -> None:
    world.edit_case(case.case_id, partner_reference="theirs")
    done = activate(case, replace(WELCOME, reference=""), by=person)
    assert (case.partner_reference, done.message) == (
        "theirs",
        "Debitura has another reference than the one sent; it is the one shown.",
    )


def test_activation_leaves_a_reference_that_cannot_be_kept(case: Case, person: User, world: World) -> None:
    Case.objects.update(partner_reference="ours")
    world.edit_case(case.case_id, partner_reference="r" * 129)
    done = activate(case, replace(WELCOME, reference=""), by=person)
    assert (done.state, done.message) == (
        State.DONE,
        "Debitura stored a reference that cannot be kept here. Set it again.",
    )
    assert Case.objects.get().partner_reference == "ours"


class Forgetful(CollectionClient):
    """A Debitura that stores no reference."""

    def start(self, case_id: object, welcome: Welcome) -> Started:
        return replace(super().start(case_id, welcome), partner_reference="")  # type: ignore[arg-type]


def test_activation_says_when_the_reference_was_not_stored(case: Case, person: User) -> None:
    done = activate(case, WELCOME, by=person, make_client=Forgetful)
    assert (done.state, done.message) == (
        State.DONE,
        "Debitura stored no reference, though one was sent. Set it again.",
    )
    assert Case.objects.get().partner_reference == ""


def test_activation_without_a_key_says_what_is_missing(case: Case, person: User, upstream: SandboxServer) -> None:
    PartnerAccount.objects.update(sealed_collection_key="")
    with pytest.raises(NotConnected) as told:
        activate(Case.objects.get(), WELCOME, by=person)
    assert (told.value.code, str(told.value)) == (
        "not_connected",
        "No key of Debitura's Collection Partner API is connected to Acme Referrals. Ask your administrator to run: "
        "manage.py connect_collection_partner --partner acme",
    )
    assert (case.activations.count(), upstream.log) == (0, [])


def test_activation_with_a_key_that_cannot_be_opened_says_so(case: Case, person: User) -> None:
    PartnerAccount.objects.update(sealed_collection_key="sealed with another key")
    with pytest.raises(NotConnected, match=r"^The stored key of the Collection Partner API cannot be opened\. Ask"):
        activate(Case.objects.get(), WELCOME, by=person)
    assert case.activations.count() == 0


@pytest.mark.parametrize(
    ("lifecycle", "state"),
    [("Active", "This case is “Active”."), ("", "Debitura has not told the state of this case yet.")],
)
def test_activation_of_a_case_in_another_state_is_not_tried(
    case: Case, person: User, upstream: SandboxServer, lifecycle: str, state: str
) -> None:
    Case.objects.update(lifecycle=lifecycle)
    with pytest.raises(NotPending) as told:
        activate(case, WELCOME, by=person)
    assert (told.value.code, str(told.value)) == (
        "not_pending",
        f"{state} Only a case in “Pending Verification” can be activated.",
    )
    assert (case.activations.count(), upstream.log) == (0, [])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("401", "The case was not activated. Debitura rejected the API key."),
        ("403", "The case was not activated. Debitura does not allow this API key to do this."),
        ("404", "The case was not activated. Debitura knows no such case among those you collect"),
        ("429=7", "The case was not activated. Debitura's rate limit is used up and asks to wait 7 seconds."),
    ],
)
def test_refused_activation_is_kept_and_may_be_tried_again(
    case: Case, person: User, upstream: SandboxServer, fault: str, reason: str
) -> None:
    upstream.faults = f"start/{fault}:@1"
    with pytest.raises(Refused) as told:
        activate(case, WELCOME, by=person)
    kept = case.activations.get()
    assert str(told.value).startswith(reason)
    assert (kept.state, kept.message, told.value.code) == (State.REFUSED, str(told.value), "refused")
    assert (case.lifecycle, starts(upstream)) == ("Pending Verification", 1)
    assert activate(case, WELCOME, by=person).state == State.DONE


def test_case_that_debitura_has_activated_already_is_refused_in_its_words(
    case: Case, person: User, world: World
) -> None:
    world.edit_case(case.case_id, lifecycle="Active")
    with pytest.raises(Refused, match=r'Debitura said: "The case is Active; only'):
        activate(case, WELCOME, by=person)


def test_activation_that_reaches_nobody_was_not_carried_out(case: Case, person: User, upstream: SandboxServer) -> None:
    upstream.stop()
    with pytest.raises(Refused, match=r"^The case was not activated\. The connection to Debitura failed"):
        activate(case, WELCOME, by=person)
    assert case.activations.get().state == State.REFUSED


# --- The answer is lost -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*LOST_BEFORE, *LOST_AFTER])
def test_lost_answer_leaves_the_outcome_unclear_and_sends_nothing_again(
    case: Case, person: User, upstream: SandboxServer, fault: str
) -> None:
    unclear = attempt(case, person, upstream, fault)
    assert (unclear.state, unclear.ended_at) == (State.UNCLEAR, None)
    assert unclear.message.startswith("It is not clear whether the case was activated. ")
    assert unclear.message.endswith("Look again in two minutes; nothing is sent twice.")
    assert (case.lifecycle, case.partner_reference) == ("Pending Verification", "")
    assert starts(upstream) == 1


@pytest.mark.parametrize("fault", LOST_AFTER)
@pytest.mark.parametrize("reference", ["REF 1", "", "one, two/three.."])
def test_look_up_finds_that_it_was_carried_out(
    case: Case, person: User, upstream: SandboxServer, fault: str, reference: str
) -> None:
    unclear = attempt(case, person, upstream, fault, replace(WELCOME, reference=reference))
    found = look_up(unclear)
    case.refresh_from_db()
    assert (found.state, found.message) == (State.DONE, "No answer came; Debitura shows the case as “Active”.")
    assert (case.lifecycle, case.partner_reference) == ("Active", reference)
    assert history(case) == ([("", reference, "activation")] if reference else [])
    assert starts(upstream) == 1


@pytest.mark.parametrize("fault", LOST_BEFORE)
@pytest.mark.parametrize("reference", ["REF 1", ""])
def test_look_up_believes_that_nothing_happened_only_when_nothing_can_be_under_way(
    case: Case, person: User, upstream: SandboxServer, fault: str, reference: str
) -> None:
    unclear = attempt(case, person, upstream, fault, replace(WELCOME, reference=reference))
    early = look_up(unclear)
    assert (early.state, early.ended_at) == (State.UNCLEAR, None)
    assert early.message.startswith("Debitura still shows the case as waiting")
    late = look_up(grow_old(unclear))
    assert (late.state, late.message) == (State.REFUSED, "The activation was not carried out. You may try again.")
    assert activate(case, WELCOME, by=person).state == State.DONE


def test_look_up_leaves_a_reference_that_was_set_since_the_attempt(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    unclear = attempt(case, person, upstream, "500!")
    set_reference(case, "set since", by=make_user(), source=ReferenceChange.Source.PAGE)
    found = look_up(unclear)
    case.refresh_from_db()
    assert (found.state, case.lifecycle, case.partner_reference) == (State.DONE, "Active", "set since")
    assert found.message == f"No answer came; Debitura shows the case as “Active”. {domain.SET_SINCE}"
    assert history(case) == [("", "set since", "page")]


def test_activation_leaves_a_reference_that_was_set_while_it_was_sent(case: Case, person: User) -> None:
    class Slow(CollectionClient):
        """While it sends, somebody else sets another reference."""

        def start(self, case_id: UUID, welcome: Welcome) -> Started:
            set_reference(Case.objects.get(), "set since", by=person, source=ReferenceChange.Source.PAGE)
            return super().start(case_id, welcome)

    done = activate(case, WELCOME, by=person, make_client=Slow)
    assert (done.state, done.message, case.partner_reference) == (State.DONE, domain.SET_SINCE, "set since")
    assert history(case) == [("", "set since", "page")]


def test_second_try_looks_up_first_and_finds_it_done(case: Case, person: User, upstream: SandboxServer) -> None:
    unclear = attempt(case, person, upstream, "500!")
    again = activate(case, replace(WELCOME, reference="REF 2"), by=make_user())
    assert (again, again.state, again.by) == (unclear, State.DONE, person)
    assert (case.lifecycle, case.partner_reference, starts(upstream)) == ("Active", "REF 1", 1)


def test_second_try_is_made_once_the_first_is_known_to_have_failed(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    unclear = attempt(case, person, upstream, "500")
    with pytest.raises(OutcomeUnclear) as told:
        activate(case, WELCOME, by=person)
    assert (told.value.code, starts(upstream)) == ("unclear", 1)
    grow_old(unclear)
    done = activate(case, WELCOME, by=person)
    assert (done.state, done != unclear, starts(upstream)) == (State.DONE, True, 2)
    assert Activation.objects.get(pk=unclear.pk).state == State.REFUSED


def test_look_up_is_not_misled_by_another_case_with_the_reference(
    case: Case, person: User, upstream: SandboxServer, world: World
) -> None:
    other = world.add_case(partner_reference="REF 1")
    unclear = grow_old(attempt(case, person, upstream, "500"))
    assert other.lifecycle == "Active"
    assert look_up(unclear).state == State.REFUSED


def test_look_up_goes_on_with_the_list_where_references_cannot_be_asked_for(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    unclear = attempt(case, person, upstream, "500!")
    upstream.faults = "lookup/401"
    assert look_up(unclear).state == State.DONE


def test_look_up_needs_no_collection_key(case: Case, person: User, upstream: SandboxServer) -> None:
    unclear = attempt(case, person, upstream, "500!")
    PartnerAccount.objects.update(sealed_collection_key="")
    assert look_up(Activation.objects.get(pk=unclear.pk)).state == State.DONE


@pytest.mark.parametrize("fault", ["401", "500", "garbage"])
def test_look_up_that_gets_no_answer_stays_unclear(
    case: Case, person: User, upstream: SandboxServer, fault: str
) -> None:
    unclear = grow_old(attempt(case, person, upstream, "500"))
    upstream.faults = fault
    found = look_up(unclear)
    assert found.state == State.UNCLEAR
    assert found.message.startswith("Debitura could not tell whether the case was activated. Debitura")


@pytest.mark.parametrize("allowed", [False, True])
def test_look_up_goes_to_the_own_network_only_where_that_is_allowed(
    case: Case, person: User, upstream: SandboxServer, settings: Any, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    unclear = grow_old(attempt(case, person, upstream, "500", replace(WELCOME, reference="")))
    monkeypatch.setattr(CollectionClient, "RETRY", RetryPolicy(tries=1))
    settings.ALLOW_PRIVATE_UPSTREAM = allowed
    PartnerAccount.objects.update(base_url="https://[::ffff:127.0.0.1]:9")
    said = look_up(Activation.objects.get(pk=unclear.pk)).message
    assert ("not on the public Internet" in said, "The connection to Debitura failed" in said) == (not allowed, allowed)


def test_look_up_of_a_case_that_is_not_listed_stays_unclear(
    case: Case, person: User, upstream: SandboxServer, world: World
) -> None:
    unclear = grow_old(attempt(case, person, upstream, "500!", replace(WELCOME, reference="")))
    Case.objects.update(case_id=world.new_id())
    found = look_up(Activation.objects.get(pk=unclear.pk))
    assert (found.state, found.message.split(".")[0]) == (
        State.UNCLEAR,
        "The case is not among the newest 2,000 that Debitura lists",
    )


@pytest.mark.parametrize(("pages", "state"), [(1, State.UNCLEAR), (2, State.DONE)])
def test_look_up_reads_no_more_of_the_list_than_it_says(
    case: Case,
    theirs: SandboxCase,
    person: User,
    upstream: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    pages: int,
    state: str,
) -> None:
    for _ in range(100):
        upstream.world.add_case(theirs.client, date_created=theirs.date_created + timedelta(days=1))
    monkeypatch.setattr(domain, "PAGES", pages)
    unclear = attempt(case, person, upstream, "500!", replace(WELCOME, reference=""))
    assert look_up(unclear).state == state
    assert [path for _, path, _ in upstream.log[1:]] == [
        f"/cases?Page={page + 1}&PageSize=100" for page in range(pages)
    ]


def test_look_up_believes_what_a_pull_has_brought_and_asks_nobody(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    unclear = attempt(case, person, upstream, "close")
    Case.objects.update(lifecycle="Active")
    asked = len(upstream.log)
    assert (look_up(unclear).state, len(upstream.log)) == (State.DONE, asked)


def test_look_up_of_a_known_outcome_asks_nobody(case: Case, person: User, upstream: SandboxServer) -> None:
    done = activate(case, WELCOME, by=person)
    ended, asked = done.ended_at, len(upstream.log)
    assert (look_up(done).ended_at, len(upstream.log)) == (ended, asked)


def test_slower_of_two_look_ups_undoes_nothing(case: Case, person: User, upstream: SandboxServer) -> None:
    unclear = attempt(case, person, upstream, "500!")

    class Slow(CollectionClient):
        """While it asks, somebody else has looked, and set another reference."""

        def by_reference(self, reference: str) -> CaseFound | None:
            look_up(Activation.objects.get())
            set_reference(Case.objects.get(), "set since", by=person, source=ReferenceChange.Source.PAGE)
            return super().by_reference(reference)

    found = look_up(unclear, make_client=Slow)
    assert (found.state, Case.objects.get().partner_reference) == (State.DONE, "set since")
    assert history(case) == [("", "REF 1", "activation"), ("REF 1", "set since", "page")]


@pytest.mark.parametrize("fault", ["401", "403", "404", "429", "500", "close", "html", "reset"])
def test_no_key_is_in_any_error_record_or_log(
    case: Case, person: User, upstream: SandboxServer, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    upstream.faults = f"start/{fault}:@1"
    with pytest.raises(ActivationError) as told:
        activate(case, WELCOME, by=person)
    kept = look_up(case.activations.get())
    said = f"{told.value} {told.value!r} {kept.message} {kept.request} {caplog.text}"
    assert [key for key in (upstream.key, upstream.collection_key) if key in said] == []


# --- Two at once, and death -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_second_of_two_at_once_is_told_who_and_since_when(case: Case, person: User, upstream: SandboxServer) -> None:
    sending, second_was_told = Event(), Event()

    def hold(server: SandboxServer, number: int, path: str) -> None:
        sending.set()
        second_was_told.wait(30)

    upstream.on_request = hold
    first = Thread(target=in_thread(lambda: activate(Case.objects.get(), WELCOME, by=person)))
    first.start()
    try:
        assert sending.wait(30)
        with pytest.raises(AlreadyOpen) as told:
            activate(case, WELCOME, by=make_user())
    finally:
        second_was_told.set()
        first.join()
    since = case.activations.get().started_at
    assert (told.value.by, told.value.since, told.value.code) == (person.email, since, "activation_running")
    assert str(told.value) == (
        f"anna@partner.example has been activating this case since {since:%H:%M} UTC. "
        "Load the page again in a moment to see what came of it."
    )
    assert (case.activations.get().state, starts(upstream)) == (State.DONE, 1)


def in_thread(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run


@pytest.mark.django_db(transaction=True)
def test_of_many_at_the_same_moment_one_activates(case: Case, person: User, upstream: SandboxServer) -> None:
    outcomes: list[str] = []

    def one() -> None:
        try:
            outcomes.append(activate(Case.objects.get(), WELCOME, by=person).state)
        except ActivationError as error:
            outcomes.append(error.code)

    threads = [Thread(target=in_thread(one)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("done") == starts(upstream) == 1
    assert set(outcomes) <= {"done", "activation_running", "not_pending"}


@pytest.mark.django_db(transaction=True)
def test_activation_inside_a_transaction_is_a_defect_and_sends_nothing(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        activate(case, WELCOME, by=person)
    assert upstream.log == []


@pytest.mark.django_db(transaction=True)
def test_process_that_dies_while_sending_leaves_an_attempt_that_is_looked_up(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    upstream.faults = "start/slow=30"
    program = (
        "from partners.activation import *; from accounts.models import User; from partners.models import Case; "
        "activate(Case.objects.get(), checked({'welcomeMessage': 'Hi', 'userEmail': 'a@b.example', "
        "'collectionPartnerReference': 'REF 1'}), by=User.objects.get())"
    )
    process = start("-c", f"import django; django.setup(); {program}")
    try:
        wait_until(lambda: starts(upstream) == 1, "the request of the other process")
    finally:
        kill(process)
    left = case.activations.get()
    assert (left.state, is_running(left)) == (State.SENDING, True)
    with pytest.raises(AlreadyOpen):
        activate(case, WELCOME, by=person)
    assert look_up(left).state == State.SENDING

    left = grow_old(left)
    assert is_running(left) is False
    found = look_up(left)
    case.refresh_from_db()
    assert (found.state, case.lifecycle, case.partner_reference) == (State.DONE, "Active", "REF 1")


def test_attempt_that_died_before_anything_was_sent_may_be_made_again(
    case: Case, person: User, upstream: SandboxServer
) -> None:
    dead = case.activations.create(by=person, request=WELCOME.as_json())
    assert look_up(grow_old(dead)).state == State.REFUSED
    assert activate(case, WELCOME, by=person).state == State.DONE


def test_since_is_told_in_the_zone_of_who_asks(case: Case, person: User) -> None:
    at = datetime.fromisoformat("2026-07-01T10:04:00+00:00")
    running = Activation(case=case, by=person, started_at=at, request="{}")
    with timezone.override("Europe/Copenhagen"):
        assert "since 12:04 CEST." in str(AlreadyOpen(running))
