"""What readers see while a pull publishes: the state before it or the state after it, never a mixture."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection

from partners.models import PartnerAccount
from revenue.models import PullRun, StagedRow, Transaction
from revenue.pull.publish import Superseded
from revenue.pull.reconcile import Figure, stored_figures
from revenue.selectors.snapshot import consistent_read
from revenue.stages import Stage
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.processes import PATIENCE_SECONDS
from tests.revenue.pull import walk
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
