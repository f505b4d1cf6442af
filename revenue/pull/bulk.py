"""Writing many rows of one table at a time: COPY on PostgreSQL, executemany on SQLite.

Django's bulk_create builds one statement with a placeholder for every value; beyond some hundred rows most of a pull's
time would go into that text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Field, Model

from revenue.pull import sql

ARRIVALS = "arrivals"
# Rows of one executemany: Django keeps all of them in memory while it runs.
BATCH = 1000
Line = Sequence[Any]
Fields = Sequence["Field[Any, Any]"]
# From so many rows on PostgreSQL is told of them: without, it may read a whole table for every row that it looks up.
MANY = 2000


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
    _insert(model, fields, _prepared(fields, rows), conflict=_conflict(model, identity, update))


def copy_rows(model: type[Model], columns: Sequence[str], lines: Iterable[Line]) -> None:
    """Insert lines of plain Python values, each in the order of `columns` (fields as the model or its rows name them).

    Values are those that the model's own rows hold: UUID, Decimal, aware datetime, list …; nothing is checked or filled in
    beyond what the database checks itself.
    """
    fields = sql.fields_of(model, columns)
    _insert(model, fields, lines if connection.vendor == "postgresql" else _as_sqlite_keeps_them(fields, lines))


def refresh_statistics(model: type[Model], *columns: str) -> None:
    """Tell PostgreSQL's planner what the table holds now; a transaction's own rows are news to it otherwise.

    Only of these columns, where some are named: to sort texts as long as `raw` takes longer than all the others.
    """
    if connection.vendor == "postgresql":
        only = f"({sql.columns(model, columns)})" if columns else ""
        sql.run(f"ANALYZE {sql.table(model)} {only}")


def _insert(model: type[Model], fields: Fields, lines: Iterable[Line], *, conflict: str = "") -> None:
    insert = _copy if connection.vendor == "postgresql" else _execute_many
    # COPY goes past Django, which would else turn the driver's errors into its own.
    with transaction.atomic(), connection.wrap_database_errors:
        insert(sql.table(model), fields, lines, conflict)


def _prepared(fields: Fields, rows: Iterable[Model]) -> Iterator[Line]:
    """The rows as the database driver takes them."""
    database = connections[DEFAULT_DB_ALIAS]  # `connection` would look it up for every value
    named = [(field.attname, field) for field in fields]
    return ([field.get_db_prep_save(getattr(row, name), database) for name, field in named] for row in rows)


def _conflict(model: type[Model], identity: Sequence[str], update: Sequence[str]) -> str:
    if not identity:
        return ""
    return f"ON CONFLICT ({sql.columns(model, identity)}) DO UPDATE SET {sql.excluded(model, update)}"


def _names(fields: Fields) -> str:
    return ", ".join(sql.column(field) for field in fields)


def _copy(table: str, fields: Fields, lines: Iterable[Line], conflict: str) -> None:
    """Straight into the table; where rows may meet stored ones, by way of a table that lives as long as this call."""
    target, columns = ARRIVALS if conflict else table, _names(fields)
    with connection.cursor() as cursor:
        if conflict:
            like = f"SELECT {columns} FROM {table}"  # noqa: S608
            cursor.execute(f"CREATE TEMPORARY TABLE {target} ON COMMIT DROP AS {like} WITH NO DATA")
        # Binary spares the server to read numbers and dates from text; it asks for the columns' own types.
        with cursor.copy(f"COPY {target} ({columns}) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types([_type(field) for field in fields])
            for line in lines:
                copy.write_row(line)
        if conflict:
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {target} {conflict}")  # noqa: S608
            cursor.execute(f"DROP TABLE {target}")


def _type(field: Field[Any, Any]) -> str:
    """The name of the column's type, without its length."""
    return (field.db_type(connection) or "").partition("(")[0]


def _execute_many(table: str, fields: Fields, lines: Iterable[Line], conflict: str) -> None:
    places = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {table} ({_names(fields)}) VALUES ({places}) {conflict}"  # noqa: S608
    remaining = iter(lines)
    with connection.cursor() as cursor:
        while batch := list(islice(remaining, BATCH)):
            cursor.executemany(statement, batch)


def _as_sqlite_keeps_them(fields: Fields, lines: Iterable[Line]) -> Iterator[Line]:
    """As the fields' own get_db_prep_save has them, which takes several times as long."""
    special = [
        (place, SQLITE[kind]) for place, field in enumerate(fields) if (kind := field.get_internal_type()) in SQLITE
    ]
    for line in lines:
        values = list(line)
        for place, adapt in special:
            if values[place] is not None:
                values[place] = adapt(values[place])
        yield values


def _number(value: Decimal) -> str:
    return format(value, "f")


def _instant(value: datetime) -> str:
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _identifier(value: UUID) -> str:
    return value.hex


SQLITE: dict[str, Callable[[Any], Any]] = {
    "ExactDecimalField": _number,
    "DateTimeField": _instant,
    "UUIDField": _identifier,
    "JSONField": json.dumps,
}
