from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revenue.money import cents, format_amount, rounded

AMOUNTS = st.decimals(
    min_value=Decimal(-(10**15)), max_value=Decimal(10**15), allow_nan=False, allow_infinity=False, places=9
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("-0.001", "0.00"),
        ("1234.5", "1,234.50"),
        ("-3", "−3.00"),
        ("167.605", "167.60"),
        ("167.6050000001", "167.61"),
        ("0.015", "0.02"),
        ("-0.015", "−0.02"),
        ("12345678901234567890123456789012.345678", "12,345,678,901,234,567,890,123,456,789,012.35"),
    ],
)
def test_format_amount_in_usd(amount, text):
    assert format_amount(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("999.994", "999.99"),
        ("999.996", "1.0k"),
        ("12400", "12.4k"),
        ("-12400", "−12.4k"),
        ("999949.99", "999.9k"),
        ("999960", "1.0M"),
        ("2500000000", "2.5bn"),
        ("7200000000000", "7,200.0bn"),
    ],
)
def test_format_amount_compact(amount, text):
    assert format_amount(Decimal(amount), compact=True) == text


@pytest.mark.parametrize(
    ("currency", "text"),
    [("USD", "1,234.57"), ("JPY", "1,235"), ("KWD", "1,234.568"), ("jpy", "1,235"), ("", "1,234.57")],
)
def test_format_amount_in_the_places_of_the_currency(currency, text):
    assert format_amount(Decimal("1234.5678"), currency) == text


def test_format_amount_unknown():
    assert format_amount(None) == "—"


@pytest.mark.parametrize("wrong", [1.5, 1, "1.50", None])
def test_cents_refuses_what_is_no_decimal(wrong):
    with pytest.raises(TypeError):
        cents(wrong)


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-Infinity"])
def test_cents_refuses_what_is_no_amount(wrong):
    with pytest.raises(ValueError, match="no amount of money"):
        cents(Decimal(wrong))


def test_guide_example_rounds_as_the_guide_does():
    revenue = Decimal("335.21")
    assert (cents(revenue), cents(revenue / 2)) == (Decimal("335.21"), Decimal("167.60"))


@given(AMOUNTS)
def test_cents_is_at_most_half_a_cent_away_and_stays(amount):
    assert abs(cents(amount) - amount) <= Decimal("0.005")
    assert cents(cents(amount)) == cents(amount)
    assert cents(-amount) == -cents(amount)


@given(AMOUNTS)
def test_format_amount_can_be_read_back(amount):
    text = format_amount(amount).replace(",", "").replace("−", "-")
    assert Decimal(text) == rounded(amount)
