"""The stage of a row: every combination against a table written by hand from Debitura's guide."""

from __future__ import annotations

from itertools import product

import pytest

from revenue.stages import PIPELINE, STAGES, TEXTS, Stage, derive_stage

COMMISSIONS = ("Unpaid", "Paid", "Credited")
PLATFORMS = ("NotInvoiced", "InvoiceIssued", "PaymentReceived", "InvoiceCredited")
REFERRALS = ("Pending", "Invoiced", "Paid", "Disputed")

# Rows: what Debitura's invoice to the collection partner says; columns: commission Unpaid, Paid, Credited.
# Only while the partner has not invoiced Debitura.
PAY_WHEN_PAID = {
    "NotInvoiced": ("pending", "confirmed_pending_invoice", "pending"),
    "InvoiceIssued": ("awaiting_collection_partner_payment",) * 3,
    "PaymentReceived": ("ready_to_invoice_debitura",) * 3,
    "InvoiceCredited": ("outside_every_stage",) * 3,
}
CONFIRMED_PIPELINE = {
    "NotInvoiced": ("pending", "ready_to_invoice_debitura", "pending"),
    "InvoiceIssued": (
        "awaiting_collection_partner_payment",
        "ready_to_invoice_debitura",
        "awaiting_collection_partner_payment",
    ),
    "PaymentReceived": ("ready_to_invoice_debitura",) * 3,
    "InvoiceCredited": ("outside_every_stage",) * 3,
}
TABLES = {"PayWhenPaid": PAY_WHEN_PAID, "ConfirmedPipeline": CONFIRMED_PIPELINE}
# Stronger than all the rest, in either mode.
BY_REFERRAL = {"Disputed": "disputed", "Paid": "paid", "Invoiced": "awaiting_debitura_payment"}


@pytest.mark.parametrize("mode", TABLES)
@pytest.mark.parametrize(("commission", "platform", "referral"), list(product(COMMISSIONS, PLATFORMS, REFERRALS)))
def test_stage_follows_from_the_statuses(mode: str, commission: str, platform: str, referral: str) -> None:
    expected = BY_REFERRAL.get(referral, TABLES[mode][platform][COMMISSIONS.index(commission)])
    assert derive_stage(commission=commission, platform=platform, referral=referral, mode=mode) == expected


UNKNOWN = [
    ("Waived", "NotInvoiced", "Pending", "outside_every_stage"),
    ("Waived", "InvoiceIssued", "Pending", "awaiting_collection_partner_payment"),
    ("Waived", "PaymentReceived", "Pending", "ready_to_invoice_debitura"),
    ("Paid", "OnHold", "Pending", "outside_every_stage"),
    ("Paid", "", "Pending", "outside_every_stage"),
    ("", "NotInvoiced", "Pending", "outside_every_stage"),
    ("Paid", "PaymentReceived", "Queried", "outside_every_stage"),
    ("Paid", "PaymentReceived", "paid", "outside_every_stage"),
    ("Waived", "OnHold", "Paid", "paid"),
    ("Waived", "OnHold", "Disputed", "disputed"),
    ("Waived", "OnHold", "Invoiced", "awaiting_debitura_payment"),
]


@pytest.mark.parametrize("mode", TABLES)
@pytest.mark.parametrize(("commission", "platform", "referral", "expected"), UNKNOWN)
def test_unknown_status_ends_outside_every_stage_unless_a_stronger_one_decides(
    mode: str, commission: str, platform: str, referral: str, expected: str
) -> None:
    assert derive_stage(commission=commission, platform=platform, referral=referral, mode=mode) == expected


def test_unknown_mode_is_the_ordinary_one() -> None:
    stage = derive_stage(commission="Paid", platform="NotInvoiced", referral="Pending", mode="Whatever")
    assert stage == "confirmed_pending_invoice"


def test_stages_stand_in_one_order_and_disputed_apart() -> None:
    assert [stage.value for stage in STAGES] == [
        "pending",
        "confirmed_pending_invoice",
        "awaiting_collection_partner_payment",
        "ready_to_invoice_debitura",
        "awaiting_debitura_payment",
        "paid",
        "disputed",
    ]
    assert STAGES[:-1] == PIPELINE


def test_every_stage_explains_itself_under_the_guides_own_label() -> None:
    assert {stage: TEXTS[stage].label for stage in STAGES} == {
        Stage.PENDING: "Pending",
        Stage.CONFIRMED: "Confirmed / Pending Invoice",
        Stage.AWAITING_PARTNER: "Awaiting Collection Partner Payment",
        Stage.READY: "Ready to Invoice Debitura",
        Stage.AWAITING_DEBITURA: "Awaiting Debitura Payment",
        Stage.PAID: "Paid",
        Stage.DISPUTED: "Disputed",
    }
    assert all(TEXTS[stage].meaning.endswith(".") for stage in Stage)
    assert len({TEXTS[stage].icon for stage in Stage}) == len(Stage)
