"""Asking Debitura over several connections: what is counted, what is raised, and what a refused search costs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import pytest

from partners.debitura.client import DebituraClient
from partners.debitura.errors import ServerFailed
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.pull.budget import Budget, BudgetSpent
from revenue.pull.theirs import LOT, Connections
from sandbox.replies import Listing, Reply, bad_request
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull.support import pull_now, rows_stored, rows_upstream

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


class Counted(Budget):
    """A budget of `most` requests in all."""

    def __init__(self, most: int = 1000) -> None:
        self.left = most

    def take(self, requests: int) -> float:
        if requests > self.left:
            raise BudgetSpent(NOON, self.left)
        self.left -= requests
        return 0.0

    def give_back(self, requests: int) -> None:
        self.left += requests

    def count(self, requests: int) -> None:
        self.left -= requests


class Sender:
    """A client that only counts."""

    def __init__(self) -> None:
        self.requests = self.retries = 0

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Sends:
    requests: int
    cost: int = 1

    def do(self, api: DebituraClient) -> int:
        api.requests += self.requests
        return self.requests


@contextmanager
def connected(budget: Budget, *, most: int = 3) -> Iterator[Connections]:
    with Connections(Sender, budget, lambda: None, most=most) as theirs:  # type: ignore[arg-type]
        yield theirs


def test_requests_that_were_sent_are_what_the_budget_lacks_in_the_end() -> None:
    budget = Counted()
    with connected(budget) as theirs:
        assert sorted(sent for _, sent in theirs.run(deque([Sends(1), Sends(4, cost=9), Sends(2)]), Sends.do)) == [
            1,
            2,
            4,
        ]
        assert theirs.requests == 7
    assert budget.left == 1000 - 7


def test_repeated_requests_beyond_what_was_taken_are_counted() -> None:
    budget = Counted()
    with connected(budget) as theirs:
        theirs.ask(Sends(LOT + 5).do)
    assert budget.left == 1000 - LOT - 5


def test_run_hands_out_everything_under_way_before_the_budget_ends_it() -> None:
    done = []
    with connected(Counted(3), most=2) as theirs, pytest.raises(BudgetSpent):
        for _, sent in theirs.run(deque(Sends(1) for _ in range(5)), Sends.do):
            done.append(sent)
    assert done == [1, 1, 1]


def test_tasks_that_are_added_meanwhile_are_done_too() -> None:
    tasks = deque([Sends(3)])
    found = []
    with connected(Counted()) as theirs:
        for task, sent in theirs.run(tasks, Sends.do):
            found.append(sent)
            if task.requests > 1:
                tasks.append(Sends(task.requests - 1))
    assert found == [3, 2, 1]


def test_never_more_tasks_at_once_than_there_are_connections() -> None:
    lock, now, most = Lock(), 0, 0

    def busy(task: Sends, api: DebituraClient) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        with lock:
            now -= 1

    with connected(Counted(), most=2) as theirs:
        assert len(list(theirs.run(deque(Sends(1) for _ in range(50)), busy))) == 50
    assert most <= 2


def test_error_of_a_task_is_raised_and_what_it_sent_is_counted() -> None:
    def fail(task: Sends, api: DebituraClient) -> None:
        api.requests += 2
        raise ServerFailed("It failed.", status=500)

    budget = Counted()
    with connected(budget) as theirs, pytest.raises(ServerFailed):
        list(theirs.run(deque([Sends(1)]), fail))
    assert budget.left == 1000 - 2


def test_search_that_is_refused_costs_no_pull(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [world.add_payment() for _ in range(5)]
    pull_now(account)
    world.delete(rows[2].id)
    answer = upstream.api.answer
    refused = []

    def without_search(target: str, key: str | None, **request: Any) -> Reply | Listing:
        if "Search=" in target:
            refused.append(target)
            return bad_request("No search here.").reply()
        return answer(target, key, **request)

    monkeypatch.setattr(upstream.api, "answer", without_search)
    run = pull_now(account)
    assert (run.status, run.transactions_removed, len(refused)) == (PullRun.Status.OK, 1, 1)
    assert rows_stored(account) == rows_upstream(world)
