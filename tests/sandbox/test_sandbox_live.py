"""Time passing keeps the world whole."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from threading import Event
from uuid import UUID

from sandbox.live import Ticker, advance, today_so_far
from sandbox.rules import COMMISSION, PLATFORM, REFERRAL
from sandbox.transactions import summary
from sandbox.world import World

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)


def small_world():
    return World.generate(transactions=300, clients=12)


def check(world):
    """What holds at every instant."""
    paid: Counter[UUID] = Counter()
    for payment in world.payments:
        paid[payment.case.id] += payment.amount
        assert payment.commission in COMMISSION
        assert payment.platform in PLATFORM
        assert payment.referral in (*REFERRAL, None)
        assert payment.amount > 0
        assert payment.paid_at <= world.now
        assert payment.fee == payment.revenue * payment.fee_percentage / 100
        assert abs(payment.fee_usd - payment.fee * payment.rate) < Decimal("0.01")
    assert all(case.remainder == case.gross_amount - paid[case.id] for case in world.cases)
    assert {p.id for p in world.payments} & {p.id for p in world.deleted} == set()


def statuses(world):
    return {p.id: (p.commission, p.platform, p.referral, p.amount, p.moment) for p in world.payments}


def test_live_keeps_the_world_whole_over_500_steps():
    world, rng = small_world(), Random(1)
    before = statuses(world)
    known, gone, archived = len(world.clients), set(), sum(c.archived for c in world.clients)
    for step in range(500):
        advance(world, NOW + step * timedelta(seconds=20), rng)
        gone |= {payment.id for payment in world.deleted}
        if step % 25 == 0:
            check(world)
    check(world)
    after = statuses(world)
    # Of everything that may happen, something did.
    assert after.keys() - before.keys() != set()
    assert any(after[i] != before[i] for i in after.keys() & before.keys())
    assert gone & after.keys() != set()
    assert len(world.clients) > known
    assert sum(c.archived for c in world.clients) > archived


def test_live_is_the_same_for_the_same_random_numbers():
    worlds = [small_world(), small_world()]
    for world in worlds:
        for step in range(5):
            advance(world, NOW + step * timedelta(seconds=20), Random(step))
    first, second = (summary(world.payments, world.mode) for world in worlds)
    assert first == second


def test_live_in_a_world_without_clients_does_nothing():
    world = World.empty()
    advance(world, NOW, Random(1))
    assert world.payments == []


def test_today_so_far_pays_between_midnight_and_now():
    world = small_world()
    before = {payment.id for payment in world.payments}
    today_so_far(world, NOW, Random(1))
    new = [payment.paid_at for payment in world.payments if payment.id not in before]
    assert len(new) == 5
    assert all(NOW.replace(hour=0) <= when <= NOW for when in new)


def test_ticker_lets_time_pass_until_it_is_left():
    world, ticked = small_world(), Event()

    def clock():
        ticked.set()
        return NOW

    with Ticker(world, every=0.01, clock=clock):
        assert ticked.wait(5)
    assert world.now == NOW
    assert "sandbox-live" not in {thread.name for thread in threading.enumerate()}


def test_server_answers_hold_together_while_time_passes(serve):
    world, rng = small_world(), Random(2)
    caller = serve(world, on_request=lambda *_: advance(world, NOW, rng))
    for _ in range(20):
        answer = caller.transactions(PageSize=100).json
        revenue = answer["summary"]["revenue"]
        outside = sum(p.platform == "InvoiceCredited" and p.referral in ("Pending", None) for p in world.payments)
        counted = sum(n for name, n in revenue.items() if name.endswith("Count"))
        assert counted + outside == answer["page"]["totalResults"] == len(world.payments)
