"""What the sandbox holds: clients, their cases, and the payments on them. Plain data; `World` changes it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TICKS_PER_SECOND = 10_000_000
USD_STEP = Decimal("0.00000001")
# The lifecycle of a case that its collection partner has yet to activate.
PENDING = "PendingVerification"


def ticks(when: datetime) -> int:
    """An aware datetime as 100-nanosecond ticks since 1970 in UTC, the precision of the API's dates."""
    return (when - EPOCH) // MICROSECOND * 10


def moment_of(ticks_since_1970: int) -> datetime:
    """Ticks as an aware UTC datetime; the seventh fraction digit is cut off."""
    return EPOCH + timedelta(microseconds=ticks_since_1970 // 10)


@dataclass(slots=True, eq=False)
class SandboxClient:
    """A creditor linked to the partner. `id` is the creditorId; `earnings_usd` overrides the computed sum."""

    id: UUID
    company_name: str
    external_tenant_id: str | None
    country: str
    currency: str
    registration_number: str
    address: str
    email: str
    phone: str
    users: tuple[tuple[str, str], ...]
    onboarding_done: bool
    is_attributed: bool
    date_linked: datetime
    kyc_status: str
    fee_percentage: Decimal
    archived: bool = False
    earnings_usd: Decimal | None = None


@dataclass(slots=True, eq=False)
class SandboxCase:
    """A claim. `remainder` (in `currency`) is what the debtor still owes; percentages are 0–100.

    `partner_reference` is the collection partner's own, "" for none; no row of /cases ever carries it.
    """

    id: UUID
    reference: str
    creditor_reference: str
    client: SandboxClient
    debtor_name: str
    debtor_country: str
    gross_amount: Decimal
    remainder: Decimal
    currency: str
    date_created: datetime
    due_date: datetime
    date_collection_started: datetime
    collection_partner: str
    collection_partner_id: int
    success_percentage: Decimal
    platform_percentage: Decimal
    lifecycle: str = "Active"
    phase: str | None = "PreLegal"
    close_code: str | None = None
    date_finished: datetime | None = None
    partner_reference: str = ""

    @property
    def revenue_share(self) -> Decimal:
        """The part of a payment that is Debitura's: 15 % success fee, 40 % of it platform fee → 0.06."""
        return self.success_percentage * self.platform_percentage / 10_000

    def owe(self, change: Decimal, when: datetime) -> None:
        """Add `change` to what is owed; a case paid in full closes, one that owes again reopens.

        One that waits to be activated goes on waiting, whoever pays on it.
        """
        self.remainder += change
        closed = self.remainder <= 0
        if closed or self.lifecycle != PENDING:
            self.lifecycle = "Closed" if closed else "Active"
        self.close_code = "PaidInFull" if closed else None
        self.phase = None if closed else "PreLegal"
        self.date_finished = when if closed else None


@dataclass(slots=True, eq=False)
class Payment:
    """One row of /reporting/transactions. Change it through `World.edit`, never directly.

    `revenue` and `fee` are in `currency`, `revenue_usd` and `fee_usd` in USD at `rate`. `moment` is when the
    debtor paid, in 100-nanosecond ticks since 1970. `text` is the row's JSON while it is current.
    """

    id: UUID
    case: SandboxCase
    moment: int
    amount: Decimal
    currency: str
    fee_percentage: Decimal
    rate: Decimal
    commission: str
    platform: str
    referral: str | None
    revenue: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    revenue_usd: Decimal = Decimal(0)
    fee_usd: Decimal = Decimal(0)
    text: bytes | None = field(default=None, repr=False)

    @property
    def client(self) -> SandboxClient:
        return self.case.client

    @property
    def paid_at(self) -> datetime:
        """When the debtor paid, UTC, to the microsecond."""
        return moment_of(self.moment)

    @property
    def is_estimate(self) -> bool:
        """The USD amounts follow live rates until the commission is paid."""
        return self.commission != "Paid"

    def derive(self) -> None:
        """The fee chain: payment 1,000 → success fee 150 → platform fee 60 → referral fee 30; then USD."""
        self.revenue = self.amount * self.case.revenue_share
        self.fee = self.revenue * self.fee_percentage / 100
        self.revenue_usd = (self.revenue * self.rate).quantize(USD_STEP)
        self.fee_usd = (self.fee * self.rate).quantize(USD_STEP)

    def follow(self, factor: Decimal) -> None:
        """Move an estimate's USD amounts with the exchange rate."""
        self.rate = (self.rate * factor).quantize(USD_STEP)
        self.revenue_usd = (self.revenue_usd * factor).quantize(USD_STEP)
        self.fee_usd = (self.fee_usd * factor).quantize(USD_STEP)
        self.text = None
