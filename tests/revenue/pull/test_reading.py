"""Windows that cannot be trusted are not; a budget that ends in the middle loses nothing; a dead pull is taken up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import pytest
import time_machine

from partners.models import PartnerAccount
from revenue.models import PullRun, PullState
from revenue.pull.reading import swept_at_once
from revenue.pull.runner import pull
from sandbox.limits import RateLimits
from sandbox.query import Query
from sandbox.records import Payment
from sandbox.replies import Listing
from sandbox.server import SandboxServer
from sandbox.transactions import Filters, Transactions, summary
from sandbox.world import World
from tests.revenue.pull.support import QuickClient, limit_requests, rows_stored, rows_upstream
from tests.revenue.pull.upheaval import figures_agree, moment, pay, shrink

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
OLD = datetime(2025, 5, 17, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(account: PartnerAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    shrink(monkeypatch, page=5, most=30)
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture(autouse=True)
def _unlimited(upstream: SandboxServer, settings: Any) -> None:
    """Nobody waits for the next minute."""
    upstream.api.limits = RateLimits.none()
    settings.REQUESTS_PER_MINUTE = settings.REQUESTS_PER_HOUR = settings.REQUESTS_PER_DAY = 10**9


@pytest.fixture
def world() -> World:
    world, rng = World.empty(), Random(7)
    for _ in range(150):
        pay(world, rng, moment(rng))
    return world


def _pull(account: PartnerAccount, **options: Any) -> PullRun:
    return pull(account, make_client=QuickClient, **options)


def _edit_an_old_row(world: World) -> Payment:
    row = min(world.payments, key=lambda payment: payment.moment)
    return world.edit(row.id, amount=row.amount + 1000)


# --- Trust, but verify ------------------------------------------------------------------------------

Spoil = Callable[[World, Filters, Listing], None]


def _ignores_dates(world: World, filters: Filters, listing: Listing) -> None:
    _summarise(world, listing, replace(filters, first=None, last=None))


def _ignores_commission(world: World, filters: Filters, listing: Listing) -> None:
    _summarise(world, listing, replace(filters, commission=frozenset()))


def _summarise(world: World, listing: Listing, filters: Filters) -> None:
    listing.summary = summary(Transactions(world)._filter(filters), world.mode)


def _says_another_stage(world: World, filters: Filters, listing: Listing) -> None:
    if filters.first is not None or filters.last is not None:
        revenue = listing.summary["revenue"] if listing.summary else {}
        revenue["paidCount"], revenue["pendingCount"] = revenue["pendingCount"], revenue["paidCount"]


def _counts_no_rows(world: World, filters: Filters, listing: Listing) -> None:
    if filters.first is not None or filters.last is not None or filters.commission:
        listing.page = None


def _has_no_summary(world: World, filters: Filters, listing: Listing) -> None:
    if filters.first is not None or filters.last is not None or filters.commission:
        listing.summary = None


def _is_incomplete(world: World, filters: Filters, listing: Listing) -> None:
    if (filters.first is not None or filters.last is not None or filters.commission) and listing.summary:
        del listing.summary["revenue"]["paidReferralFeeUsd"]


LIARS: tuple[Spoil, ...] = (
    _ignores_dates,
    _ignores_commission,
    _says_another_stage,
    _counts_no_rows,
    _has_no_summary,
    _is_incomplete,
)


def _lie(upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    honest = Transactions.page

    def page(self: Transactions, query: Query) -> Listing:
        listing = honest(self, query)
        listing.summary = {**(listing.summary or {}), "revenue": dict((listing.summary or {})["revenue"])}
        spoil(self.world, Filters.read(query), listing)
        return listing

    monkeypatch.setattr(Transactions, "page", page)


@pytest.mark.either
@pytest.mark.parametrize("spoil", LIARS, ids=lambda spoil: spoil.__name__.strip("_"))
def test_answers_about_windows_that_cannot_be_trusted_end_in_a_sweep_that_says_why(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    _pull(account)
    _edit_an_old_row(world)
    with monkeypatch.context() as patch:
        _lie(upstream, patch, spoil)
        run = _pull(account)
        assert (run.status, run.reach) == (PullRun.Status.OK, PullRun.Reach.EVERYTHING)
        assert re.match("Debitura('s| gave)", run.fallback)
        assert rows_stored(account) == rows_upstream(world)
        _edit_an_old_row(world)
        again = _pull(account)
        assert (again.status, again.fallback) == (PullRun.Status.OK, run.fallback)
        assert rows_stored(account) == rows_upstream(world)
    nightly = _pull(account, full=True)
    assert (nightly.status, nightly.fallback) == (PullRun.Status.OK, "")
    assert PullState.objects.get(account=account).distrust == ""


def test_summary_without_the_disputed_pair_is_trusted(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    upstream.faults = "transactions/nodisputed"
    _pull(account)
    _edit_an_old_row(world)
    run = _pull(account)
    assert (run.status, run.fallback) == (PullRun.Status.OK, "")
    assert rows_stored(account) == rows_upstream(world)


def test_commission_status_that_nobody_knows_is_in_no_part_and_still_counted(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    for row in world.payments[::7]:
        world.edit(row.id, commission="OnHold", platform="InvoiceIssued", referral="Pending")
    _pull(account)
    _edit_an_old_row(world)
    world.delete(world.payments[7].id)
    run = _pull(account)
    assert (run.status, run.fallback) == (PullRun.Status.OK, "")
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("fault", ["badrow", "baduuid", "nan", "nodate"])
def test_rows_that_cannot_be_read_cost_no_row_and_no_wrong_word(
    account: PartnerAccount, world: World, upstream: SandboxServer, fault: str
) -> None:
    _pull(account)
    _edit_an_old_row(world)
    upstream.faults = f"transactions/{fault}"
    run = _pull(account)
    assert (run.status, run.ties_out, run.transactions_removed) == (PullRun.Status.DIFFERS, False, 0)
    assert rows_stored(account).keys() == rows_upstream(world).keys()
    upstream.faults = ""
    assert _pull(account).status == PullRun.Status.OK
    assert _pull(account, full=True).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


def test_rates_that_move_at_every_request_make_no_row_appear_or_vanish(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    _pull(account)
    world.delete(world.payments[3].id)
    _edit_an_old_row(world)
    rng = Random(3)
    upstream.on_request = lambda server, number, target: world.tick_rates(
        Decimal(rng.randint(980_000, 1_020_000)) / 10**6
    )
    run = _pull(account)
    upstream.on_request = None
    assert run.status in (PullRun.Status.OK, PullRun.Status.DIFFERS)
    assert rows_stored(account).keys() == rows_upstream(world).keys()
    assert _pull(account).status == PullRun.Status.OK
    assert figures_agree(account, world)


# --- The budget -------------------------------------------------------------------------------------


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """The pulls from here on have so many requests each."""
    return partial(limit_requests, monkeypatch)


def test_first_load_goes_on_over_as_many_pulls_as_its_budget_takes(
    account: PartnerAccount, world: World, only: Callable[[int], None]
) -> None:
    only(40)
    seen: list[PullRun] = []
    while not seen or seen[-1].status == PullRun.Status.FAILED:
        seen.append(_pull(account))
        # How many pieces are read to their end when the budget is spent is up to the threads.
        assert len(seen) < 30
        if seen[-1].status == PullRun.Status.FAILED:
            assert rows_stored(account) == {}
            assert (seen[-1].error_kind, seen[-1].error_retryable) == ("budget_spent", True)
    assert seen[-1].status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("requests", [*range(0, 30, 3), *range(30, 75, 5)])
def test_pull_of_any_budget_publishes_nothing_wrong_and_the_next_ones_lose_nothing(
    account: PartnerAccount, world: World, only: Callable[[int], None], requests: int
) -> None:
    _pull(account)
    rng = Random(requests)
    for row in rng.sample(world.payments, 8):
        world.edit(row.id, amount=row.amount + 500)
    for row in rng.sample(world.payments, 4):
        world.delete(row.id)
    for _ in range(4):
        pay(world, rng, moment(rng))
    world.tick_rates(Decimal("1.05"))
    only(requests)
    run = _pull(account)
    if run.status == PullRun.Status.OK:
        assert figures_agree(account, world)
    elif run.status == PullRun.Status.DIFFERS:
        assert run.left_for_later
    removed = {row.transaction_id for row in account.transactions.exclude(removed_at=None)}
    assert not removed & rows_upstream(world).keys()
    only(10**6)
    assert _pull(account).status == PullRun.Status.OK
    assert figures_agree(account, world)


def test_settled_rows_come_before_new_ones_and_these_before_estimates(
    account: PartnerAccount, world: World, only: Callable[[int], None]
) -> None:
    for row in world.payments[::3]:
        world.edit(row.id, commission="Paid")
    _pull(account)
    settled = min((row for row in world.payments if row.commission == "Paid"), key=lambda row: row.moment)
    world.edit(settled.id, amount=settled.amount + 1000)
    new = world.add_payment(paid_at=OLD)
    world.tick_rates(Decimal("1.05"))
    order: list[tuple[str, ...]] = []
    for requests in range(6, 120, 3):
        only(requests)
        run = _pull(account)
        order.append(tuple(part["what"] for part in run.left_for_later))
        if run.status == PullRun.Status.OK:
            break
    stored = rows_stored(account)
    assert stored[new.id] == rows_upstream(world)[new.id]
    assert order[-1] == ()
    assert ("estimates",) in order
    assert not [left for left in order if left[:1] == ("settled",) and "estimates" not in left]


# --- Taking up a pull that died ---------------------------------------------------------------------


def _die_at(account: PartnerAccount, upstream: SandboxServer, request: int) -> None:
    """A pull that is refused everything from its `request`-th request on."""
    upstream.faults = f"500:@{request}-"
    run = _pull(account)
    upstream.faults = ""
    assert run.status == PullRun.Status.FAILED


@pytest.mark.either
@pytest.mark.parametrize("mode", ["PayWhenPaid", "ConfirmedPipeline"])
def test_what_a_dead_first_load_staged_may_be_old_or_of_another_mode(
    account: PartnerAccount, world: World, upstream: SandboxServer, mode: str
) -> None:
    _die_at(account, upstream, 30)
    rng = Random(1)
    world.mode = mode
    for row in rng.sample(world.payments, 20):
        world.edit(row.id, moment=moment(rng))
    for row in rng.sample(world.payments, 20):
        world.delete(row.id)
    assert _pull(account, full=True).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)
    assert _pull(account).requests <= 8


@pytest.mark.either
@pytest.mark.parametrize("request_", range(9, 60, 6))
def test_sweep_that_dies_goes_on_where_it_was(
    account: PartnerAccount, world: World, upstream: SandboxServer, request_: int
) -> None:
    _pull(account)
    one, other = min(world.payments, key=lambda row: row.moment), max(world.payments, key=lambda row: row.moment)
    world.edit(one.id, moment=one.moment + 1)
    world.edit(other.id, moment=other.moment - 20)
    upstream.faults = f"500:@{request_}-"
    _pull(account, full=True)
    upstream.faults = ""
    run = _pull(account, full=True)
    assert (run.status, run.error_message) == (PullRun.Status.OK, "")
    assert rows_stored(account) == rows_upstream(world)


def test_mode_that_changes_to_and_fro_leaves_no_stage_behind(account: PartnerAccount, world: World) -> None:
    _pull(account)
    for mode in ("ConfirmedPipeline", "PayWhenPaid", "ConfirmedPipeline"):
        world.mode = mode
        run = _pull(account)
        assert (run.status, run.reach) == (PullRun.Status.OK, PullRun.Reach.EVERYTHING)
        assert rows_stored(account) == rows_upstream(world)
    world.now += timedelta(minutes=5)
    assert _pull(account).reach == PullRun.Reach.CHANGES


@pytest.mark.parametrize(
    ("an_hour", "every", "at_once"), [(10_000, 300, 416), (10_000, 3600, 1000), (10**9, 300, 1000), (100, 5, 0)]
)
def test_sweeps_of_an_hour_leave_half_of_its_budget_for_news(
    settings: Any, an_hour: int, every: int, at_once: int
) -> None:
    settings.REQUESTS_PER_HOUR, settings.PULL_EVERY_SECONDS = an_hour, every
    assert swept_at_once() == at_once
