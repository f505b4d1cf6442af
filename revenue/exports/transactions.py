"""transactions.csv: every row of a filter with its raw values; on PostgreSQL written by the database itself.

There a row never becomes Python objects: COPY makes the lines, with the cells that revenue.exports.cells describes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max, Min, QuerySet

from revenue.exports.cells import FLAG, NUMBER, PLAIN, STAGE_LABEL, TEXT, UTC_MOMENT, Cell
from revenue.exports.files import CopiedLines, Export, Lines, Pieces, copied, in_one_state, partner_part, written
from revenue.exports.local_time import Offset, local_moment, offsets_between
from revenue.filters import RevenueFilter
from revenue.models import PRESENT, Transaction
from revenue.periods import Period, add_months, is_month_end
from revenue.selectors.entries import entries

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 1000
# So many rows come by the shortest way, before PostgreSQL prepares what is best for all of them.
_FIRST_ROWS = 1000


class Column(NamedTuple):
    """A column of transactions.csv: its header, the path of its value, and how the value is written."""

    header: str
    path: str
    cell: Cell


def transactions_csv(f: RevenueFilter, *, now: datetime) -> Export:
    """The name of the file and its bytes: everything that matches `f`, in its order, whatever its page.

    The name's as-of and the rows are of one state of the database, which is held until the bytes are read to their end or
    their iterator is closed (Django closes it when the client goes away).
    """
    pieces = by_database(f) if connection.vendor == "postgresql" else by_python(f)
    return in_one_state(_name_parts(f), f.account, now, pieces)


def transaction_columns(f: RevenueFilter) -> tuple[Column, ...]:
    """The columns of transactions.csv, local time being that of the filter."""
    zone = f.period.zone
    local = local_moment(zone, lambda: _offsets(f))
    return (
        Column("transaction_id", "transaction_id", PLAIN),
        Column("payment_date_utc", "payment_date", UTC_MOMENT),
        Column(f"payment_date_local ({zone.key})", "payment_date", local),
        Column("client", "client__company_name", TEXT),
        Column("creditor_id", "client__creditor_id", PLAIN),
        Column("external_tenant_id", "client__external_tenant_id", TEXT),
        Column("case_reference", "case__reference", TEXT),
        Column("client_reference", "case__client_reference", TEXT),
        Column("partner_reference", "case__partner_reference", TEXT),
        Column("debtor", "case__debtor_name", TEXT),
        Column("payment_amount", "payment_amount", NUMBER),
        Column("payment_currency", "payment_currency", TEXT),
        Column("fee", "fee", NUMBER),
        Column("fee_currency", "earnings_currency", TEXT),
        Column("fee_usd", "fee_usd", NUMBER),
        Column("fee_percentage", "fee_percentage", NUMBER),
        Column("is_estimate", "is_estimate", FLAG),
        Column("debitura_revenue_usd", "revenue_usd", NUMBER),
        Column("stage", "stage", PLAIN),
        Column("stage_label", "stage", STAGE_LABEL),
        Column("commission_status", "commission_status", TEXT),
        Column("platform_status", "platform_status", TEXT),
        Column("referral_status", "referral_status", TEXT),
        Column("first_seen_at_utc", "first_seen_at", UTC_MOMENT),
        Column("stage_since_utc", "stage_since", UTC_MOMENT),
    )


def _headers(columns: tuple[Column, ...]) -> list[str]:
    return [column.header for column in columns]


def by_python(f: RevenueFilter) -> Pieces:
    """The file on any database."""
    columns = transaction_columns(f)
    return written(_headers(columns), _lines(f, columns))


def _lines(f: RevenueFilter, columns: tuple[Column, ...]) -> Lines:
    writers = [column.cell.write for column in columns]
    # No model instances: at a million rows they are most of the time.
    paths = dict.fromkeys(column.path for column in columns)
    places = [list(paths).index(column.path) for column in columns]
    for row in _bare_rows(f).values_list(*paths).iterator(chunk_size=_CHUNK):
        yield [write(row[place]) for write, place in zip(writers, places, strict=True)]


def by_database(f: RevenueFilter) -> Pieces:
    """The same bytes on PostgreSQL, many times as fast."""
    columns = transaction_columns(f)
    return copied(_headers(columns), _copied_lines(f, columns))


def _copied_lines(f: RevenueFilter, columns: tuple[Column, ...]) -> CopiedLines:
    rows = _bare_rows(f).values_list(*(column.cell.expression(column.path) for column in columns))
    with connection.cursor() as cursor:
        # Compiling 25 expressions takes longer than it saves.
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


def _bare_rows(f: RevenueFilter) -> QuerySet[Transaction]:
    return entries(f).select_related(None).defer(None)


def _offsets(f: RevenueFilter) -> list[Offset]:
    """The offsets to UTC for all rows of the file. One query."""
    # Both ends of an index, which holds the present rows alone.
    rows = Transaction.objects.filter(PRESENT, account=f.account)
    span = rows.aggregate(first=Min("payment_date"), last=Max("payment_date"))
    first, last = span["first"] or EPOCH, span["last"] or EPOCH
    return offsets_between(f.period.zone, max(first, f.period.start or first), min(last, f.period.end or last))


def _name_parts(f: RevenueFilter) -> list[str]:
    return [
        "transactions",
        *partner_part(f.is_default_account, f.account),
        _period_part(f.period),
        "-".join(stage.name.lower().replace("_", "-") for stage in f.stages),
        f"client-{f.client.creditor_id}" if f.client else "",
        "search" if f.q else "",
    ]


def _period_part(period: Period) -> str:
    """ "2026-03" for a whole month, "2026" for a year, "2026-03-05" for a day, else both ends; "all" without any."""
    first, last = period.first, period.last
    if first is None or last is None:
        return f"from-{first}" if first else f"until-{last}" if last else "all"
    if first == last:
        return str(first)
    whole = first.day == 1 and is_month_end(last)
    if whole and (first.month, last) == (1, date(first.year, 12, 31)):
        return f"{first:%Y}"
    if whole and add_months(first, 1) > last:
        return f"{first:%Y-%m}"
    return f"{first}_to_{last}"
