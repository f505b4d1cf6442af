"""The revenue guide's own example, to the digit."""

from decimal import Decimal

from sandbox.scenarios import guide_example


def test_guide_example_has_the_guides_summary(serve):
    answer = serve(guide_example()).transactions()
    revenue = answer.json["summary"]["revenue"]
    assert revenue.pop("confirmedPendingInvoiceReferralFeeUsd") == Decimal("167.60")
    assert revenue.pop("confirmedPendingInvoiceCount") == 5
    assert set(revenue.values()) == {0}
    assert answer.json["summary"]["totalDebituraRevenueUsd"] == Decimal("335.21")
    assert b'"confirmedPendingInvoiceReferralFeeUsd":167.60,' in answer.body


def test_guide_example_shows_when_rows_are_rounded_instead_of_the_sum():
    by_row = sum(round(payment.fee_usd, 2) for payment in guide_example().payments)
    assert by_row == Decimal("167.59")
