"""Time passing: what happens at Debitura between one pull and the next, sped up so that a viewer sees it."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from random import Random
from threading import Event, Thread
from types import TracebackType

from sandbox import names
from sandbox.business import Statuses, next_step, step_back
from sandbox.generate import new_case
from sandbox.places import smallest_unit
from sandbox.records import PENDING, Payment, SandboxCase, SandboxClient
from sandbox.world import World

DAY = timedelta(days=1)
# Upstream works on what is recent; in a large world the old rows are all settled anyway.
_RECENT_ROWS = 5_000


def advance(world: World, now: datetime, rng: Random) -> None:
    """One step: new payments, rows one stage on, rates a little elsewhere, now and then a surprise.

    `now` (aware) becomes the world's clock; nothing is paid later than it.
    """
    with world.lock:
        world.now = now
        step = _Step(world, rng)
        for _ in range(rng.randint(1, 3)):
            pay(world, now - rng.random() * timedelta(seconds=15), rng)
        step.move_on(rng.randint(3, 8))
        world.tick_rates()
        for surprise, chance in step.surprises().items():
            if rng.random() < chance:
                surprise()


def pay(world: World, when: datetime, rng: Random) -> Payment | None:
    """A payment at `when` on an open case or a new one; None in a world without active clients."""
    active = [c for c in world.clients if c.onboarding_done and not c.archived and c.date_linked <= when]
    if not active:
        return None
    # As in the generated years: the first are the biggest.
    client = active[min(int(rng.paretovariate(1.1)) - 1, len(active) - 1)]
    case = _open_case(world, client, when, rng)
    unit = smallest_unit(case.currency)
    part = (case.remainder * rng.choice((1, 1, Decimal("0.5"), Decimal("0.25")))).quantize(unit)
    return world.add_payment(case=case, amount=max(part, unit), paid_at=when, referral=rng.choice(("Pending", None)))


def _open_case(world: World, client: SandboxClient, when: datetime, rng: Random) -> SandboxCase:
    recent = world.cases[-_RECENT_ROWS:]
    waiting = [c for c in recent if c.client is client and c.lifecycle == "Active" and c.date_created < when]
    if waiting and rng.random() < 0.7:
        return rng.choice(waiting)
    case = new_case(world, client, when - rng.uniform(1, 60) * DAY)
    world.load((), [case], ())
    return case


class _Step:
    """What may befall the recent rows in one step; each row is dealt at most once."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world = world
        self.rng = rng
        recent = world.payments[-_RECENT_ROWS:]
        self._deck = rng.sample(recent, len(recent))

    def surprises(self) -> dict[Callable[[], None], float]:
        """Each with its probability."""
        return {
            self._correct_amount: 0.20,
            self._correct_date: 0.10,
            self._remove: 0.10,
            self._bring_back: 0.05,
            self._go_back: 0.10,
            self._claw_back: 0.05,
            self._dispute: 0.05,
            self._link_client: 0.03,
            self._archive: 0.01,
            self._send_case: 0.05,
        }

    def move_on(self, count: int) -> None:
        """`count` rows go one step along the chain."""
        for payment in self._take(count, lambda p: next_step(_statuses(p), self.rng) is not None):
            self._set(payment, next_step(_statuses(payment), self.rng))

    def _take(self, count: int, fits: Callable[[Payment], bool]) -> list[Payment]:
        """Up to `count` random rows that fit."""
        taken = list(islice(filter(fits, self._deck), count))
        for payment in taken:
            self._deck.remove(payment)
        return taken

    def _set(self, payment: Payment, statuses: Statuses | None) -> None:
        if statuses:
            self.world.edit(payment.id, **asdict(statuses))

    def _correct_amount(self) -> None:
        for payment in self._take(1, _not_invoiced):
            unit = smallest_unit(payment.currency)
            amount = payment.amount * self.rng.randint(50, 120) / 100
            self.world.edit(payment.id, amount=max(amount.quantize(unit), unit))

    def _correct_date(self) -> None:
        for payment in self._take(1, _not_invoiced):
            self.world.edit(payment.id, paid_at=payment.paid_at - self.rng.uniform(0.5, 5) * DAY)

    def _remove(self) -> None:
        for payment in self._take(1, _not_invoiced):
            self.world.delete(payment.id)

    def _bring_back(self) -> None:
        if self.world.deleted:
            self.world.restore(self.rng.choice(self.world.deleted).id)

    def _go_back(self) -> None:
        for payment in self._take(1, lambda p: step_back(_statuses(p)) is not None):
            self._set(payment, step_back(_statuses(payment)))

    def _claw_back(self) -> None:
        for payment in self._take(1, lambda p: p.commission == "Paid" and p.referral == "Paid"):
            self.world.edit(payment.id, commission="Credited")

    def _dispute(self) -> None:
        for payment in self._take(1, lambda p: p.referral == "Invoiced"):
            self.world.edit(payment.id, referral="Disputed")

    def _link_client(self) -> None:
        name, country = names.company(len(self.world.clients), self.rng)
        attributed = self.rng.random() < 0.8
        now = self.world.now
        self.world.add_client(company_name=name, country=country, date_linked=now, is_attributed=attributed)

    def _send_case(self) -> None:
        """A client sends a case, which waits to be activated."""
        active = [client for client in self.world.clients if client.onboarding_done and not client.archived]
        if active:
            case = new_case(self.world, self.rng.choice(active), self.world.now)
            case.lifecycle = PENDING
            self.world.load((), [case], ())

    def _archive(self) -> None:
        listed = [client for client in self.world.clients if not client.archived]
        if len(listed) > 3:
            self.world.archive_client(self.rng.choice(listed[3:]).id)


def _statuses(payment: Payment) -> Statuses:
    return Statuses(payment.commission, payment.platform, payment.referral)


def _not_invoiced(payment: Payment) -> bool:
    """Only these can still be edited or removed upstream."""
    return payment.platform == "NotInvoiced" and payment.referral in ("Pending", None)


class Ticker:
    """Lets time pass in a thread: one step every `every` seconds, as a context manager."""

    def __init__(
        self, world: World, *, every: float = 20.0, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.world = world
        self.every = every
        self.clock = clock
        self._rng = Random(world.seed)
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sandbox-live", daemon=True)

    def __enter__(self) -> "Ticker":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self.every):
            advance(self.world, self.clock(), self._rng)


def today_so_far(world: World, now: datetime, rng: Random, count: int = 5) -> None:
    """A few payments between midnight UTC and `now`, so that a live world has something today."""
    with world.lock:
        world.now = now
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        for when in sorted(midnight + rng.random() * (now - midnight) for _ in range(count)):
            pay(world, when, rng)
