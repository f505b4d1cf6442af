"""transactions.xlsx: every row of a filter with typed cells, and a sheet that says what is inside.

Numbers keep the digits that Excel can hold, which is 15; every digit is in transactions.csv.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import datetime

from revenue.exports.about import Facts, about
from revenue.exports.archive import zipped
from revenue.exports.cells import Typed
from revenue.exports.columns import Column, payment_columns, values_of
from revenue.exports.files import Export, Pieces, in_one_state
from revenue.exports.names import payments_parts
from revenue.exports.sheets import Heading, workbook
from revenue.filters import RevenueFilter

DIGITS = ("Digits", "Excel keeps 15 digits of a number; the CSV export holds them all.")
_LEAST_WIDTH_BESIDE_HEADER = 2


def transactions_xlsx(f: RevenueFilter, *, now: datetime) -> Export:
    """The name of the file and its bytes: everything that matches `f`, in its order; one state, as transactions_csv."""
    return in_one_state(payments_parts(f), "xlsx", f.account, now, _pieces(f, now))


def _pieces(f: RevenueFilter, now: datetime) -> Pieces:
    columns = payment_columns(f)
    headings = [Heading(column.header, _width(column)) for column in columns]
    facts: Facts = [*about(f, now=now), DIGITS]
    with closing(_rows(f, columns)) as rows:
        yield from zipped(workbook(rows, headings, facts), now=now)


def _rows(f: RevenueFilter, columns: Sequence[Column]) -> Generator[list[Typed], None, None]:
    kinds = [column.cell.typed for column in columns]
    for values in values_of(f, [column.path for column in columns]):
        yield [typed(value) for typed, value in zip(kinds, values, strict=True)]


def _width(column: Column) -> int:
    return max(column.cell.width, len(column.header) + _LEAST_WIDTH_BESIDE_HEADER)
