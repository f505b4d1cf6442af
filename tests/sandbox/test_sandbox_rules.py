"""The stage of every combination of statuses, written out by hand."""

from itertools import product

import pytest

from sandbox.rules import COMMISSION, CONFIRMED_PIPELINE, PAY_WHEN_PAID, PLATFORM, stage_of

# (platform, commission): the stage with referral Pending or null, when paid / in the confirmed pipeline
EXPECTED = {
    ("NotInvoiced", "Unpaid"): (0, 0),
    ("NotInvoiced", "Credited"): (0, 0),
    ("NotInvoiced", "Paid"): (1, 3),
    ("InvoiceIssued", "Unpaid"): (2, 2),
    ("InvoiceIssued", "Credited"): (2, 2),
    ("InvoiceIssued", "Paid"): (2, 3),
    ("PaymentReceived", "Unpaid"): (3, 3),
    ("PaymentReceived", "Credited"): (3, 3),
    ("PaymentReceived", "Paid"): (3, 3),
    ("InvoiceCredited", "Unpaid"): (None, None),
    ("InvoiceCredited", "Credited"): (None, None),
    ("InvoiceCredited", "Paid"): (None, None),
}


@pytest.mark.parametrize("referral", ["Pending", None])
@pytest.mark.parametrize(("platform", "commission"), EXPECTED)
def test_stage_of_row_not_yet_billed_follows_platform_and_commission(platform, commission, referral):
    found = tuple(stage_of(commission, platform, referral, mode) for mode in (PAY_WHEN_PAID, CONFIRMED_PIPELINE))
    assert found == EXPECTED[platform, commission]


@pytest.mark.parametrize(("referral", "stage"), [("Disputed", 6), ("Paid", 5), ("Invoiced", 4)])
@pytest.mark.parametrize("mode", [PAY_WHEN_PAID, CONFIRMED_PIPELINE])
def test_stage_of_row_with_referral_status_follows_it_alone(referral, stage, mode):
    assert {stage_of(c, p, referral, mode) for c, p in product(COMMISSION, PLATFORM)} == {stage}
