"""The sandbox's state and every way to change it. Thread-safe: each change happens under one lock."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from threading import RLock
from typing import Any
from uuid import UUID

from sandbox import defaults, rules
from sandbox.generate import populate
from sandbox.places import USD_RATES
from sandbox.records import Payment, SandboxCase, SandboxClient, ticks

_CASE_FIELDS = {f.name for f in fields(SandboxCase)} - {f.name for f in fields(Payment)} - {"client"}
_CHAIN = ("revenue", "fee", "revenue_usd", "fee_usd")
_REFERENCE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


class World:
    """Everything Debitura would know about one referral partner.

    `version` rises with every change; `shape` rises with those that can change which rows a filter finds
    or their order (a rate tick does not). What is computed from the world is cached under one of the two.
    """

    def __init__(self, *, seed: int = 1, mode: str = rules.PAY_WHEN_PAID, now: datetime | None = None) -> None:
        self.lock = RLock()
        self.seed = seed
        self.rng = Random(seed)
        self.now = now or datetime(2026, 3, 31, 12, tzinfo=UTC)
        self.version = 0
        self.shape = 0
        self.rates = dict(USD_RATES)
        self._mode = mode
        self._clients: dict[UUID, SandboxClient] = {}
        self._cases: dict[UUID, SandboxCase] = {}
        self._payments: dict[UUID, Payment] = {}
        self._deleted: dict[UUID, Payment] = {}

    @classmethod
    def empty(cls, *, mode: str = rules.PAY_WHEN_PAID, seed: int = 1) -> "World":
        """A world with nothing in it, whose clock stands at noon UTC on 31 March 2026."""
        return cls(seed=seed, mode=mode)

    @classmethod
    def generate(
        cls,
        seed: int = 1,
        transactions: int = 2000,
        clients: int = 40,
        end: date = date(2026, 3, 31),
        mode: str = rules.PAY_WHEN_PAID,
    ) -> "World":
        """Three years of believable data up to the end of the day `end` (UTC).

        The same arguments make the same world.
        """
        midnight = datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1)
        world = cls(seed=seed, mode=mode, now=midnight - timedelta(microseconds=1))
        populate(world, transactions=transactions, clients=clients)
        return world

    @property
    def mode(self) -> str:
        """The partner's invoicingTriggerMode: `PayWhenPaid` or `ConfirmedPipeline`."""
        return self._mode

    @mode.setter
    def mode(self, value: str) -> None:
        if value not in rules.MODES:
            raise ValueError(f"Unknown invoicing mode {value!r}; one of {', '.join(rules.MODES)}.")
        with self.lock:
            self._mode = value
            self._changed()

    @property
    def payments(self) -> list[Payment]:
        """The rows that exist now, in the order they were added."""
        with self.lock:
            return list(self._payments.values())

    @property
    def deleted(self) -> list[Payment]:
        """The rows that were taken away and not brought back."""
        with self.lock:
            return list(self._deleted.values())

    @property
    def clients(self) -> list[SandboxClient]:
        """All clients, archived ones included, in the order they were added."""
        with self.lock:
            return list(self._clients.values())

    @property
    def cases(self) -> list[SandboxCase]:
        """All cases, in the order they were added."""
        with self.lock:
            return list(self._cases.values())

    def payment(self, payment_id: UUID | str) -> Payment:
        """A row that exists now; KeyError for any other."""
        return self._payments[_uuid(payment_id)]

    def add_client(self, **overrides: Any) -> SandboxClient:
        """A client with sensible defaults; `overrides` are attributes of SandboxClient."""
        with self.lock:
            country = overrides.get("country", "DE")
            usual = defaults.client(len(self._clients) + 1, country, self.now)
            client = SandboxClient(**{"id": self.new_id()} | usual | overrides)
            self._clients[client.id] = client
            self._changed()
            return client

    def add_case(self, client: SandboxClient | None = None, **overrides: Any) -> SandboxCase:
        """A case of `client` (default: the first client) with sensible defaults."""
        with self.lock:
            client = client or self._some_client()
            created = overrides.get("date_created", self.now - timedelta(days=90))
            usual = defaults.case(len(self._cases) + 1, client, created)
            names: dict[str, Any] = {"id": self.new_id(), "reference": self.new_reference()}
            case = SandboxCase(**names | usual | overrides)
            if "remainder" not in overrides:
                case.remainder = case.gross_amount
            self._cases[case.id] = case
            self._changed()
            return case

    def add_payment(
        self, client: SandboxClient | None = None, *, case: SandboxCase | None = None, **overrides: Any
    ) -> Payment:
        """A payment of 1,000.00, by default on a case of its own, not yet paid or invoiced any further.

        `overrides` are attributes of Payment (or `paid_at`, an aware datetime) and of the new case. What the
        fee chain would compute and is given (e.g. `fee_usd`) stays as given.
        """
        with self.lock:
            amount = overrides.setdefault("amount", Decimal("1000.00"))
            mine = {name: overrides.pop(name) for name in list(overrides) if name in _CASE_FIELDS}
            if case is None:
                case = self.add_case(client, **{"gross_amount": amount} | mine)
            currency = overrides.get("currency", case.currency)
            paid_at = overrides.pop("paid_at", defaults.paid_at(len(self._payments), self.now))
            usual = defaults.payment(case, self.rates[currency], paid_at)
            payment = Payment(**{"id": self.new_id()} | usual | overrides)
            _derive(payment, overrides)
            self._payments[payment.id] = payment
            case.owe(-payment.amount, payment.paid_at)
            self._changed()
            return payment

    def load(self, clients: Iterable[SandboxClient], cases: Iterable[SandboxCase], payments: Iterable[Payment]) -> None:
        """Take over finished records in bulk, as they are."""
        with self.lock:
            self._clients.update((client.id, client) for client in clients)
            self._cases.update((case.id, case) for case in cases)
            self._payments.update((payment.id, payment) for payment in payments)
            self._changed()

    def edit(self, payment_id: UUID | str, **changes: Any) -> Payment:
        """Change attributes of a row (or `paid_at`); a new amount, percentage or rate changes the fees."""
        with self.lock:
            payment = self.payment(payment_id)
            if "paid_at" in changes:
                changes["moment"] = ticks(changes.pop("paid_at"))
            before = payment.amount
            for name, value in changes.items():
                setattr(payment, name, value)
            if changes.keys() & {"amount", "fee_percentage", "rate"}:
                _derive(payment, changes)
            if payment.amount != before:
                payment.case.owe(before - payment.amount, payment.paid_at)
            payment.text = None
            self._changed()
            return payment

    def edit_client(self, client_id: UUID | str, **changes: Any) -> SandboxClient:
        """Change attributes of a client, in its rows too."""
        with self.lock:
            client = self._clients[_uuid(client_id)]
            for name, value in changes.items():
                setattr(client, name, value)
            for payment in self._payments.values():
                if payment.client is client:
                    payment.text = None
            self._changed()
            return client

    def edit_case(self, case_id: UUID | str, **changes: Any) -> SandboxCase:
        """Change attributes of a case, in its rows too."""
        with self.lock:
            case = self._cases[_uuid(case_id)]
            for name, value in changes.items():
                setattr(case, name, value)
            for payment in self._payments.values():
                if payment.case is case:
                    payment.text = None
            self._changed()
            return case

    def delete(self, payment_id: UUID | str) -> None:
        """Take a row away upstream; KeyError where there is none."""
        with self.lock:
            payment = self._payments.pop(_uuid(payment_id))
            self._deleted[payment.id] = payment
            payment.case.owe(payment.amount, payment.paid_at)
            self._changed()

    def restore(self, payment_id: UUID | str) -> None:
        """Bring a deleted row back as it was; KeyError where none was deleted."""
        with self.lock:
            payment = self._deleted.pop(_uuid(payment_id))
            self._payments[payment.id] = payment
            payment.case.owe(-payment.amount, payment.paid_at)
            self._changed()

    def archive_client(self, client_id: UUID | str) -> None:
        """End the link: the client is no longer listed, its payments stay."""
        with self.lock:
            self._clients[_uuid(client_id)].archived = True
            self._changed()

    def tick_rates(self, factor: Decimal | None = None) -> None:
        """Move every live rate but USD's by `factor` (default: small random steps); estimates follow."""
        with self.lock:
            steps = {currency: factor or self._random_step() for currency in self.rates if currency != "USD"}
            for currency, step in steps.items():
                self.rates[currency] = (self.rates[currency] * step).quantize(Decimal("0.0000001"))
            for payment in [*self._payments.values(), *self._deleted.values()]:
                if payment.is_estimate and payment.currency in steps:
                    payment.follow(steps[payment.currency])
            self.version += 1

    def new_id(self) -> UUID:
        """The next UUID of this world's sequence."""
        return UUID(int=self.rng.getrandbits(128), version=4)

    def new_reference(self) -> str:
        """The next 8-character case reference, in the style of Q8OAXF3W."""
        return "".join(self.rng.choices(_REFERENCE_LETTERS, k=8))

    def _some_client(self) -> SandboxClient:
        return next(iter(self._clients.values()), None) or self.add_client()

    def _random_step(self) -> Decimal:
        return 1 + Decimal(self.rng.randint(-2500, 2500)) / 1_000_000

    def _changed(self) -> None:
        self.version += 1
        self.shape += 1


def _derive(payment: Payment, given: dict[str, Any]) -> None:
    """Run the fee chain, then put back what was given by hand."""
    payment.derive()
    for name in _CHAIN:
        if name in given:
            setattr(payment, name, given[name])


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
