"""What every row went through, and every past state rebuilt from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
import time_machine

from partners.models import PartnerAccount
from revenue.models import DayEstimate, PullRun, Transaction, TransactionChange, TransactionState
from revenue.pull.history import RATE_FIELDS, STATE_FIELDS
from revenue.pull.reconcile import Figure, stored_figures
from revenue.selectors.history import figures_as_of, rows_as_of
from revenue.stages import Stage
from sandbox.records import Payment
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull import walk
from tests.revenue.pull.support import pull_in_small_pages, pull_now

START = datetime(2026, 4, 1, 8, tzinfo=UTC)
FACTS = tuple(name for name in STATE_FIELDS if name not in RATE_FIELDS)
Change = Callable[[World, Payment], object]


@pytest.fixture
def clock(account: PartnerAccount) -> Iterator[time_machine.Traveller]:
    """A clock that stands still until a test moves it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def _lines(payment: Payment) -> list[TransactionChange]:
    return list(TransactionChange.objects.filter(transaction__transaction_id=payment.id).order_by("seen_at"))


def _settled(world: World) -> Payment:
    return world.add_payment(commission="Paid", platform="PaymentReceived", referral="Invoiced")


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"referral": "Paid"}, {"stage": "paid", "referral_status": "Paid"}),
    ({"referral": "Disputed"}, {"stage": "disputed", "referral_status": "Disputed"}),
    # Backwards, as when somebody at Debitura corrects a status.
    ({"referral": "Pending"}, {"stage": "ready_to_invoice_debitura", "referral_status": "Pending"}),
    (
        {"referral": None, "platform": "NotInvoiced"},
        {"stage": "confirmed_pending_invoice", "referral_status": "Pending", "platform_status": "NotInvoiced"},
    ),
    (
        {"referral": None, "platform": "InvoiceCredited"},
        {"stage": "outside_every_stage", "referral_status": "Pending", "platform_status": "InvoiceCredited"},
    ),
    # A claw-back: the stage stays, and the row is an estimate again.
    (
        {"commission": "Credited"},
        {
            "commission_status": "Credited",
            "is_estimate": True,
            "is_recognized": False,
            "recognized_usd": Decimal(0),
        },
    ),
    ({"platform": "OnHold"}, {"platform_status": "OnHold"}),
    ({"fee_usd": Decimal("31.5")}, {"fee_usd": Decimal("31.5"), "recognized_usd": Decimal("31.5")}),
    ({"paid_at": START - timedelta(days=9)}, {"payment_date": START - timedelta(days=9)}),
]


def _state(row: TransactionState) -> dict[str, Any]:
    return {name: getattr(row, name) for name in STATE_FIELDS}


@pytest.mark.parametrize(("edit", "new"), CHANGES)
def test_change_is_one_line_with_the_old_and_the_new_state(
    account: PartnerAccount, world: World, edit: dict[str, Any], new: dict[str, Any]
) -> None:
    payment = _settled(world)
    pull_now(account)
    world.edit(payment.id, **edit)
    run = pull_now(account)
    first, change = _lines(payment)
    assert (first.kind, change.kind, change.run, change.seen_at) == ("first_seen", "changed", run, run.as_of)
    assert _state(change) == _state(first) | new
    assert _state(Transaction.objects.get()) == _state(change)


def test_change_of_the_amount_is_one_line(account: PartnerAccount, world: World) -> None:
    payment = _settled(world)
    pull_now(account)
    world.edit(payment.id, amount=Decimal("250.00"))
    pull_now(account)
    _, change = _lines(payment)
    assert (change.kind, change.payment_amount, change.fee) == ("changed", Decimal(250), Decimal("7.5"))


def test_row_that_goes_and_comes_back_says_both(account: PartnerAccount, world: World) -> None:
    payment, _other = _settled(world), _settled(world)
    for step in (None, world.delete, world.restore):
        if step:
            step(payment.id)
        pull_now(account)
    assert [line.kind for line in _lines(payment)] == ["first_seen", "removed", "returned"]
    assert Transaction.objects.get(transaction_id=payment.id).removed_at is None


def test_row_that_stays_away_is_removed_once(account: PartnerAccount, world: World) -> None:
    payment, _other = _settled(world), _settled(world)
    pull_now(account)
    world.delete(payment.id)
    removed = [pull_now(account).transactions_removed for _ in range(3)]
    assert removed == [1, 0, 0]
    assert [line.kind for line in _lines(payment)] == ["first_seen", "removed"]


def test_time_in_a_stage_is_counted_from_the_pull_that_saw_it_first(
    account: PartnerAccount, world: World, clock: time_machine.Traveller
) -> None:
    payment = _settled(world)
    seen: list[datetime | None] = []
    for edit in ({}, {"amount": Decimal(3)}, {"referral": "Paid"}, {"amount": Decimal(4)}):
        world.edit(payment.id, **edit)
        seen.append(pull_now(account).as_of)
        clock.shift(timedelta(hours=5))
    row = Transaction.objects.get()
    assert (row.first_seen_at, row.stage_since) == (seen[0], seen[2])


def test_estimate_that_follows_the_rate_costs_one_line_a_row_and_day(
    account: PartnerAccount, world: World, clock: time_machine.Traveller
) -> None:
    payments = [world.add_payment() for _ in range(3)]
    pull_now(account)
    for hour in range(0, 3 * 24, 4):
        clock.move_to(START.replace(hour=0) + timedelta(days=1, hours=hour))
        world.tick_rates(Decimal("1.001"))
        assert pull_now(account).transactions_updated == 3
    assert TransactionChange.objects.count() == 3
    assert DayEstimate.objects.count() == 9
    last = DayEstimate.objects.filter(transaction__transaction_id=payments[0].id).order_by("day").last()
    assert last is not None
    assert (last.day, last.fee_usd) == (START.date() + timedelta(days=3), payments[0].fee_usd)


def test_firm_amount_that_changes_is_a_change_of_the_row(account: PartnerAccount, world: World) -> None:
    payment = _settled(world)
    pull_now(account)
    for fee in ("30.01", "30.02"):
        world.edit(payment.id, fee_usd=Decimal(fee))
        pull_now(account)
    assert [line.fee_usd for line in _lines(payment)][1:] == [Decimal("30.01"), Decimal("30.02")]
    assert not DayEstimate.objects.exists()


def test_history_stays_in_order_when_the_clock_is_set_back(
    account: PartnerAccount, world: World, clock: time_machine.Traveller
) -> None:
    payment = _settled(world)
    first = pull_now(account)
    clock.shift(timedelta(hours=-3))
    world.edit(payment.id, referral="Paid")
    second = pull_now(account)
    assert first.as_of is not None
    assert second.as_of == first.as_of + timedelta(microseconds=1)
    assert [line.kind for line in _lines(payment)] == ["first_seen", "changed"]
    assert [row.stage for row in rows_as_of(account, first.as_of)] == ["awaiting_debitura_payment"]
    assert [row.stage for row in rows_as_of(account, second.as_of)] == ["paid"]


def test_nothing_is_known_of_the_time_before_the_first_pull(
    account: PartnerAccount, world: World, clock: time_machine.Traveller
) -> None:
    _settled(world)
    pull_now(account)
    assert figures_as_of(account, START - timedelta(seconds=1)) == {}
    assert figures_as_of(account, START) == {Stage.AWAITING_DEBITURA: Figure(Decimal("32.493621"), 1)}


def test_history_of_one_account_is_not_mixed_with_another(
    account: PartnerAccount, world: World, clock: time_machine.Traveller
) -> None:
    world.add_payment()
    other = PartnerAccount(slug="other", name="Other", base_url=account.base_url)
    other.api_key = account.api_key
    other.save()
    pull_now(account)
    assert list(rows_as_of(other, START)) == []
    pull_now(other)
    assert len(list(rows_as_of(account, START))) == 1


# --- Any history rebuilds every copy -----------------------------------------------------------------

Copy = dict[UUID, dict[str, Any]]


def _present(account: PartnerAccount) -> Copy:
    rows = Transaction.objects.filter(account=account, removed_at=None)
    return {row.transaction_id: _state(row) for row in rows}


def _rebuilt(account: PartnerAccount, instant: datetime) -> Copy:
    return {row.transaction.transaction_id: _state(row) for row in rows_as_of(account, instant)}


def _exact_at_any_time(copy: Copy) -> Copy:
    """Facts of every row, and the amounts of those that do not follow a rate."""
    return {
        key: {name: value for name, value in state.items() if name in FACTS or not state["is_estimate"]}
        for key, state in copy.items()
    }


@pytest.mark.either
@pytest.mark.parametrize("seed", range(6))
def test_history_rebuilds_every_copy_that_there_ever_was(
    account: PartnerAccount, world: World, upstream: SandboxServer, clock: time_machine.Traveller, seed: int
) -> None:
    rng = Random(seed)
    for _ in range(12):
        walk.add(world, rng)
    copies: dict[datetime, Copy] = {}
    figures: dict[datetime, dict[Stage, Figure]] = {}
    for _ in range(12):
        walk.live(world, rng)
        upstream.faults = rng.choice(walk.FAULTS) if rng.random() < 0.3 else ""
        run = pull_in_small_pages(account)
        if run.as_of is not None:
            copies[run.as_of], figures[run.as_of] = _present(account), stored_figures(account)
        clock.shift(timedelta(minutes=rng.choice((0, 5, 5, 300, 900, 2000))))
    for instant, copy in copies.items():
        assert _exact_at_any_time(_rebuilt(account, instant)) == _exact_at_any_time(copy)
    for instant in _last_of_each_day(copies):
        midnight = datetime.combine(instant.date(), time.max, UTC)
        assert _rebuilt(account, midnight) == copies[instant]
        assert figures_as_of(account, midnight) == figures[instant]


def _last_of_each_day(instants: dict[datetime, Copy]) -> list[datetime]:
    return list({instant.date(): instant for instant in sorted(instants)}.values())


def test_lines_are_written_in_the_run_that_saw_them(account: PartnerAccount, world: World) -> None:
    payment = _settled(world)
    runs = []
    for referral in ("Invoiced", "Paid", "Paid", "Disputed"):
        world.edit(payment.id, referral=referral)
        runs.append(pull_now(account))
    assert [line.run for line in _lines(payment)] == [runs[0], runs[1], runs[3]]
    assert [run.status for run in runs] == [PullRun.Status.OK] * 4
