"""transactions.csv: every row of a filter with its raw values; on PostgreSQL written by the database itself.

There a row never becomes Python objects: COPY makes the lines, with the cells that revenue.exports.cells describes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from revenue.exports.columns import Column, bare_rows, payment_columns, values_of
from revenue.exports.files import CopiedLines, Export, Lines, Pieces, copied, in_one_state, written
from revenue.exports.names import payments_parts
from revenue.filters import RevenueFilter
from revenue.models import Transaction

# So many rows come by the shortest way, before PostgreSQL prepares what is best for all of them.
_FIRST_ROWS = 1000


def transactions_csv(f: RevenueFilter, *, now: datetime) -> Export:
    """The name of the file and its bytes: everything that matches `f`, in its order, whatever its page.

    The name's as-of and the rows are of one state of the database, which is held until the bytes are read to their end or
    their iterator is closed (Django closes it when the client goes away).
    """
    pieces = by_database(f) if connection.vendor == "postgresql" else by_python(f)
    return in_one_state(payments_parts(f), "csv", f.account, now, pieces)


def _headers(columns: tuple[Column, ...]) -> list[str]:
    return [column.header for column in columns]


def by_python(f: RevenueFilter) -> Pieces:
    """The file on any database."""
    columns = payment_columns(f)
    return written(_headers(columns), _lines(f, columns))


def _lines(f: RevenueFilter, columns: tuple[Column, ...]) -> Lines:
    writers = [column.cell.write for column in columns]
    for values in values_of(f, [column.path for column in columns]):
        yield [write(value) for write, value in zip(writers, values, strict=True)]


def by_database(f: RevenueFilter) -> Pieces:
    """The same bytes on PostgreSQL, many times as fast."""
    columns = payment_columns(f)
    return copied(_headers(columns), _copied_lines(f, columns))


def _copied_lines(f: RevenueFilter, columns: tuple[Column, ...]) -> CopiedLines:
    rows = bare_rows(f).values_list(*(column.cell.expression(column.path) for column in columns))
    with connection.cursor() as cursor:
        # Compiling 28 expressions takes longer than it saves.
        cursor.execute("SET LOCAL jit = off")
    if f.q or f.sort.removeprefix("-") != "payment_date":
        yield from _copy(rows)
        return
    # To sort all rows is faster than to look them up in the order of their dates; but the first one then waits for all.
    count = 0
    for line in _copy(rows[:_FIRST_ROWS]):
        count += 1
        yield line
    if count == _FIRST_ROWS:
        yield from _copy(rows[_FIRST_ROWS:])


def _copy(rows: QuerySet[Transaction, Any]) -> CopiedLines:
    query = connection.ops.compose_sql(*rows.query.sql_with_params())  # type: ignore[attr-defined]  # PostgreSQL's own
    copying = f"COPY ({query}) TO STDOUT (FORMAT csv)"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(copying) as copy:
        yield from copy
