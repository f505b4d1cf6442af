from decimal import Decimal

import pytest

from revenue.models import Transaction
from revenue.selectors.categories import HOURLY_OR_FIXED, REVENUE_CATEGORY, SUCCESS_FEE
from tests.factories import make_account, make_transaction

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("paid", "revenue", "revenue_usd", "category"),
    [
        ("1000.00", "60.00", "65.00", SUCCESS_FEE),
        ("0.000001", "60", "65", SUCCESS_FEE),
        ("-1000.00", "-60.00", "-65.00", SUCCESS_FEE),
        ("1000.00", None, None, SUCCESS_FEE),
        (None, "60.00", "65.00", HOURLY_OR_FIXED),
        ("0", "60.00", "65.00", HOURLY_OR_FIXED),
        ("0.00", None, "65.00", HOURLY_OR_FIXED),
        (None, "60.00", None, HOURLY_OR_FIXED),
        (None, None, None, None),
        ("0.00", "0.00", "0", None),
    ],
)
def test_category_follows_from_what_was_paid_and_what_it_brought(paid, revenue, revenue_usd, category):
    account = make_account()
    make_transaction(account, payment_amount=exact(paid), revenue=exact(revenue), revenue_usd=exact(revenue_usd))
    rows = Transaction.objects.filter(account=account).annotate(category=REVENUE_CATEGORY)
    assert list(rows.values_list("category", flat=True)) == [category]


def exact(text):
    return None if text is None else Decimal(text)
