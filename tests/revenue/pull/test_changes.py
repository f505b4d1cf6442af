"""Whatever happens upstream, and whatever goes wrong: the pull after it ties out, and a full one holds every row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import time_machine

from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.pull.changes import MOST_CASES
from revenue.pull.runner import pull
from sandbox.limits import RateLimits
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull import walk
from tests.revenue.pull.support import QuickClient, rows_stored, rows_upstream
from tests.revenue.pull.upheaval import UPHEAVALS, burst, figures_agree, is_taken_for_empty, moment, pay, shrink

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
ROUNDS = 6


@pytest.fixture(autouse=True)
def _clock(account: PartnerAccount) -> Iterator[None]:
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture(autouse=True)
def _unlimited(upstream: SandboxServer, settings: Any) -> None:
    """Nobody waits for the next minute."""
    upstream.api.limits = RateLimits.none()
    settings.REQUESTS_PER_MINUTE = settings.REQUESTS_PER_HOUR = settings.REQUESTS_PER_DAY = 10**9


def _pull(account: PartnerAccount, *, full: bool = False, trigger: str = "command") -> PullRun:
    return pull(account, full=full, trigger=PullRun.Trigger(trigger), make_client=QuickClient)


def _live(world: World, rng: Random) -> None:
    for _ in range(rng.randint(0, 5)):
        rng.choice((*walk.STEPS, *UPHEAVALS, *UPHEAVALS))(world, rng)


@pytest.mark.either
@pytest.mark.parametrize("seed", range(8))
def test_pull_after_the_last_fault_ties_out_whatever_happened_upstream(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = Random(seed)
    page = rng.choice((1, 2, 3, 5, 8))
    shrink(monkeypatch, page=page, most=rng.choice((2, 4, 7)) * page + rng.randint(0, 1))
    for _ in range(rng.randint(20, 120)):
        pay(world, rng, moment(rng))
    burst(world, rng)
    for _ in range(ROUNDS):
        _live(world, rng)
        if rng.random() < 0.5:
            upstream.faults = rng.choice(walk.FAULTS)
            run = _pull(account)
            assert not run.ties_out or figures_agree(account, world) or is_taken_for_empty(run)
            upstream.faults = ""
            _live(world, rng)
        run = _pull(account)
        assert (run.status, run.error_message, run.differences) == (PullRun.Status.OK, "", [])
        assert figures_agree(account, world)
        if rng.random() < 0.5:
            assert _pull(account, full=True).status == PullRun.Status.OK
            assert rows_stored(account) == rows_upstream(world)


def test_row_that_moved_to_where_another_vanished_is_not_taken_for_gone(account: PartnerAccount, world: World) -> None:
    """Every count and every sum is as if the row that moved were gone, and the one that is gone were there."""
    for place in range(600):
        world.add_payment(amount=Decimal(1000), paid_at=NOON - timedelta(days=place))
    moved, gone = world.payments[400], world.payments[200]
    _pull(account)
    world.edit(moved.id, moment=gone.moment)
    world.delete(gone.id)
    run = _pull(account)
    assert (run.status, run.transactions_removed, run.transactions_updated) == (PullRun.Status.OK, 1, 1)
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("number", [1, 7, 60])
def test_rows_that_are_gone_cost_a_question_each_up_to_a_limit(
    account: PartnerAccount, world: World, number: int
) -> None:
    for place in range(600):
        world.add_payment(amount=Decimal(1000 + place), paid_at=NOON - timedelta(days=place))
    _pull(account)
    for row in world.payments[300 : 300 + number]:
        world.delete(row.id)
    run = _pull(account)
    assert (run.status, run.transactions_removed) == (PullRun.Status.OK, number)
    assert run.requests <= 22 + (number if number <= MOST_CASES else 0)
    assert rows_stored(account) == rows_upstream(world)
