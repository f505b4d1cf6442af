"""The pulls as background work: in a thread, and by a real worker on a real Redis that is really killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from uuid import uuid4

import kombu.pools
import pytest
import redis
from celery.exceptions import MaxRetriesExceededError
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.celery import app
from partners.models import PartnerAccount
from revenue import tasks
from revenue.models import PullRun, PullState, StagedRow
from revenue.pull.budget import BudgetSpent
from revenue.pull.lock import pull_lock
from revenue.tasks import MOST_RETRIES, CannotStart, pull_account, pull_every_account, pull_unless_running, start_pull
from sandbox.server import SandboxServer
from sandbox.world import World
from tests import environment
from tests.factories import make_run, make_user, sign_in_now
from tests.processes import PATIENCE_SECONDS, kill, silent_server, start, wait_until
from tests.revenue.pull.support import everything, rows_stored, rows_upstream

pytestmark = pytest.mark.django_db(transaction=True)

StartWorker = Callable[..., subprocess.Popen[str]]


def _statuses() -> list[str]:
    return list(PullRun.objects.order_by("pk").values_list("status", flat=True))


# --- In this process ---------------------------------------------------------------------------------


def test_task_pulls_the_account(account: PartnerAccount, world: World) -> None:
    world.add_payment()
    pull_account.apply((account.pk,), throw=True)
    run = PullRun.objects.get()
    assert (run.status, run.trigger, run.transactions_created) == ("ok", "schedule", 1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each pull was asked to read everything; nothing is pulled."""
    found: list[bool] = []

    def note(account: PartnerAccount, *, trigger: PullRun.Trigger, full: bool) -> PullRun:
        found.append(full)
        return PullRun(account=account, trigger=trigger)

    monkeypatch.setattr(tasks, "pull", note)
    return found


def test_scheduled_pull_reads_everything_once_a_night(account: PartnerAccount, asked: list[bool]) -> None:
    pull_unless_running(account.pk)
    state = PullState.objects.create(account=account, swept_at=timezone.now())
    pull_unless_running(account.pk)
    state.swept_at = timezone.now() - timedelta(days=2)
    state.save()
    pull_unless_running(account.pk)
    assert asked == [True, False, True]


def test_pull_that_somebody_waits_for_is_not_the_nightly_one(account: PartnerAccount, asked: list[bool]) -> None:
    pull_unless_running(account.pk, "person")
    assert asked == [False]


def test_failure_that_trying_again_can_help_is_tried_again(account: PartnerAccount, upstream: SandboxServer) -> None:
    upstream.faults = "429=3600:x1"
    assert pull_account.apply((account.pk,)).successful()
    assert _statuses() == ["failed", "ok"]


def test_failure_that_lasts_is_not_tried_for_ever(account: PartnerAccount, upstream: SandboxServer) -> None:
    upstream.faults = "429=3600"
    assert isinstance(pull_account.apply((account.pk,)).result, MaxRetriesExceededError)
    assert _statuses() == ["failed"] * (1 + MOST_RETRIES)


def test_failure_that_trying_again_cannot_help_is_not_tried_again(
    account: PartnerAccount, upstream: SandboxServer
) -> None:
    upstream.faults = "401"
    pull_account.apply((account.pk,), throw=True)
    assert _statuses() == ["failed"]


def test_pull_whose_budget_is_used_up_waits_for_the_next_round(
    account: PartnerAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"error_kind": BudgetSpent.kind, "error_retryable": True, "as_of": None, "ties_out": None}
    runs = [make_run(account, status=PullRun.Status.FAILED, **fields)]
    monkeypatch.setattr("revenue.tasks.pull_unless_running", lambda key, trigger: runs.pop())
    assert pull_account.apply((account.pk,)).successful()
    assert runs == []


def test_task_leaves_an_account_alone_that_is_being_pulled(account: PartnerAccount) -> None:
    taken, over = Event(), Event()

    def hold() -> None:
        try:
            with pull_lock(account):
                taken.set()
                over.wait(PATIENCE_SECONDS)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(PATIENCE_SECONDS)
    assert pull_unless_running(account.pk) is None
    over.set()
    holder.join(PATIENCE_SECONDS)
    assert _statuses() == []


def test_pull_is_started_in_a_thread_where_there_is_no_redis(account: PartnerAccount, world: World) -> None:
    world.add_payment()
    start_pull(account)
    wait_until(lambda: not _pulling(), "the thread to end")
    run = PullRun.objects.get()
    assert (run.status, run.trigger) == ("ok", "person")


def _pulling() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("pull-")]


# --- By a worker -------------------------------------------------------------------------------------


@pytest.fixture
def broker(settings: Any) -> Iterator[redis.Redis]:
    """The real Redis behind the application, with keys of this test alone."""
    prefix = f"feeboard-test-{uuid4().hex}-"
    before = {name: app.conf[name] for name in ("broker_url", "broker_transport_options")}
    settings.REDIS_URL = environment.REDIS_URL
    app.conf.update(
        broker_url=environment.REDIS_URL,
        broker_transport_options=before["broker_transport_options"] | {"global_keyprefix": prefix},
    )
    _forget_connections()
    with redis.Redis.from_url(environment.REDIS_URL) as server:
        yield server
        for key in server.scan_iter(f"{prefix}*"):
            server.delete(key)
    app.conf.update(before)
    _forget_connections()


def _prefix() -> str:
    return str(app.conf.broker_transport_options["global_keyprefix"])


def _forget_connections() -> None:
    """The application opens its next connection by the settings of now."""
    app._pool = app.amqp._producer_pool = None  # type: ignore[attr-defined]
    kombu.pools.reset()


@pytest.fixture
def start_worker(broker: redis.Redis) -> Iterator[StartWorker]:
    """Starts workers that do not outlive the test."""
    workers: list[subprocess.Popen[str]] = []

    def begin(concurrency: int = 1) -> subprocess.Popen[str]:
        quiet = ("--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel=WARNING")
        command = ("-m", "celery", "-A", "tests.worker", "worker", "-P", "prefork", "-c", str(concurrency), *quiet)
        workers.append(start(*command, REDIS_URL=environment.REDIS_URL, REDIS_KEYS_OF_TESTS=_prefix()))
        return workers[-1]

    yield begin
    for worker in workers:
        kill(worker)


class Gate:
    """Holds back the first answer to a request for transactions until it is opened."""

    def __init__(self, upstream: SandboxServer) -> None:
        self.reached, self.open = Event(), Event()
        upstream.on_request = self._wait

    def _wait(self, server: SandboxServer, number: int, target: str) -> None:
        if target.startswith("/reporting/transactions"):
            self.reached.set()
            self.open.wait(PATIENCE_SECONDS)


def _wait_for(*statuses: str) -> None:
    wait_until(lambda: _statuses() == list(statuses), f"pulls that are {', '.join(statuses)}")


@pytest.mark.redis
@pytest.mark.postgres
def test_every_account_is_handed_to_a_worker_by_a_task_of_its_own(
    account: PartnerAccount, upstream: SandboxServer, broker: redis.Redis, start_worker: StartWorker
) -> None:
    _connect("zeta", upstream.address, upstream.key)
    pull_every_account()
    assert broker.llen(f"{_prefix()}celery") == 2
    start_worker()
    _wait_for("ok", "ok")
    pulled = PullRun.objects.order_by("pk").values_list("account__slug", "trigger")
    assert sorted(pulled) == [("acme", "schedule"), ("zeta", "schedule")]


@pytest.mark.redis
@pytest.mark.postgres
def test_account_that_does_not_answer_holds_up_nobody_else(
    upstream: SandboxServer, broker: redis.Redis, start_worker: StartWorker, transactional_db: None, settings: Any
) -> None:
    """Its pull keeps one of two workers; its next messages must not keep the other. Late messages are dropped: none is."""
    healthy = [_connect(f"healthy-{number}", upstream.address, upstream.key) for number in range(3)]
    start_worker(concurrency=2)
    pull_every_account()
    wait_until(lambda: _pulled_well(healthy) == [1] * 3, "the workers to be there")
    settings.PULL_EVERY_SECONDS = 10
    with silent_server() as silent:
        slow = _connect("slow", silent, upstream.key)
        for number in range(2, 6):
            pull_every_account()
            wait_until(lambda: _pulled_well(healthy) == [number] * 3, f"round {number}")  # noqa: B023 it is asked at once
        wait_until(lambda: broker.llen(f"{_prefix()}celery") == 0, "the last message to be read")
        assert [run.status for run in slow.pulls.all()] == ["running"]


def _connect(slug: str, address: str, key: str) -> PartnerAccount:
    account = PartnerAccount(slug=slug, name=slug, base_url=address)
    account.api_key = key
    account.save()
    return account


def _pulled_well(accounts: list[PartnerAccount]) -> list[int]:
    return [account.pulls.filter(status="ok").count() for account in accounts]


@pytest.mark.redis
@pytest.mark.postgres
def test_pull_now_is_handed_to_a_worker_where_there_is_redis(
    account: PartnerAccount, broker: redis.Redis, start_worker: StartWorker
) -> None:
    start_pull(account)
    (message,) = broker.lrange(f"{_prefix()}celery", 0, -1)
    expires = datetime.fromisoformat(json.loads(message)["headers"]["expires"]) - timezone.now()
    assert timedelta(seconds=290) < expires <= timedelta(seconds=300)
    start_worker()
    _wait_for("ok")
    assert PullRun.objects.get().trigger == "person"


@pytest.fixture
def no_broker(settings: Any) -> Iterator[None]:
    """The application is told of a Redis where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    settings.REDIS_URL, before = address, app.conf.broker_url
    app.conf.update(broker_url=address)
    _forget_connections()
    yield
    app.conf.update(broker_url=before)
    _forget_connections()


def test_pull_that_no_worker_can_hear_of_is_told_at_once(account: PartnerAccount, no_broker: None) -> None:
    before = monotonic()
    with pytest.raises(CannotStart, match="The pull could not be started"):
        start_pull(account)
    assert monotonic() - before < 10
    assert _statuses() == []


def test_pull_now_says_that_the_pull_could_not_be_started(account: PartnerAccount, no_broker: None) -> None:
    browser = Client()
    sign_in_now(browser, make_user())
    response = browser.post("/pulls/now/", follow=True)
    assert response.redirect_chain == [("/pulls/", 302)]
    assert [(said.level_tag, str(said)) for said in response.context["messages"]] == [
        ("error", "The pull could not be started: the queue of the workers does not answer. Try again in a minute.")
    ]


@pytest.mark.redis
@pytest.mark.postgres
def test_worker_that_is_killed_in_mid_pull_is_followed_by_one_that_finishes(
    account: PartnerAccount, world: World, upstream: SandboxServer, start_worker: StartWorker
) -> None:
    world.add_payment()
    gate = Gate(upstream)
    worker = start_worker()
    pull_every_account()
    assert gate.reached.wait(PATIENCE_SECONDS)
    before = everything()
    kill(worker)
    gate.open.set()
    assert (_statuses(), everything()) == (["running"], before)
    start_worker()
    pull_every_account()
    _wait_for("interrupted", "ok")
    assert rows_stored(account) == rows_upstream(world)
    # They are cleared away a moment after the pull is published.
    wait_until(lambda: not StagedRow.objects.exists(), "no staged rows")


@pytest.mark.redis
@pytest.mark.postgres
def test_pull_whose_process_is_killed_is_taken_up_again_by_the_same_worker(
    account: PartnerAccount, world: World, upstream: SandboxServer, start_worker: StartWorker
) -> None:
    """As when the kernel runs out of memory: the message was not acknowledged, so it comes back at once."""
    world.add_payment()
    gate = Gate(upstream)
    worker = start_worker()
    pull_every_account()
    assert gate.reached.wait(PATIENCE_SECONDS)
    (child,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    gate.open.set()
    _wait_for("interrupted", "ok")
    assert rows_stored(account) == rows_upstream(world)
