"""Random but repeatable lives of an upstream: what happens there between two pulls, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random

from sandbox.business import Statuses, next_step, step_back
from sandbox.records import Payment
from sandbox.rules import COMMISSION, MODES, PLATFORM, REFERRAL
from sandbox.world import World

Step = Callable[[World, Random], object]

# Whatever these do to an answer, a pull must not believe it, or must still be right.
FAULTS = (
    "500:0.4",
    "502:x3",
    "transactions/503",
    "transactions/504:@2-",
    "reset:0.5",
    "transactions/reset",
    "close:0.3",
    "truncate:x2",
    "transactions/truncate",
    "html",
    "clients/html:x1",
    "garbage:0.5",
    "429=0:x3",
    "429",
    "429bare:x2",
    "429header=0:0.5",
    "401",
    "transactions/403",
    "clients/404",
    "transactions/empty",
    "transactions/empty:x1",
    "transactions/empty:@2-",
    "clients/empty",
    "transactions/short",
    "transactions/short:0.5",
    "clients/short",
    "transactions/dup",
    "transactions/dup:0.5",
    "clients/dup:0.5",
    "transactions/nopage",
    "transactions/pagedata",
    "transactions/nodisputed",
    "transactions/nosummary",
    "transactions/newfields",
    "transactions/badrow",
    "transactions/nan:@1",
    "transactions/baduuid",
    "clients/badrow",
    "me/500",
)


def _pick(world: World, rng: Random) -> Payment | None:
    return rng.choice(world.payments) if world.payments else None


def add(world: World, rng: Random) -> None:
    clients = world.clients
    client = rng.choice(clients) if clients and rng.random() < 0.8 else world.add_client()
    world.add_payment(
        client,
        amount=Decimal(rng.randint(1, 5_000_000)) / 1000,
        paid_at=world.now - timedelta(seconds=rng.randint(0, 90 * 86400)),
        commission=rng.choice(COMMISSION),
        platform=rng.choice(PLATFORM),
        referral=rng.choice((*REFERRAL, None)),
    )


def advance(world: World, rng: Random) -> None:
    if payment := _pick(world, rng):
        _set(world, payment, next_step(_statuses(payment), rng))


def go_back(world: World, rng: Random) -> None:
    if payment := _pick(world, rng):
        _set(world, payment, step_back(_statuses(payment)))


def claw_back(world: World, rng: Random) -> None:
    if payment := _pick(world, rng):
        world.edit(payment.id, commission="Credited")


def credit_invoice(world: World, rng: Random) -> None:
    if payment := _pick(world, rng):
        world.edit(payment.id, platform="InvoiceCredited")


def dispute(world: World, rng: Random) -> None:
    if payment := _pick(world, rng):
        world.edit(payment.id, referral="Disputed")


def correct_amount(world: World, rng: Random) -> None:
    if payment := _pick(world, rng):
        world.edit(payment.id, amount=Decimal(rng.randint(1, 9_999_999)) / 100)


def correct_date(world: World, rng: Random) -> None:
    if payment := _pick(world, rng):
        world.edit(payment.id, paid_at=world.now - timedelta(seconds=rng.randint(0, 90 * 86400)))


def delete(world: World, rng: Random) -> None:
    # The last row stays: an upstream without any row is a fault, not a change.
    if len(world.payments) > 1:
        world.delete(rng.choice(world.payments).id)


def restore(world: World, rng: Random) -> None:
    if world.deleted:
        world.restore(rng.choice(world.deleted).id)


def tick(world: World, rng: Random) -> None:
    world.tick_rates(Decimal(rng.randint(900_000, 1_100_000)) / 1_000_000)


def archive(world: World, rng: Random) -> None:
    linked = [client for client in world.clients if not client.archived]
    if len(linked) > 1:
        world.archive_client(rng.choice(linked).id)


def rename(world: World, rng: Random) -> None:
    if world.clients:
        world.edit_client(rng.choice(world.clients).id, company_name=f"Renamed {rng.random()}", archived=False)


def switch_mode(world: World, rng: Random) -> None:
    world.mode = rng.choice(MODES)


STEPS: tuple[Step, ...] = (
    *(add, advance, advance, tick, tick),
    *(go_back, claw_back, credit_invoice, dispute, correct_amount, correct_date, delete, restore),
    *(archive, rename, switch_mode),
)


def live(world: World, rng: Random, most: int = 6) -> None:
    """A few things happen upstream."""
    for _ in range(rng.randint(0, most)):
        rng.choice(STEPS)(world, rng)


def _statuses(payment: Payment) -> Statuses:
    return Statuses(payment.commission, payment.platform, payment.referral)


def _set(world: World, payment: Payment, new: Statuses | None) -> None:
    if new:
        world.edit(payment.id, commission=new.commission, platform=new.platform, referral=new.referral)
