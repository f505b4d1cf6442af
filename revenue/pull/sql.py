"""Words for the statements that publish a pull, the same on PostgreSQL and on SQLite.

Names of tables and columns are the models' own, never a word from outside; every value is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, cast

from django.db import connection
from django.db.models import Field, Model

from partners.fields import ExactDecimalField


def table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def column(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(field.column or "")


def fields_of(model: type[Model], names: Iterable[str]) -> list[Field[Any, Any]]:
    """Columns by the names that the model or its rows give them: `client` or `client_id`."""
    return [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]


def columns(model: type[Model], names: Iterable[str], *, of: str = "") -> str:
    """A list of columns, each of the table that goes by the name `of` in the statement."""
    owner = f"{of}." if of else ""
    return ", ".join(f"{owner}{column(field)}" for field in fields_of(model, names))


def excluded(model: type[Model], names: Iterable[str]) -> str:
    """What DO UPDATE SET takes over from the row that could not be inserted."""
    taken = (column(field) for field in fields_of(model, names))
    return ", ".join(f"{name} = excluded.{name}" for name in taken)


def differs(field: Field[Any, Any], one: str, other: str) -> str:
    """Whether two values of a field differ; NULL is a value like any other. SQLite before 3.39 has no IS DISTINCT FROM."""
    if connection.vendor == "postgresql":
        return f"{one} IS DISTINCT FROM {other}"
    unequal = f"{one} IS NOT {other}"
    if isinstance(field, ExactDecimalField):
        return f"({unequal} AND exact_differs({one}, {other}))"
    return unequal


def instant(moment: datetime) -> Any:
    """A UTC instant as the database's driver takes it."""
    return connection.ops.adapt_datetimefield_value(moment)


def day(moment: date) -> Any:
    """A day as the database's driver takes it."""
    return connection.ops.adapt_datefield_value(moment)


def run(statement: str, params: Sequence[Any] = ()) -> int:
    """Execute it; how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, list(params))
        return int(cursor.rowcount)


def ask(question: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Execute it; the rows that it found."""
    with connection.cursor() as cursor:
        cursor.execute(question, list(params))
        return list(cursor.fetchall())
