"""What a pull costs: the bound of docs/pull.md, held by worlds of two and twenty thousand rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil, log2
from random import Random
from typing import Any

import pytest
import time_machine

from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.pull.runner import pull
from revenue.pull.theirs import Connections
from sandbox.limits import RateLimits
from sandbox.records import Payment
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull.support import QuickClient, rows_stored, rows_upstream
from tests.revenue.pull.upheaval import shrink

TONIGHT = datetime(2026, 3, 31, 23, tzinfo=UTC)
PAGE = 100
# Without news: the partner, a page of clients, everything together, and five looks closer.
FIXED = 8
# With news: the settled rows, another look at everything and at the parts, and what comes in between.
NEWS = 4


# The requests that a pull makes are the same whatever keeps the rows.
pytestmark = pytest.mark.either


@pytest.fixture(autouse=True)
def _tonight(account: PartnerAccount, upstream: SandboxServer, settings: Any) -> Iterator[None]:
    upstream.api.limits = RateLimits.none()
    settings.REQUESTS_PER_MINUTE = settings.REQUESTS_PER_HOUR = settings.REQUESTS_PER_DAY = 10**9
    with time_machine.travel(TONIGHT, tick=True):
        yield


@pytest.fixture
def world() -> World:
    return World.generate(seed=3, transactions=2000, end=date(2026, 3, 31))


def _pull(account: PartnerAccount) -> PullRun:
    return pull(account, make_client=QuickClient)


def _bound(rows: int, changed: int) -> float:
    """The most requests of a pull with `changed` scattered rows, each by a cent or more, among `rows`."""
    pages = ceil(rows / PAGE)
    search = changed * (2 + max(log2(pages / changed), 0)) if changed else 0
    return FIXED + (NEWS if changed else 0) + min(search, _sweep(pages))


def _sweep(pages: int) -> float:
    """To read everything in pieces, and to find out that everything has to be read."""
    return pages * 1.25 + 2 * ceil(pages / 8)


def _edit(world: World, rows: list[Payment]) -> None:
    for row in rows:
        world.edit(row.id, amount=row.amount + 100_000)


def _month(world: World, year: int, month: int) -> list[Payment]:
    return [row for row in world.payments if (row.paid_at.year, row.paid_at.month) == (year, month)]


def test_pull_without_news_costs_eight_requests(account: PartnerAccount, world: World) -> None:
    _pull(account)
    assert [_pull(account).requests <= FIXED for _ in range(5)] == [True] * 5


@pytest.mark.parametrize("changed", [1, 2, 5, 20, 100, 500, 2000])
def test_scattered_changes_cost_no_more_than_the_bound(account: PartnerAccount, world: World, changed: int) -> None:
    _pull(account)
    _edit(world, Random(changed).sample(world.payments, changed))
    run = _pull(account)
    assert (run.status, run.transactions_updated) == (PullRun.Status.OK, changed)
    assert run.requests <= _bound(2000, changed)
    assert rows_stored(account) == rows_upstream(world)


def _delete_one(world: World, rng: Random) -> None:
    world.delete(rng.choice(world.payments).id)


def _pay_three(world: World, rng: Random) -> None:
    for minutes in (1, 2, 3):
        world.add_payment(rng.choice(world.clients), paid_at=TONIGHT - timedelta(minutes=minutes))


def _change_a_month(world: World, rng: Random) -> None:
    _edit(world, _month(world, 2025, 2))


def _fill_a_month(world: World, rng: Random) -> None:
    for _ in range(500):
        day = datetime(2024, 6, rng.randint(1, 28), rng.randint(0, 23), tzinfo=UTC)
        world.add_payment(rng.choice(world.clients), paid_at=day)


def _move_rates(world: World, rng: Random) -> None:
    world.tick_rates(Decimal("1.02"))


# What happens, and the most that it may cost beyond a pull without news.
COSTS: list[tuple[Callable[[World, Random], None], int]] = [
    (_delete_one, 12),
    (_pay_three, 2),
    (_change_a_month, 14),
    (_fill_a_month, 16),
    (_move_rates, 14),
]


@pytest.mark.parametrize(("happens", "cost"), COSTS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_happens_in_one_place_costs_about_its_own_pages(
    account: PartnerAccount, world: World, happens: Callable[[World, Random], None], cost: int
) -> None:
    _pull(account)
    happens(world, Random(5))
    run = _pull(account)
    assert run.status == PullRun.Status.OK
    assert run.requests <= FIXED + cost
    assert rows_stored(account) == rows_upstream(world)


def test_costs_hardly_grow_with_ten_times_the_rows(account: PartnerAccount, world: World) -> None:
    big = World.generate(seed=4, transactions=20_000, end=date(2026, 3, 31))
    world.load(big.clients, big.cases, big.payments)
    rows = len(world.payments)
    _pull(account)
    assert _pull(account).requests == FIXED
    rng = Random(1)
    for changed in (1, 20):
        _edit(world, rng.sample(world.payments, changed))
        run = _pull(account)
        assert (run.status, run.transactions_updated) == (PullRun.Status.OK, changed)
        assert run.requests <= _bound(rows, changed)


def test_recent_row_that_moves_to_another_month_is_found_at_once(account: PartnerAccount, world: World) -> None:
    _pull(account)
    for year, month in ((2026, 3), (2026, 2), (2026, 1)):
        row = _month(world, year, month)[0]
        world.edit(row.id, paid_at=row.paid_at - timedelta(days=31))
        run = _pull(account)
        assert (run.status, run.transactions_updated) == (PullRun.Status.OK, 1)
    assert rows_stored(account) == rows_upstream(world)


def test_old_row_that_moves_past_a_quarter_of_the_others_is_found_within_twelve_pulls(
    account: PartnerAccount, world: World
) -> None:
    _pull(account)
    old = sorted((row for row in world.payments if row.paid_at.year < 2026), key=lambda row: row.moment)
    for first in range(0, len(old) * 3 // 4, len(old) // 5):
        row, other = old[first], old[first + len(old) // 4]
        world.edit(row.id, paid_at=other.paid_at + timedelta(days=1))
        assert any(_pull(account).transactions_updated == 1 for _ in range(12))
    assert rows_stored(account) == rows_upstream(world)


def test_many_differences_of_less_than_a_cent_are_found_though_every_part_hides_them(
    account: PartnerAccount, world: World
) -> None:
    _pull(account)
    for row in Random(2).sample(world.payments, 200):
        world.edit(row.id, fee_usd=row.fee_usd + Decimal("0.0004"))
    run = _pull(account)
    assert (run.status, run.transactions_updated) == (PullRun.Status.OK, 200)
    assert rows_stored(account) == rows_upstream(world)


def test_first_load_that_died_is_taken_up_with_fewer_requests(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, page=20, most=200)
    # One piece under way when it dies, and not as many as the threads happen to have begun.
    defaults = Connections.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "most", 1)
    other = PartnerAccount(slug="other", name="Other", base_url=upstream.address)
    other.api_key = upstream.key
    other.save()
    scratch = _pull(other).requests
    upstream.faults = f"500:@{scratch * 2 // 3}-"
    assert _pull(account).status == PullRun.Status.FAILED
    upstream.faults = ""
    run = _pull(account)
    # What was staged was read by another pull: the sweep of the night is still to come.
    assert (run.status, run.reach) == (PullRun.Status.OK, PullRun.Reach.CHANGES)
    assert run.requests < scratch
    assert rows_stored(account) == rows_upstream(world)
