"""What readers see while a pull publishes: the state before it or the state after it, never a mixture."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection

from partners.debitura.records import Unreadable
from partners.models import PartnerAccount
from revenue.models import PullRun, PullState, StagedRow, Transaction
from revenue.pull import totals
from revenue.pull.publish import Superseded
from revenue.pull.reconcile import Figure, stored_figures
from revenue.selectors.snapshot import consistent_read
from revenue.stages import Stage
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import NOW, make_account, make_transaction
from tests.processes import PATIENCE_SECONDS
from tests.revenue.pull import walk
from tests.revenue.pull.staged import publish_now, stage_removals, stage_rows, staged, summary
from tests.revenue.pull.support import everything, pull_now, rows_stored

pytestmark = pytest.mark.django_db(transaction=True)

Seen = tuple[datetime | None, dict[Stage, Figure]]


def _look(account: PartnerAccount) -> Seen:
    """The instant for which the figures speak, and the figures: two questions."""
    run = account.pulls.exclude(as_of=None).order_by("-as_of").first()
    return (run.as_of if run else None), stored_figures(account)


def _in_a_thread(work: Callable[[], object]) -> Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_reader_sees_one_state_while_a_pull_is_published(account: PartnerAccount, world: World) -> None:
    payment = world.add_payment()
    pull_now(account)
    began, published = Event(), Event()
    seen: list[Seen] = []

    def read() -> None:
        with consistent_read():
            seen.append(_look(account))
            began.set()
            published.wait(PATIENCE_SECONDS)
            seen.append(_look(account))
        seen.append(_look(account))

    reader = _in_a_thread(read)
    assert began.wait(PATIENCE_SECONDS)
    world.edit(payment.id, commission="Paid")
    run = pull_now(account)
    published.set()
    reader.join(PATIENCE_SECONDS)
    assert seen[0] == seen[1]
    assert seen[2] == (run.as_of, stored_figures(account))
    assert seen[2] != seen[1]


def test_reader_always_sees_the_figures_of_a_published_pull(account: PartnerAccount, world: World) -> None:
    rng = Random(5)
    for _ in range(20):
        walk.add(world, rng)
    pull_now(account)
    published: dict[datetime | None, dict[Stage, Figure]] = dict([_look(account)])
    seen: list[Seen] = []
    enough = Event()

    def read() -> None:
        while not enough.is_set():
            with consistent_read():
                seen.append(_look(account))

    reader = _in_a_thread(read)
    for _ in range(12):
        walk.live(world, rng)
        pull_now(account)
        published |= dict([_look(account)])
    enough.set()
    reader.join(PATIENCE_SECONDS)
    assert len(seen) > 12
    assert [figures for as_of, figures in seen if published[as_of] != figures] == []


@pytest.mark.postgres
def test_reader_cannot_write(account: PartnerAccount) -> None:
    with pytest.raises(DatabaseError, match="read-only"), consistent_read():
        account.save()


def test_pull_that_was_taken_for_dead_writes_nothing(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    """It lost its lock, as with a broken connection, and another pull took over."""
    world.add_payment()
    pull_now(account)
    before = everything()
    world.add_payment()

    def bury(server: SandboxServer, number: int, target: str) -> None:
        PullRun.objects.filter(status=PullRun.Status.RUNNING).update(status=PullRun.Status.INTERRUPTED)
        connection.close()

    upstream.on_request = bury
    with pytest.raises(Superseded):
        pull_now(account)
    assert everything() == before
    assert PullRun.objects.order_by("-pk")[0].status == PullRun.Status.INTERRUPTED


def test_error_in_the_middle_of_writing_leaves_what_was_there(
    account: PartnerAccount, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [world.add_payment(amount=Decimal(100 + number)) for number in range(5)]
    pull_now(account)
    before = everything()
    world.delete(rows[0].id)
    world.edit(rows[1].id, commission="Paid")
    world.add_client()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("revenue.pull.publish._prove", fail)
        pull_now(account)
    dead = PullRun.objects.latest("pk")
    assert everything() == before
    assert (dead.status, dead.error_kind, dead.as_of) == (PullRun.Status.INTERRUPTED, "interrupted", None)
    assert pull_now(account).status == PullRun.Status.OK
    assert Transaction.objects.filter(removed_at=None).count() == len(rows_stored(account)) == 4
    assert not StagedRow.objects.exists()


def test_key_of_another_partner_changes_nothing(account: PartnerAccount, world: World) -> None:
    world.add_payment()
    pull_now(account)
    before = list(Transaction.objects.values())
    PartnerAccount.objects.filter(pk=account.pk).update(partner_id="somebody-else")
    account.refresh_from_db()
    run = pull_now(account)
    assert (run.status, run.error_kind, run.error_retryable) == (PullRun.Status.FAILED, "wrong_partner", False)
    assert list(Transaction.objects.values()) == before


# --- What the run says of itself, and what the next one has to know ------------------------------------


def test_run_says_how_far_it_reached_and_what_it_left() -> None:
    left = [{"what": "estimates", "rows": 700}]
    run = publish_now(
        make_account(), reach=PullRun.Reach.CHANGES, fallback="It ignores a filter.", left_for_later=left, seen=9
    )
    assert (run.reach, run.fallback, run.left_for_later) == ("changes", "It ignores a filter.", left)
    assert (run.phase, run.transactions_seen, run.transactions_unchanged) == (PullRun.Phase.DONE, 9, 9)


STATES: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({}, (NOW, NOW, "")),
    ({"proven": False}, (NOW, NOW, "")),
    ({"reach": PullRun.Reach.CHANGES}, (None, NOW, "")),
    ({"estimates_current": False}, (NOW, None, "")),
    ({"fallback": "It ignores a filter."}, (NOW, NOW, "It ignores a filter.")),
]


@pytest.mark.parametrize(("given", "known"), STATES)
def test_state_tells_the_next_pull_what_is_known(given: dict[str, Any], known: tuple[Any, ...]) -> None:
    publish_now(make_account(), **given)
    state = PullState.objects.get()
    assert (state.swept_at, state.estimates_as_of, state.distrust) == known


@pytest.mark.parametrize(("reach", "goes_on"), [(PullRun.Reach.EVERYTHING, None), (PullRun.Reach.CHANGES, NOW)])
def test_sweep_begins_anew_once_everything_was_listed_in_whatever_way(
    reach: PullRun.Reach, goes_on: datetime | None
) -> None:
    account = make_account()
    PullState.objects.create(account=account, sweep_from=NOW)
    publish_now(account, reach=reach)
    assert PullState.objects.get().sweep_from == goes_on


def test_state_keeps_what_a_pull_of_changes_did_not_learn() -> None:
    account = make_account()
    PullState.objects.create(account=account, looks=7, staged_under="1 PayWhenPaid")
    publish_now(account)
    later = publish_now(account, reach=PullRun.Reach.CHANGES, estimates_current=False, as_of=NOW + timedelta(hours=1))
    state = PullState.objects.get()
    assert (state.swept_at, state.estimates_as_of, later.as_of) == (NOW, NOW, NOW + timedelta(hours=1))
    assert (state.looks, state.staged_under) == (7, "1 PayWhenPaid")


def test_missing_row_explains_a_difference_while_its_removal_is_not_proven() -> None:
    row = make_transaction(make_account(), client_id=None, case_id=None)
    stage_removals(row.account, row)
    run = publish_now(row.account, proven=False, reach=PullRun.Reach.CHANGES)
    assert (run.ties_out, [line["transaction_id"] for line in run.explanations]) == (False, [str(row.transaction_id)])


# --- A row that an earlier pull could not read ----------------------------------------------------------

BROKEN = {str(UUID(int=7)): Unreadable(raw="{}", reason="It has no date.", identity=str(UUID(int=7)))}


def _later(account: PartnerAccount, **given: Any) -> PullRun:
    return publish_now(account, **{"reach": PullRun.Reach.CHANGES, "as_of": NOW + timedelta(hours=1)} | given)


def test_row_that_was_not_listed_again_stays_unreadable_while_figures_differ() -> None:
    account = make_account()
    publish_now(account, unreadable=BROKEN)
    told = summary(paid=("5.00", 1))
    runs = [_later(account, summary=told), _later(account, summary=told)]
    assert [(run.quarantined, run.status) for run in runs] == [(1, PullRun.Status.DIFFERS)] * 2
    assert account.quarantine.get().last_run == runs[1]


def test_row_that_was_not_listed_again_is_gone_when_everything_ties_out() -> None:
    account = make_account()
    first = publish_now(account, unreadable=BROKEN)
    run = _later(account)
    assert (run.quarantined, run.status) == (0, PullRun.Status.OK)
    assert account.quarantine.get().last_run == first


def test_row_that_is_unreadable_again_counts_once() -> None:
    account = make_account()
    publish_now(account, unreadable=BROKEN)
    run = _later(account, unreadable=BROKEN, summary=summary(paid=("5.00", 1)))
    assert (run.quarantined, account.quarantine.get().last_run) == (1, run)


def test_row_that_has_healed_is_not_unreadable_though_figures_differ() -> None:
    account = make_account()
    publish_now(account, unreadable=BROKEN)
    stage_rows(staged(account, transaction_id=UUID(int=7)))
    run = _later(account, summary=summary(paid=("5.00", 1)))
    assert (run.quarantined, run.status) == (0, PullRun.Status.DIFFERS)


def test_row_that_a_full_listing_does_not_hold_is_gone_though_figures_differ() -> None:
    account = make_account()
    publish_now(account, unreadable=BROKEN)
    run = _later(account, reach=PullRun.Reach.EVERYTHING, summary=summary(paid=("5.00", 1)))
    assert (run.quarantined, run.status) == (0, PullRun.Status.DIFFERS)


# --- Kept totals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reach", "rebuilt"), [(PullRun.Reach.EVERYTHING, 1), (PullRun.Reach.CHANGES, 0)])
def test_wrong_kept_total_is_rebuilt_by_a_pull_of_everything(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reach: PullRun.Reach, rebuilt: int
) -> None:
    account = make_account()
    calls: list[PartnerAccount] = []
    monkeypatch.setattr(totals, "check", lambda account: ["paid in March"])
    monkeypatch.setattr(totals, "rebuild", calls.append)
    publish_now(account)
    assert calls == []  # just counted, from the rows that a check would count
    _later(account, reach=reach)
    assert (calls, [record.levelname for record in caplog.records]) == ([account] * rebuilt, ["ERROR"] * rebuilt)
