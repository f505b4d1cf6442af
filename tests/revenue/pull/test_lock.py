"""One pull an account at a time, and what becomes of one that dies: real processes, really killed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal
from threading import Event, Thread

import pytest
from django.db import connection

from partners.models import PartnerAccount
from revenue.models import PullRun, StagedRow
from revenue.pull.lock import is_being_pulled, pull_lock
from revenue.pull.runner import AlreadyRunning
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.processes import PATIENCE_SECONDS, kill, start
from tests.revenue.pull.support import everything, pull_now, pull_when_free, rows_stored, rows_upstream

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def started() -> Iterator[Start]:
    """Starts processes that do not outlive the test."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        processes.append(start(*words))
        return processes[-1]

    yield begin
    for process in processes:
        kill(process)


@pytest.fixture
def published(account: PartnerAccount, world: World) -> PartnerAccount:
    """An account with a good pull behind it, and news upstream since: new, changed and deleted rows."""
    rows = [world.add_payment(amount=Decimal(100 + number)) for number in range(12)]
    assert pull_now(account).status == PullRun.Status.OK
    for row in rows[:4]:
        world.edit(row.id, commission="Paid")
    world.delete(rows[5].id)
    world.tick_rates(Decimal("1.01"))
    world.add_payment(amount=Decimal(77))
    return account


BEFORE_IT_IS_PUBLISHED = [
    "revenue.pull.runner.read_clients",
    "revenue.pull.reading.Changes.find",
    "revenue.pull.publish._hold",
    "revenue.pull.publish.apply_staged",
    "revenue.pull.apply._save_history",
    "revenue.pull.apply._remove",
    "revenue.pull.publish._prove",
]


@pytest.mark.parametrize("place", BEFORE_IT_IS_PUBLISHED)
def test_pull_that_is_killed_leaves_what_was_there_and_blocks_nobody(
    published: PartnerAccount, world: World, started: Start, place: str
) -> None:
    before = everything()
    process = started("-m", "tests.revenue.pull.stopped", place)
    assert process.stdout is not None
    assert process.stdout.readline() == "stopped\n"
    assert everything() == before
    with pytest.raises(AlreadyRunning) as refused:
        pull_now(published)
    dead = refused.value.run
    assert dead is not None
    kill(process)
    assert everything() == before
    run = pull_when_free(published)
    dead.refresh_from_db()
    assert (run.status, rows_stored(published)) == (PullRun.Status.OK, rows_upstream(world))
    assert (dead.status, dead.as_of, dead.error_kind) == (PullRun.Status.INTERRUPTED, None, "interrupted")
    assert not StagedRow.objects.exists()


def test_pull_that_is_killed_after_it_was_published_stays_published(
    published: PartnerAccount, world: World, started: Start
) -> None:
    process = started("-m", "tests.revenue.pull.stopped", "revenue.models.PullRun.refresh_from_db")
    assert process.stdout is not None
    assert process.stdout.readline() == "stopped\n"
    after = everything()
    assert rows_stored(published) == rows_upstream(world)
    kill(process)
    run = pull_when_free(published)
    assert (run.status, run.transactions_updated) == (PullRun.Status.OK, 0)
    assert everything() == after
    assert [pulled.status for pulled in PullRun.objects.order_by("pk")] == [PullRun.Status.OK] * 3
    assert not StagedRow.objects.exists()


class Gate:
    """Holds back the answer to a request until it is opened."""

    def __init__(self, upstream: SandboxServer, path: str) -> None:
        self.reached, self._open = Event(), Event()
        self._path = path
        upstream.on_request = self._wait

    def _wait(self, server: SandboxServer, number: int, target: str) -> None:
        if target.startswith(self._path):
            self.reached.set()
            self._open.wait(PATIENCE_SECONDS)

    def open(self) -> None:
        self._open.set()


@pytest.mark.parametrize("path", ["/me", "/clients", "/reporting/transactions"])
def test_sync_that_is_killed_while_debitura_answers_changes_nothing(
    published: PartnerAccount, world: World, upstream: SandboxServer, started: Start, path: str
) -> None:
    gate = Gate(upstream, path)
    process = started("manage.py", "sync", "--json")
    assert gate.reached.wait(PATIENCE_SECONDS)
    before = everything()
    kill(process)
    gate.open()
    assert pull_when_free(published).status == PullRun.Status.OK
    assert [run.status for run in PullRun.objects.order_by("pk")] == ["ok", "interrupted", "ok"]
    assert everything() != before
    assert rows_stored(published) == rows_upstream(world)


def test_second_pull_of_an_account_says_that_one_is_running(
    published: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    gate = Gate(upstream, "/reporting/transactions")
    first = Thread(target=_in_a_connection_of_its_own, args=(lambda: pull_now(published),))
    first.start()
    assert gate.reached.wait(PATIENCE_SECONDS)
    requests = len(upstream.log)
    with pytest.raises(AlreadyRunning, match="Another pull of acme has been running since"):
        pull_now(published)
    assert len(upstream.log) == requests
    gate.open()
    first.join(PATIENCE_SECONDS)
    assert [run.status for run in PullRun.objects.order_by("pk")] == ["ok", "ok"]
    assert rows_stored(published) == rows_upstream(world)


def test_pulls_of_two_accounts_do_not_wait_for_each_other(published: PartnerAccount, upstream: SandboxServer) -> None:
    other = PartnerAccount(slug="other", name="Other", base_url=published.base_url)
    other.api_key = published.api_key
    other.save()
    with pull_lock(published) as taken, pull_lock(other) as other_taken:
        assert (taken, other_taken) == (True, True)


def test_lock_is_free_again_after_an_error(published: PartnerAccount) -> None:
    with pytest.raises(RuntimeError), pull_lock(published):
        raise RuntimeError
    seen: list[bool] = []

    def take() -> None:
        with pull_lock(published) as taken:
            seen.append(taken)

    elsewhere = Thread(target=_in_a_connection_of_its_own, args=(take,))
    elsewhere.start()
    elsewhere.join(PATIENCE_SECONDS)
    assert seen == [True]


def test_account_is_being_pulled_only_while_it_is(published: PartnerAccount, upstream: SandboxServer) -> None:
    gate = Gate(upstream, "/reporting/transactions")
    before = is_being_pulled(published)
    pulling = Thread(target=_in_a_connection_of_its_own, args=(lambda: pull_now(published),))
    pulling.start()
    assert gate.reached.wait(PATIENCE_SECONDS)
    during = is_being_pulled(published)
    gate.open()
    pulling.join(PATIENCE_SECONDS)
    assert (before, during, is_being_pulled(published)) == (False, True, False)


@pytest.mark.postgres
def test_pull_whose_database_connection_breaks_changes_nothing(
    published: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    before = everything()
    gate = Gate(upstream, "/reporting/transactions")
    errors: list[BaseException] = []
    backend: list[int] = []

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend.append(cursor.fetchone()[0])
        try:
            pull_now(published)
        except Exception as error:  # noqa: BLE001 the kind of it is the driver's business
            errors.append(error)

    first = Thread(target=_in_a_connection_of_its_own, args=(work,))
    first.start()
    assert gate.reached.wait(PATIENCE_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", backend)
    gate.open()
    first.join(PATIENCE_SECONDS)
    assert len(errors) == 1
    assert everything() == before
    assert pull_when_free(published).status == PullRun.Status.OK
    assert rows_stored(published) == rows_upstream(world)


def _in_a_connection_of_its_own(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()
