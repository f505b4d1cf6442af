"""What the tests of the search for changes share: tiny pages, so that few rows make deep trees, and rows on every boundary."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest

from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.pull import changes, descent, looks, pieces, theirs
from revenue.pull.reconcile import HALF_A_CENT
from sandbox.records import Payment
from sandbox.rules import COMMISSION, PLATFORM, REFERRAL
from sandbox.world import World
from tests.revenue.pull.support import counted, rows_stored, rows_upstream

TICKS_PER_SECOND = 10_000_000
# Midnights, turns of months, and one tick before each; Debitura's clock ticks in 100 ns, ours in microseconds.
EDGES = (
    datetime(2025, 12, 31, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 2, 28, tzinfo=UTC),
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2026, 3, 31, tzinfo=UTC),
)


def shrink(monkeypatch: pytest.MonkeyPatch, *, page: int = 4, most: int = 24) -> None:
    """Pages of so few rows, and pieces of so many at most."""
    for module in (changes, theirs, descent, pieces, looks):
        monkeypatch.setattr(module, "PAGE", page)
    for module in (theirs, pieces):
        monkeypatch.setattr(module, "MOST_ROWS", most)
    monkeypatch.setattr(pieces, "PIECE", most // 2)


def moment(rng: Random) -> int:
    """Ticks since 1970: a boundary, just before or after one, one crowded second, or anywhere within two years."""
    edge = int(rng.choice(EDGES).timestamp()) * TICKS_PER_SECOND
    return rng.choice(
        (
            edge,
            edge - 1,
            edge + rng.randint(0, 9),
            edge + 12 * 3600 * TICKS_PER_SECOND + rng.randint(0, TICKS_PER_SECOND - 1),
            edge - rng.randint(0, 700 * 86400) * TICKS_PER_SECOND,
            edge - rng.randint(0, 700 * 86400 * TICKS_PER_SECOND),
        )
    )


def pay(world: World, rng: Random, when: int) -> Payment:
    client = rng.choice(world.clients) if world.clients and rng.random() < 0.9 else world.add_client()
    payment = world.add_payment(
        client,
        amount=Decimal(rng.randint(1, 5_000_000)) / 1000,
        commission=rng.choice(COMMISSION),
        platform=rng.choice(PLATFORM),
        referral=rng.choice((*REFERRAL, None)),
    )
    return world.edit(payment.id, moment=when)


def burst(world: World, rng: Random) -> None:
    """Many rows at once: at one instant, or within one second, or on the edges."""
    when = moment(rng)
    how = rng.choice((lambda: when, lambda: when + rng.randint(0, TICKS_PER_SECOND), lambda: moment(rng)))
    for _ in range(rng.randint(5, 40)):
        pay(world, rng, how())


def redate(world: World, rng: Random) -> None:
    for payment in _some(world, rng):
        world.edit(payment.id, moment=moment(rng))


def swap_dates(world: World, rng: Random) -> None:
    """No total of anything moves, if the two are alike."""
    if len(world.payments) > 1:
        one, other = rng.sample(world.payments, 2)
        first, second = one.moment, other.moment
        world.edit(one.id, moment=second)
        world.edit(other.id, moment=first)


def delete_many(world: World, rng: Random) -> None:
    for payment in _some(world, rng):
        if len(world.payments) > 1:
            world.delete(payment.id)


def flip(world: World, rng: Random) -> None:
    """Paid becomes credited and the other way round: from the settled rows to the others."""
    for payment in _some(world, rng):
        world.edit(payment.id, commission="Credited" if payment.commission == "Paid" else "Paid")


UPHEAVALS: tuple[Callable[[World, Random], object], ...] = (burst, redate, swap_dates, delete_many, flip)


def _some(world: World, rng: Random) -> list[Payment]:
    rows = sorted(world.payments, key=lambda payment: payment.moment)
    start, number = rng.randint(0, len(rows)), rng.randint(1, 12)
    return rows[start : start + number] if rng.random() < 0.5 else rng.sample(rows, min(number, len(rows)))


def figures_agree(account: PartnerAccount, world: World) -> bool:
    """Every stage has as many rows on both sides, and their sums are half a cent apart at most."""
    ours, truth = counted(rows_stored(account)), counted(rows_upstream(world))
    return ours.keys() == truth.keys() and all(
        ours[stage][0] == truth[stage][0] and abs(ours[stage][1] - truth[stage][1]) <= 2 * HALF_A_CENT for stage in ours
    )


def is_taken_for_empty(run: PullRun) -> bool:
    """A first pull has nothing to hold against an upstream that says it is empty."""
    return run.transactions_seen == 0 and not run.account.transactions.exists()
