"""Three years of believable data from a seed: clients of very different sizes, their cases and payments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, product
from random import Random
from typing import TYPE_CHECKING

from sandbox import names
from sandbox.business import Statuses, statuses_at
from sandbox.calendar_edges import edges
from sandbox.places import COLLECTION_PARTNERS, COUNTRIES, USD_RATES, smallest_unit
from sandbox.records import PENDING, TICKS_PER_SECOND, Payment, SandboxCase, SandboxClient, moment_of, ticks
from sandbox.rules import COMMISSION, PLATFORM, REFERRAL

if TYPE_CHECKING:
    from sandbox.world import World

YEARS = 3
DAY = timedelta(days=1)
MONTH = timedelta(days=30.4375)
# Monday to Sunday: transfers book on working days, cards at any time.
_WEEKDAYS = (1.25, 1.1, 1.0, 1.0, 1.15, 0.35, 0.2)
_EVERY_COMBINATION = [Statuses(*row) for row in product(COMMISSION, PLATFORM, (*REFERRAL, None))]
_SUCCESS = tuple(Decimal(n) for n in (8, 10, 12, 15, 15, 18, 20, 25))
_PLATFORM = tuple(Decimal(n) for n in (35, 40, 40, 40, 45))
_FEES = tuple(Decimal(n) for n in ("30", "40", "50", "50", "50", "33.5"))


def populate(world: World, *, transactions: int, clients: int) -> None:
    """Fill an empty world up to `world.now`; draws only on the world's own random numbers."""
    last_midnight = world.now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = last_midnight - timedelta(days=365 * YEARS - 1)
    rates = RateHistory(start, world.now, world.rng)
    world.rates = rates.latest()
    for number in range(clients):
        _add_client(world, number, clients, start)
    book = _Book(world, rates)
    payments = [book.pay(moment) for moment in _moments(world.rng, start, world.now, transactions)]
    _mix_statuses(payments, world.rng)
    world.load((), book.cases, payments)
    _add_quiet_cases(world, transactions // 6)


class RateHistory:
    """USD for one unit of each currency, month by month: a small random walk that ends in the live rates."""

    def __init__(self, start: datetime, end: datetime, rng: Random) -> None:
        self.start = ticks(start)
        self.month = int(MONTH.total_seconds()) * TICKS_PER_SECOND
        months = (ticks(end) - self.start) // self.month + 1
        self.rates = {currency: _walk(rate, months, rng) for currency, rate in USD_RATES.items()}

    def at(self, currency: str, moment: int) -> Decimal:
        """The rate that was locked at `moment` (ticks)."""
        return self.rates[currency][max(0, (moment - self.start) // self.month)]

    def latest(self) -> dict[str, Decimal]:
        return {currency: walk[-1] for currency, walk in self.rates.items()}


def _walk(rate: Decimal, steps: int, rng: Random) -> list[Decimal]:
    walk = [rate]
    for _ in range(steps - 1):
        factor = 1 if rate == 1 else 1 + Decimal(rng.randint(-15_000, 15_000)) / 1_000_000
        walk.append((walk[-1] * factor).quantize(Decimal("0.0000001")))
    return walk


def _moments(rng: Random, start: datetime, end: datetime, count: int) -> list[int]:
    """When the payments fall, in ticks, ascending: volumes grow, weekdays matter, edges are among them."""
    awkward = edges(start, end)
    chosen = rng.sample(awkward, min(len(awkward), count // 10))
    days = (end - start).days + 1
    weights = [(1 + 2 * day / days) * _WEEKDAYS[(start + day * DAY).weekday()] for day in range(days)]
    first = ticks(start)
    for day in rng.choices(range(days), weights, k=count - len(chosen)):
        second = int(min(max(rng.gauss(12.5, 3.5), 0), 23.99) * 3600)
        fraction = rng.choice((0, rng.randrange(1000) * 10_000, rng.randrange(TICKS_PER_SECOND)))
        chosen.append(first + (day * 86_400 + second) * TICKS_PER_SECOND + fraction)
    return sorted(min(moment, ticks(end)) for moment in chosen)


def _add_client(world: World, number: int, of: int, start: datetime) -> None:
    rng = world.rng
    name, country = names.company(number, rng)
    onboarding_done = rng.random() < 0.85
    # The first clients are the oldest and the biggest; the last have joined just now.
    linked = start + (0.9 * number / of) * (world.now - start) * rng.random()
    world.add_client(
        company_name=name,
        country=country,
        external_tenant_id=None if number % 9 == 7 else f"tenant-{rng.randrange(16**8):08x}",
        registration_number=f"{country}{rng.randrange(10**8):08d}",
        address=f"{rng.randint(1, 250)} {COUNTRIES[country][1]} Street",
        email=f"finance@client{number + 1}.example",
        onboarding_done=onboarding_done,
        is_attributed=rng.random() < 0.8,
        date_linked=linked,
        kyc_status=rng.choice(("not_required", "verified", "Verified")) if onboarding_done else "pending",
        fee_percentage=rng.choice(_FEES),
        archived=number % 13 == 11,
    )


class _Book:
    """Writes payments in time order, some as further instalments on a case that is still open."""

    def __init__(self, world: World, rates: RateHistory) -> None:
        self.world = world
        self.rng = world.rng
        self.rates = rates
        self.cases: list[SandboxCase] = []
        self.clients = sorted(world.clients, key=lambda client: client.date_linked)
        self.linked = [ticks(client.date_linked) for client in self.clients]
        self.weights = list(accumulate(self._sizes()))
        self.open: dict[SandboxClient, list[SandboxCase]] = {client: [] for client in self.clients}

    def _sizes(self) -> Iterator[float]:
        """A few dominate; every eighth of a larger base has never had a payment."""
        for rank in range(len(self.clients)):
            yield 0.0 if rank % 8 == 6 else 1 / (rank + 1) ** 1.1

    def pay(self, moment: int) -> Payment:
        case = self._case(moment)
        amount = self._amount(case)
        case.owe(-amount, moment_of(moment))
        statuses = statuses_at(self.world.now, moment_of(moment), self.rng)
        locked = statuses.commission == "Paid"
        payment = Payment(
            id=self.world.new_id(),
            case=case,
            moment=moment,
            amount=amount,
            currency=case.currency,
            fee_percentage=case.client.fee_percentage,
            rate=self.rates.at(case.currency, moment) if locked else self.world.rates[case.currency],
            commission=statuses.commission,
            platform=statuses.platform,
            referral=statuses.referral,
        )
        payment.derive()
        return payment

    def _case(self, moment: int) -> SandboxCase:
        client = self._client(moment)
        waiting = self.open[client]
        if waiting and self.rng.random() < 0.4:
            return self.rng.choice(waiting)
        case = new_case(self.world, client, moment_of(moment) - self.rng.uniform(10, 200) * DAY)
        self.cases.append(case)
        waiting.append(case)
        del waiting[:-20]
        return case

    def _client(self, moment: int) -> SandboxClient:
        """One of those linked by then, the bigger the likelier."""
        known = max(1, bisect_right(self.linked, moment))
        return self.rng.choices(self.clients[:known], cum_weights=self.weights[:known])[0]

    def _amount(self, case: SandboxCase) -> Decimal:
        unit = smallest_unit(case.currency)
        part = Decimal(self.rng.choice((100, 100, 50, 25, 10, 37))) / 100
        amount = max((case.remainder * part).quantize(unit), unit)
        if amount >= case.remainder:
            self.open[case.client].remove(case)
            return case.remainder
        return amount


def new_case(world: World, client: SandboxClient, created: datetime) -> SandboxCase:
    """A case of `client` that is not yet part of the world, mostly against a debtor at home."""
    rng = world.rng
    country = client.country if rng.random() < 0.75 else rng.choice(list(COUNTRIES))
    unit = smallest_unit(client.currency)
    gross = (Decimal(rng.lognormvariate(7, 1.1)) / USD_RATES[client.currency]).quantize(unit)
    partner = rng.choice(list(COLLECTION_PARTNERS))
    return SandboxCase(
        id=world.new_id(),
        reference=world.new_reference(),
        creditor_reference=rng.choice(("INV-{}", "{}", "F/{}", "№ {}")).format(rng.randrange(10_000, 10**7)),
        client=client,
        debtor_name=names.debtor(country, rng),
        debtor_country=country,
        gross_amount=gross,
        remainder=gross,
        currency=client.currency,
        date_created=created,
        due_date=created - rng.uniform(15, 60) * DAY,
        date_collection_started=created + rng.uniform(0.1, 4) * DAY,
        collection_partner=COLLECTION_PARTNERS[partner],
        collection_partner_id=partner,
        success_percentage=rng.choice(_SUCCESS),
        platform_percentage=rng.choice(_PLATFORM),
        phase=rng.choice(("PreLegal", "PreLegal", "Legal", "Monitoring")),
    )


def _mix_statuses(payments: list[Payment], rng: Random) -> None:
    """Every combination of statuses at least once where there is room, and what goes wrong anywhere."""
    for payment in payments:
        dice = rng.random()
        if dice < 0.006:
            payment.referral = "Disputed"
        elif dice < 0.012:
            payment.platform, payment.referral = "InvoiceCredited", rng.choice(("Pending", None))
        elif dice < 0.017:
            payment.commission = "Credited"
    combinations = rng.sample(_EVERY_COMBINATION, min(len(_EVERY_COMBINATION), len(payments) // 10))
    for payment, wanted in zip(rng.sample(payments, len(combinations)), combinations, strict=True):
        payment.commission, payment.platform, payment.referral = (
            wanted.commission,
            wanted.platform,
            wanted.referral,
        )


def _add_quiet_cases(world: World, count: int) -> None:
    """Cases on which nobody has paid yet: being checked, in collection, or given up."""
    rng = world.rng
    listed = [client for client in world.clients if client.onboarding_done]
    cases = []
    for _ in range(count if listed else 0):
        case = new_case(world, rng.choice(listed), world.now - rng.uniform(1, 500) * DAY)
        case.lifecycle = rng.choice((PENDING, "Active", "Active", "Closed"))
        if case.lifecycle == "Closed":
            case.phase, case.close_code = None, rng.choice(("Uncollectible", "Withdrawn"))
            case.date_finished = min(case.date_created + 90 * DAY, world.now)
        cases.append(case)
    world.load((), cases, ())
