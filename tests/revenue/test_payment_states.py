"""Where a payment stands for its creditor: every combination against a table written by hand."""

from __future__ import annotations

from itertools import product

import pytest

from revenue.payment_states import PAYMENT_TEXTS, PaymentState, payment_state

COMMISSIONS = ("Unpaid", "Paid", "Credited", "Waived")
# Rows: what Debitura's invoice to the collection partner says; columns: the commission.
EXPECTED = {
    "NotInvoiced": ("reported", "confirmed", "checked", "checked"),
    "InvoiceIssued": ("confirmed", "confirmed", "checked", "confirmed"),
    "PaymentReceived": ("completed", "completed", "checked", "completed"),
    "InvoiceCredited": ("checked",) * 4,
    "OnHold": ("checked",) * 4,
    "": ("checked",) * 4,
}


@pytest.mark.parametrize(("commission", "platform"), list(product(COMMISSIONS, EXPECTED)))
def test_state_follows_from_two_statuses(commission: str, platform: str) -> None:
    expected = EXPECTED[platform][COMMISSIONS.index(commission)]
    assert payment_state(commission=commission, platform=platform) == expected


def test_every_state_has_words_that_speak_of_the_payment_alone() -> None:
    assert list(PAYMENT_TEXTS) == list(PaymentState)
    said = " ".join(f"{text.label} {text.meaning}" for text in PAYMENT_TEXTS.values()).lower()
    assert [word for word in ("fee", "invoice", "debitura", "partner", "commission", "disput") if word in said] == []
