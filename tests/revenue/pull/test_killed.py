"""kill -9 at random instants of first loads, pulls and full sweeps: readers see all of a pull or nothing of it.

Fifty instants: each of the two databases takes half of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

import pytest

from partners.models import PartnerAccount
from revenue.models import PullRun, TransactionChange
from revenue.selectors.snapshot import consistent_read
from revenue.selectors.totals import stage_totals
from revenue.stages import STAGES
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.processes import kill, start
from tests.revenue.builders import all_time
from tests.revenue.pull.support import Rows, counted, pull_when_free, rows_stored, rows_upstream
from tests.revenue.pull.walk import live

pytestmark = pytest.mark.django_db(transaction=True)

KILLED = -9
FIRST_LOADS, PULLS, SWEEPS = 8, 9, 8
# Some are killed when they are just done, too.
LATEST = 1.05

Sync = Callable[..., tuple[int, float]]


@pytest.fixture
def world() -> World:
    return World.generate(seed=5, transactions=400, clients=12, end=date(2026, 3, 31))


@pytest.fixture
def sync() -> Iterator[Sync]:
    """Runs `manage.py sync` in a process that is killed after so many seconds; its exit code, and how long it lived."""
    forks = start("-m", "tests.revenue.pull.forked")
    assert forks.stdin is not None and forks.stdout is not None
    inward, outward = forks.stdin, forks.stdout
    assert outward.readline() == "{}\n"

    def run(*words: str, kill_after: float | None = None) -> tuple[int, float]:
        inward.write(json.dumps({"words": ["sync", "--json", *words], "kill_after": kill_after}) + "\n")
        inward.flush()
        said = json.loads(outward.readline())
        return said["code"], said["seconds"]

    yield run
    kill(forks)


def _account(upstream: SandboxServer, name: str) -> PartnerAccount:
    account = PartnerAccount(slug=name, name=name, base_url=upstream.address)
    account.api_key = upstream.key
    account.save()
    return account


def _kill_at_some_instants(
    sync: Sync,
    world: World,
    rng: Random,
    *,
    times: int,
    seconds: float,
    words: list[str],
    next_account: Callable[[], PartnerAccount],
) -> int:
    """How many were still at it when they were killed. `seconds`: how long one takes that is left alone."""
    killed = 0
    for _ in range(times):
        account = next_account()
        before = _shown(account)
        code, took = sync("--partner", account.slug, *words, kill_after=rng.uniform(0, LATEST * seconds))
        killed += code == KILLED
        # The machine may have been busy when it was left alone.
        seconds = seconds if code == KILLED else min(seconds, took)
        _is_all_or_nothing(account, world, before)
        run = pull_when_free(account)
        assert run.status == PullRun.Status.OK
        stored, truth = rows_stored(account), rows_upstream(world)
        assert (stored.keys(), counted(stored)) == (truth.keys(), counted(truth))
        _cards_are_their_lists(account)
    return killed


@dataclass(frozen=True)
class Shown:
    """What readers have: the pulls that were published, the rows, and the lines of their history."""

    published: int
    rows: Rows
    lines: int


def _shown(account: PartnerAccount) -> Shown:
    lines = TransactionChange.objects.filter(transaction__account=account).count()
    return Shown(account.pulls.exclude(as_of=None).count(), rows_stored(account), lines)


def _is_all_or_nothing(account: PartnerAccount, world: World, before: Shown) -> None:
    # As a page reads: PostgreSQL may finish a moment later what a dead process has asked of it.
    with consistent_read():
        after = _shown(account)
        if after.published == before.published:
            assert after == before
        else:
            # A pull may overlook what changes no figure (docs/pull.md).
            assert counted(after.rows) == counted(rows_upstream(world))
        _cards_are_their_lists(account)


def _cards_are_their_lists(account: PartnerAccount) -> None:
    totals = stage_totals(all_time(account))
    cards = {stage: (totals.of(stage).count, totals.of(stage).fee_usd) for stage in STAGES if totals.of(stage).count}
    assert cards == counted(rows_stored(account))


def test_first_load_that_is_killed_shows_nothing_and_the_next_shows_everything(
    sync: Sync, upstream: SandboxServer, world: World
) -> None:
    rng = Random(1)
    code, seconds = sync("--partner", _account(upstream, "alone").slug)
    assert code == 0
    names = iter(range(FIRST_LOADS))
    killed = _kill_at_some_instants(
        sync,
        world,
        rng,
        times=FIRST_LOADS,
        seconds=seconds,
        words=[],
        next_account=lambda: _account(upstream, f"load-{next(names)}"),
    )
    assert killed > FIRST_LOADS / 2


@pytest.mark.parametrize(("words", "times"), [([], PULLS), (["--full"], SWEEPS)])
def test_pull_that_is_killed_shows_what_was_there_or_what_is_new(
    sync: Sync, upstream: SandboxServer, world: World, words: list[str], times: int
) -> None:
    rng = Random(2 + times + len(words))
    account = _account(upstream, "acme")
    assert sync("--partner", "acme")[0] == 0
    live(world, rng, most=20)
    code, seconds = sync("--partner", "acme", *words)
    assert code == 0

    def after_some_time() -> PartnerAccount:
        live(world, rng, most=20)
        return account

    killed = _kill_at_some_instants(
        sync, world, rng, times=times, seconds=seconds, words=words, next_account=after_some_time
    )
    assert killed > times / 2
