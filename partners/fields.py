"""A column for amounts that keeps every digit the provider sent, on PostgreSQL and on SQLite.

Django's DecimalField is a binary float on SQLite; this one is `numeric` on PostgreSQL and decimal text on SQLite, where
sums run through an aggregate of our own (docs/adr/0001-money.md).
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

# Wide enough for the sum of a billion amounts of 15 digits before and 28 behind the point.
EXACT = Context(prec=60)


def add_exactly(total: Decimal, amount: Decimal) -> Decimal:
    """`total + amount` with no digit lost."""
    return EXACT.add(total, amount)


class ExactDecimalField(models.Field):  # type: ignore[type-arg]
    """A Decimal of any number of digits; None is "unknown"."""

    description = "Exact decimal number"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text" if connection.vendor == "sqlite" else "numeric"

    def get_internal_type(self) -> str:
        return "ExactDecimalField"

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, int | str):
            return Decimal(value)
        raise ValidationError(f"{value!r} is no exact decimal; give a Decimal, a whole number or text.")

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Decimal | None:
        return value if value is None or isinstance(value, Decimal) else Decimal(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        amount = self.to_python(value)
        return format(amount, "f") if amount is not None and connection.vendor == "sqlite" else amount


class ExactSum(models.Aggregate):
    """SUM over an ExactDecimalField, exact on both databases; 0 where there is no row or no known amount."""

    function = "SUM"
    output_field = ExactDecimalField()

    def __init__(self, expression: Any, **extra: Any) -> None:
        super().__init__(expression, default=Decimal(0), **extra)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="exact_sum", **extra)


class NumericOrder(models.Func):
    """An amount as something to sort by: the number itself, or on SQLite its nearest float (ties are broken by id anyway)."""

    template = "%(expressions)s"
    output_field = models.FloatField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS REAL)", **extra)


class _SqliteSum:
    """The aggregate behind `exact_sum` (the interface that the sqlite3 module asks for)."""

    def __init__(self) -> None:
        self.total: Decimal | None = None

    def step(self, value: str | None) -> None:
        if value is not None:
            self.total = add_exactly(self.total or Decimal(0), Decimal(value))

    def finalize(self) -> str | None:
        return None if self.total is None else format(self.total, "f")


def _exact_differs(one: str | None, other: str | None) -> bool:
    """Whether two amounts, as SQLite keeps them, are different numbers: 1.50 is 1.5. NULL is nothing but NULL."""
    if one is None or other is None:
        return one is not other
    return Decimal(one) != Decimal(other)


def _sqlite_add(total: str, amount: str) -> str:
    return format(add_exactly(Decimal(total), Decimal(amount)), "f")


def _sqlite_negative(amount: str | None) -> str | None:
    return None if amount is None else format(EXACT.minus(Decimal(amount)), "f")


def teach_sqlite_exact_sums(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give every new SQLite connection its `exact_sum`, and functions of single amounts."""
    if connection.vendor == "sqlite":
        connection.connection.create_aggregate("exact_sum", 1, _SqliteSum)
        connection.connection.create_function("exact_add", 2, _sqlite_add, deterministic=True)
        connection.connection.create_function("exact_negative", 1, _sqlite_negative, deterministic=True)
        connection.connection.create_function("exact_differs", 2, _exact_differs, deterministic=True)
