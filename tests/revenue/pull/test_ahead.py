"""Writing a first load while it is read: the outcome is that of any first load, and nobody sees it come about."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from threading import current_thread
from typing import Any

import pytest
from django.db import connection

from partners.models import Client, PartnerAccount
from revenue.models import PullRun, StagedRow, Transaction, TransactionChange
from revenue.pull import ahead, publish, sql, totals
from revenue.pull.apply import TransactionCounts, apply_portion
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.processes import kill, start
from tests.revenue.pull.support import pull_now, pull_when_free, rows_stored, rows_upstream

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

ROWS = 900
# What the tests set: portions that a few hundred rows make several of.
FEW = 100


class Seen:
    """What went on: how many rows each portion wrote, and in which thread the pull was proven."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.portions: list[int] = []
        self.proven_in: list[str] = []
        prove = publish._prove

        def write(*args: Any, **kwargs: Any) -> TransactionCounts:
            counts = apply_portion(*args, **kwargs)
            self.portions.append(counts.created)
            return counts

        def notice(*args: Any) -> None:
            self.proven_in.append(current_thread().name.partition("_")[0])
            prove(*args)

        monkeypatch.setattr("revenue.pull.ahead.apply_portion", write)
        monkeypatch.setattr("revenue.pull.publish._prove", notice)


@pytest.fixture
def world() -> World:
    return World.generate(seed=7, transactions=ROWS, clients=15, end=date(2026, 3, 31))


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "ENOUGH", FEW)
    for place in ("theirs.MOST_ROWS", "pieces.MOST_ROWS", "pieces.PIECE"):
        monkeypatch.setattr(f"revenue.pull.{place}", FEW)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(monkeypatch)


def _is_a_good_first_load(account: PartnerAccount, world: World, run: PullRun) -> None:
    assert (run.status, run.transactions_seen, run.transactions_created) == (PullRun.Status.OK, ROWS, ROWS)
    assert (run.transactions_updated, run.transactions_unchanged) == (0, 0)
    assert (run.clients_created, run.clients_updated, run.clients_archived) == (run.clients_seen, 0, 0)
    assert rows_stored(account) == rows_upstream(world)
    lines = TransactionChange.objects.values_list("transaction_id", "kind")
    assert Counter(kind for _, kind in lines) == {"first_seen": ROWS}
    assert {key for key, _ in lines} == set(Transaction.objects.values_list("pk", flat=True))
    assert totals.check(account) == []
    assert not StagedRow.objects.exists()


def test_first_load_is_written_ahead(account: PartnerAccount, world: World, seen: Seen) -> None:
    run = pull_now(account)
    assert (min(seen.portions) > 0, 0 < sum(seen.portions) <= ROWS, seen.proven_in) == (True, True, ["ahead"])
    _is_a_good_first_load(account, world, run)
    assert Transaction.objects.filter(first_seen_at__gt=run.as_of).count() == 0
    again = pull_now(account)
    assert (again.status, again.transactions_unchanged, seen.proven_in) == ("ok", ROWS, ["ahead", "MainThread"])


def test_nobody_sees_what_is_written_ahead(
    account: PartnerAccount, upstream: SandboxServer, world: World, seen: Seen
) -> None:
    visible: set[tuple[int, int]] = set()

    def look(*_: object) -> None:
        if seen.portions:
            visible.add((Transaction.objects.count(), Client.objects.count()))
        connection.close()

    upstream.on_request = look
    _is_a_good_first_load(account, world, pull_now(account))
    assert visible == {(0, 0)}


def test_row_that_changes_while_it_is_read_is_written_once_as_it_is_last(
    account: PartnerAccount, upstream: SandboxServer, world: World, seen: Seen
) -> None:
    newest = max(world.payments, key=lambda payment: payment.paid_at)

    def change(*_: object) -> None:
        if seen.portions and newest.amount != Decimal(7):
            world.edit(newest.id, amount=Decimal(7))

    upstream.on_request = change
    run = pull_now(account)
    assert (newest.amount, seen.proven_in) == (Decimal(7), ["MainThread"])
    _is_a_good_first_load(account, world, run)


def test_portion_that_the_database_refuses_costs_nothing_but_time(
    account: PartnerAccount, world: World, seen: Seen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> TransactionCounts:
        apply_portion(*args, **kwargs)
        sql.run("SELECT 1 / 0")
        return TransactionCounts()

    monkeypatch.setattr("revenue.pull.ahead.apply_portion", refuse)
    run = pull_now(account)
    assert seen.proven_in == ["MainThread"]
    assert [record.getMessage() for record in caplog.records if record.name == "revenue.pull.ahead"] == [
        f"Pull {run.pk} could not write ahead; it writes when all is read"
    ]
    _is_a_good_first_load(account, world, run)


def test_pull_that_fails_publishes_nothing_of_what_was_written_ahead(
    account: PartnerAccount, upstream: SandboxServer, world: World, seen: Seen
) -> None:
    def refuse(server: SandboxServer, *_: object) -> None:
        if seen.portions:
            server.api.key = "another"

    upstream.on_request = refuse
    failed = pull_now(account)
    assert (failed.status, Transaction.objects.count(), Client.objects.count()) == ("failed", 0, 0)
    assert 0 < StagedRow.objects.count() <= ROWS
    upstream.on_request, upstream.api.key = None, upstream.key
    _is_a_good_first_load(account, world, pull_now(account))


STOPPED = """
import django; django.setup()
from revenue.pull import ahead, pieces, theirs
ahead.ENOUGH = theirs.MOST_ROWS = pieces.MOST_ROWS = pieces.PIECE = 100
from tests.revenue.pull.stopped import main
main({place!r})
"""


@pytest.mark.parametrize("place", ["revenue.pull.apply._save_history", "revenue.pull.publish._prove"])
def test_process_that_is_killed_leaves_nothing_and_the_next_pull_goes_on(
    account: PartnerAccount, world: World, place: str
) -> None:
    process = start("-c", STOPPED.format(place=place))
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "stopped\n"
        assert (Transaction.objects.count(), Client.objects.count()) == (0, 0)
    finally:
        kill(process)
    _is_a_good_first_load(account, world, pull_when_free(account))
