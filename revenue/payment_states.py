"""Where a payment stands, in words for the creditor whose debtor made it. Pure: no Django, no database.

What becomes of a payment between Debitura and the partner is none of the creditor's business: the stage of the partner's share
(revenue.stages) is not asked, nor the status that leads it, but the two statuses of the payment's own accounting.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from partners.debitura.records import CommissionStatus, PlatformStatus


class PaymentState(StrEnum):
    """In the order in which a payment goes through them; then what stands apart."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CHECKED = "checked"


@dataclass(frozen=True, slots=True)
class PaymentText:
    """What a state is called, and what it means in one sentence. `icon` names a symbol of the sprite."""

    label: str
    meaning: str
    icon: str


PAYMENT_TEXTS: dict[PaymentState, PaymentText] = {
    PaymentState.REPORTED: PaymentText(
        "Reported",
        "The debtor's payment is reported and not confirmed yet; its amount and its date may still change.",
        "hourglass",
    ),
    PaymentState.CONFIRMED: PaymentText(
        "Confirmed", "The debtor's payment is confirmed; its accounting is still going on.", "check"
    ),
    # Not "settled": nothing here knows whether the money has reached the creditor.
    PaymentState.COMPLETED: PaymentText(
        "Completed", "The debtor's payment is confirmed and fully accounted for.", "coins"
    ),
    PaymentState.CHECKED: PaymentText(
        "Being checked", "The payment is being corrected, or where it stands is not clear yet.", "dots"
    ),
}


def payment_state(*, commission: str, platform: str) -> PaymentState:
    """Where a payment stands, by two of its statuses; what the contract does not know is being checked.

    So is what was credited: something about the payment was taken back.
    """
    if commission == CommissionStatus.CREDITED:
        return PaymentState.CHECKED
    if platform == PlatformStatus.PAYMENT_RECEIVED:
        return PaymentState.COMPLETED
    if platform == PlatformStatus.INVOICE_ISSUED:
        return PaymentState.CONFIRMED
    if platform == PlatformStatus.NOT_INVOICED:
        if commission == CommissionStatus.PAID:
            return PaymentState.CONFIRMED
        if commission == CommissionStatus.UNPAID:
            return PaymentState.REPORTED
    return PaymentState.CHECKED
