"""Comparing two values in SQL as Python would compare them, on whichever database the tests run."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revenue.models import Transaction
from revenue.pull import sql

pytestmark = pytest.mark.django_db


def _differs(name: str, one: object, other: object) -> bool:
    (field,) = sql.fields_of(Transaction, [name])
    pair = " , ".join(f"CAST(%s AS {field.db_type(connection)}) AS {letter}" for letter in "ab")
    values = [_prepared(field, value) for value in (one, other)]
    ((found,),) = sql.ask(f"SELECT {sql.differs(field, 'a', 'b')} FROM (SELECT {pair}) pair", values)
    return bool(found)


def _prepared(field: Field, value: object) -> object:
    return field.get_db_prep_save(value, connection)


AMOUNTS = [
    ("1.50", "1.5", False),
    ("0", "-0.000", False),
    ("1E+3", "1000", False),
    ("1.5", "1.5000000000000000000000000001", True),
    ("9007199254740993", "9007199254740992", True),
    ("0", None, True),
    (None, None, False),
]


@pytest.mark.parametrize(("one", "other", "different"), AMOUNTS)
def test_amounts_differ_as_numbers_and_not_as_texts(one: str | None, other: str | None, different: bool) -> None:
    first, second = (None if text is None else Decimal(text) for text in (one, other))
    assert (_differs("fee_usd", first, second), _differs("fee_usd", second, first)) == (different, different)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(one=st.decimals(allow_nan=False, allow_infinity=False, places=6), other=st.integers(-3, 3))
def test_any_two_amounts_differ_where_python_says_so(one: Decimal, other: int) -> None:
    for second in (Decimal(other), one, one + Decimal(other) / 1000):
        assert _differs("fee", one, second) is (one != second)


@pytest.mark.parametrize(
    ("one", "other", "different"), [("", "", False), ("a", "A", True), ("1.50", "1.5", True), ("é", "e\u0301", True)]
)
def test_texts_differ_letter_by_letter(one: str, other: str, different: bool) -> None:
    assert _differs("payment_currency", one, other) is different
