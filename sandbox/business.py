"""The business calendar: when each step of a payment's life falls due. All times are UTC."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

INVOICE_DAY = 8
DAY = timedelta(days=1)
# After this long an ordinary payment has been through every step: two months to the invoice at the worst,
# 30 days to its payment, 12 to the partner's own invoice and 20 business days to Debitura's transfer.
SETTLED_AFTER = timedelta(days=140)


@dataclass(frozen=True, slots=True)
class Statuses:
    commission: str = "Unpaid"
    platform: str = "NotInvoiced"
    referral: str | None = "Pending"


SETTLED = Statuses("Paid", "PaymentReceived", "Paid")


def next_invoice_day(after: datetime) -> datetime:
    """The first 8th of a month, at 06:00 UTC, later than `after`."""
    this_month = after.replace(day=INVOICE_DAY, hour=6, minute=0, second=0, microsecond=0)
    if this_month > after:
        return this_month
    return (this_month.replace(day=28) + 4 * DAY).replace(day=INVOICE_DAY)


def add_business_days(start: datetime, days: int) -> datetime:
    """`days` Mondays to Fridays later."""
    when = start
    while days:
        when += DAY
        days -= when.weekday() < 5
    return when


def statuses_at(now: datetime, paid_at: datetime, rng: Random) -> Statuses:
    """Where a payment of `paid_at` stands at `now`: the ordinary way, with one in fifty late by months."""
    late = rng.random() < 0.02
    if not late and now - paid_at > SETTLED_AFTER:
        return SETTLED
    slack = rng.uniform(60, 400) * DAY if late else timedelta(0)
    commission_paid = paid_at + rng.uniform(2, 30) * DAY
    invoiced_first = rng.random() < 0.2
    issued = next_invoice_day(paid_at if invoiced_first else commission_paid) + (
        slack if rng.random() < 0.3 else 0 * DAY
    )
    received = max(issued + rng.uniform(4, 30) * DAY, commission_paid) + (slack if rng.random() < 0.4 else 0 * DAY)
    billed = received + rng.uniform(1, 12) * DAY
    settled = add_business_days(billed, rng.randint(8, 20)) + slack
    return Statuses(
        "Paid" if now >= commission_paid else "Unpaid",
        "PaymentReceived" if now >= received else "InvoiceIssued" if now >= issued else "NotInvoiced",
        "Paid" if now >= settled else "Invoiced" if now >= billed else rng.choice(("Pending", None)),
    )


def next_step(statuses: Statuses, rng: Random) -> Statuses | None:
    """One step along the chain, or None where there is none: settled, disputed or credited."""
    commission, platform, referral = statuses.commission, statuses.platform, statuses.referral
    if referral == "Invoiced":
        return Statuses(commission, platform, "Paid")
    if referral not in ("Pending", None) or commission == "Credited":
        return None
    if platform == "PaymentReceived":
        return Statuses(commission, platform, "Invoiced")
    if platform == "InvoiceIssued":
        return Statuses("Paid", "PaymentReceived" if commission == "Paid" else platform, referral)
    if platform == "NotInvoiced":
        pays_first = commission == "Unpaid" and rng.random() < 0.8
        return Statuses("Paid", platform, referral) if pays_first else Statuses(commission, "InvoiceIssued", referral)
    return None


def step_back(statuses: Statuses) -> Statuses | None:
    """One step backwards, as when somebody at Debitura corrects a status; None where there is none."""
    commission, platform, referral = statuses.commission, statuses.platform, statuses.referral
    if referral in ("Paid", "Disputed"):
        return Statuses(commission, platform, "Invoiced")
    if referral == "Invoiced":
        return Statuses(commission, platform, "Pending")
    earlier = {
        "PaymentReceived": "InvoiceIssued",
        "InvoiceIssued": "NotInvoiced",
        "InvoiceCredited": "InvoiceIssued",
    }
    if platform in earlier:
        return Statuses(commission, earlier[platform], referral)
    return Statuses("Unpaid", platform, referral) if commission == "Paid" else None
