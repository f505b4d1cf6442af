"""Writing many rows of one table at a time: COPY on PostgreSQL, executemany on SQLite.

Django's bulk_create builds one statement with a placeholder for every value; beyond some hundred rows most of a pull's
time would go into that text. Names of tables and columns here are the models' own, never a word from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Field, Model

ARRIVALS = "arrivals"
Line = list[Any]


def write(
    model: type[Model], rows: Sequence[Model], *, identity: Sequence[str] = (), update: Sequence[str] = ()
) -> None:
    """Insert `rows`, which have no primary key yet and do not learn it.

    A row whose `identity` fields are those of a stored one takes that one's place in the `update` fields (named as in the
    model, or as its columns: `client_id`).
    """
    if not rows:
        return
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    insert = _copy if connection.vendor == "postgresql" else _execute_many
    # COPY goes past Django, which would else turn the driver's errors into its own.
    with transaction.atomic(), connection.wrap_database_errors:
        insert(_table(model), _columns(fields), _lines(fields, rows), _conflict(model, identity, update))


def refresh_statistics(*models: type[Model]) -> None:
    """Tell PostgreSQL's planner what these tables hold now; a transaction's own rows are news to it otherwise."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(_table(model) for model in models)}")


def _lines(fields: Sequence[Field[Any, Any]], rows: Iterable[Model]) -> Iterable[Line]:
    """The rows as the database driver takes them."""
    database = connections[DEFAULT_DB_ALIAS]  # `connection` would look it up for every value
    named = [(field.attname, field) for field in fields]
    return ([field.get_db_prep_save(getattr(row, name), database) for name, field in named] for row in rows)


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _columns(fields: Iterable[Any]) -> str:
    return ", ".join(connection.ops.quote_name(field.column) for field in fields)


def _conflict(model: type[Model], identity: Sequence[str], update: Sequence[str]) -> str:
    if not identity:
        return ""
    keys = _columns(model._meta.get_field(name) for name in identity)
    taken_over = (_columns([model._meta.get_field(name)]) for name in update)
    return f"ON CONFLICT ({keys}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in taken_over)}"


def _copy(table: str, columns: str, lines: Iterable[Line], conflict: str) -> None:
    """Straight into the table; where rows may meet stored ones, by way of a table that lives as long as this call."""
    target = ARRIVALS if conflict else table
    with connection.cursor() as cursor:
        if conflict:
            like = f"SELECT {columns} FROM {table}"  # noqa: S608
            cursor.execute(f"CREATE TEMPORARY TABLE {target} ON COMMIT DROP AS {like} WITH NO DATA")
        with cursor.copy(f"COPY {target} ({columns}) FROM STDIN") as copy:
            for line in lines:
                copy.write_row(line)
        if conflict:
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {target} {conflict}")  # noqa: S608
            cursor.execute(f"DROP TABLE {target}")


def _execute_many(table: str, columns: str, lines: Iterable[Line], conflict: str) -> None:
    places = ", ".join(["%s"] * (columns.count(",") + 1))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places}) {conflict}", list(lines))  # noqa: S608
