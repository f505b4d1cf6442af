"""What kind of revenue a payment brought, which Debitura does not tell referral partners.

A success fee is a share of what the debtor paid, so a row with an amount of payment is one. Where revenue stands without
such an amount (missing, or zero), nothing was there to take a share of: it can only be time by the hour, or a fixed fee. A
row with neither says nothing.
"""

from __future__ import annotations

from django.db.models import Case, Q, TextField, Value, When
from django.db.models.lookups import Exact

from partners.fields import NumericOrder

SUCCESS_FEE = "Success Fee"
HOURLY_OR_FIXED = "Hourly Rate / Fixed Fee"


def _is_some(column: str) -> Q:
    """An amount that is known and not zero."""
    return ~Q(Exact(NumericOrder(column), 0))


# In Debitura's words; None where the row says nothing.
REVENUE_CATEGORY = Case(
    When(_is_some("payment_amount"), then=Value(SUCCESS_FEE)),
    When(_is_some("revenue"), then=Value(HOURLY_OR_FIXED)),
    When(_is_some("revenue_usd"), then=Value(HOURLY_OR_FIXED)),
    output_field=TextField(),
)
