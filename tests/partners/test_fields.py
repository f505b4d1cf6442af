"""The exact decimal column, on whichever database the tests run."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from partners.fields import ExactDecimalField, ExactSum, NumericOrder, add_exactly
from tests.factories import make_account, make_client

amounts = st.decimals(
    min_value=Decimal("-999999999999999"),
    max_value=Decimal("999999999999999"),
    allow_nan=False,
    allow_infinity=False,
    places=28,
)
EDGES = [
    "0",
    "-0.00",
    "0.1",
    "-0.005",
    "1E+3",
    "1E-28",
    "999999999999999.9999999999999999999999999999",
    "-999999999999999.9999999999999999999999999999",
    "9007199254740993.123456",
]


@pytest.mark.django_db
@pytest.mark.parametrize("written", EDGES)
def test_amount_comes_back_with_every_digit(written: str) -> None:
    client = make_client(earnings_usd=Decimal(written))
    client.refresh_from_db()
    assert client.earnings_usd == Decimal(written)


@pytest.mark.django_db
def test_unknown_amount_stays_unknown() -> None:
    client = make_client(earnings_usd=None)
    client.refresh_from_db()
    assert client.earnings_usd is None


@pytest.mark.django_db
def test_sum_is_exact_where_a_binary_float_is_not() -> None:
    account = make_account()
    for written in ("0.1", "0.2", "999999999999999.0000000000000000000000000001", "-0.3", None):
        make_client(account, earnings_usd=None if written is None else Decimal(written))
    total = account.clients.aggregate(total=ExactSum("earnings_usd"))["total"]
    assert total == Decimal("999999999999999.0000000000000000000000000001")


@pytest.mark.django_db
def test_sum_of_nothing_is_zero() -> None:
    account = make_account()
    assert account.clients.aggregate(total=ExactSum("earnings_usd"))["total"] == Decimal(0)
    make_client(account, earnings_usd=None)
    groups = account.clients.values("country").annotate(total=ExactSum("earnings_usd"))
    assert [group["total"] for group in groups] == [Decimal(0)]


@pytest.mark.django_db
def test_amounts_are_sorted_as_numbers() -> None:
    account = make_account()
    written = ["10", "9", "-2", "100.5", "-10", "0.5"]
    for each in written:
        make_client(account, earnings_usd=Decimal(each))
    ordered = account.clients.order_by(NumericOrder("earnings_usd")).values_list("earnings_usd", flat=True)
    assert list(ordered) == sorted(map(Decimal, written))


@given(st.lists(amounts, max_size=30))
def test_adding_exactly_loses_no_digit_in_any_order(parts: list[Decimal]) -> None:
    forth = back = Decimal(0)
    for amount in parts:
        forth = add_exactly(forth, amount)
    for amount in reversed(parts):
        back = add_exactly(back, amount)
    assert forth == back
    assert Fraction(forth) == sum(map(Fraction, parts))


@pytest.mark.parametrize("value", [1.5, b"1", [1], object()])
def test_field_refuses_what_is_not_exact(value: object) -> None:
    with pytest.raises(ValidationError):
        ExactDecimalField().to_python(value)
