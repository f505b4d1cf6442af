"""The stages of a referral fee and the one rule that derives a row's stage. Pure: no Django, no database.

Source: Debitura's revenue guide and API description; the row itself carries no stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from partners.debitura.records import CommissionStatus, PlatformStatus, ReferralStatus

CONFIRMED_PIPELINE = "ConfirmedPipeline"


class Stage(StrEnum):
    """Where a fee stands. The last member holds the rows that belong to no stage and count in no total."""

    PENDING = "pending"
    CONFIRMED = "confirmed_pending_invoice"
    AWAITING_PARTNER = "awaiting_collection_partner_payment"
    READY = "ready_to_invoice_debitura"
    AWAITING_DEBITURA = "awaiting_debitura_payment"
    PAID = "paid"
    DISPUTED = "disputed"
    OUTSIDE = "outside_every_stage"


@dataclass(frozen=True, slots=True)
class StageText:
    """What a stage is called and what it means, in one sentence: who acts next. `icon` names a symbol of the sprite."""

    label: str
    meaning: str
    icon: str


# The six of the pipeline in their one order, then disputed: set apart, never expected.
PIPELINE = (
    Stage.PENDING,
    Stage.CONFIRMED,
    Stage.AWAITING_PARTNER,
    Stage.READY,
    Stage.AWAITING_DEBITURA,
    Stage.PAID,
)
STAGES = (*PIPELINE, Stage.DISPUTED)

TEXTS: dict[Stage, StageText] = {
    Stage.PENDING: StageText(
        "Pending",
        "The debtor paid, but the collection partner has not yet paid the commission; next to act: the collection partner.",
        "hourglass",
    ),
    Stage.CONFIRMED: StageText(
        "Confirmed / Pending Invoice",
        "The commission is paid and the exchange rate locked; next to act: Debitura invoices the collection partner.",
        "check",
    ),
    Stage.AWAITING_PARTNER: StageText(
        "Awaiting Collection Partner Payment",
        "Debitura has invoiced the collection partner; next to act: the collection partner pays within 30 days.",
        "clock",
    ),
    Stage.READY: StageText(
        "Ready to Invoice Debitura",
        "The money is at Debitura; next to act: you invoice Debitura for your share.",
        "invoice",
    ),
    Stage.AWAITING_DEBITURA: StageText(
        "Awaiting Debitura Payment",
        "You have invoiced Debitura; next to act: Debitura pays your invoice.",
        "bank",
    ),
    Stage.PAID: StageText("Paid", "Debitura has paid your invoice; nobody has to act.", "coins"),
    Stage.DISPUTED: StageText(
        "Disputed", "Debitura disputes the fee; it is not expected until that is settled between you.", "flag"
    ),
    Stage.OUTSIDE: StageText(
        "Outside every stage",
        "The collection partner's invoice was credited, or a status is new to Feeboard: it counts in no stage's total.",
        "dots",
    ),
}


def derive_stage(*, commission: str, platform: str, referral: str, mode: str) -> Stage:
    """The stage of a row from its three statuses, first match wins, and the partner's invoicing trigger mode.

    Statuses that the contract does not know match nothing and end outside every stage, unless a stronger status decides.
    """
    if referral == ReferralStatus.DISPUTED:
        return Stage.DISPUTED
    if referral == ReferralStatus.PAID:
        return Stage.PAID
    if referral == ReferralStatus.INVOICED:
        return Stage.AWAITING_DEBITURA
    if referral != ReferralStatus.PENDING:
        return Stage.OUTSIDE
    stage = _stage_before_our_invoice(commission, platform)
    may_invoice_early = mode == CONFIRMED_PIPELINE and commission == CommissionStatus.PAID
    if may_invoice_early and stage in (Stage.CONFIRMED, Stage.AWAITING_PARTNER):
        return Stage.READY
    return stage


def _stage_before_our_invoice(commission: str, platform: str) -> Stage:
    if platform == PlatformStatus.PAYMENT_RECEIVED:
        return Stage.READY
    if platform == PlatformStatus.INVOICE_ISSUED:
        return Stage.AWAITING_PARTNER
    if platform == PlatformStatus.NOT_INVOICED:
        if commission == CommissionStatus.PAID:
            return Stage.CONFIRMED
        if commission in (CommissionStatus.UNPAID, CommissionStatus.CREDITED):
            return Stage.PENDING
    return Stage.OUTSIDE
