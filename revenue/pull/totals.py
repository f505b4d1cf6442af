"""The totals that are kept beside the rows (KeptTotal): moved in the transaction that moves the rows, and checked.

Whoever writes rows takes their old values away and adds the new ones; both are a few statements, however many rows
there are. Why a UTC month has edges: docs/adr/0004-kept-totals.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from partners.models import PartnerAccount
from revenue.models import KeptTotal
from revenue.pull.totals_sql import NEGATED, derived, is_postgres

# What `add` and `take_away` want to know of a row, as columns of Transaction or of whatever has the same names.
FACTS = "payment_date, client_id, stage, is_estimate, commission_status = 'Paid' AS is_settled, fee_usd, revenue_usd"
PRESENT = f"SELECT {FACTS} FROM revenue_transaction WHERE account_id = %s AND removed_at IS NULL"  # noqa: S608
_KEY = "grain, owner, start, stage, is_estimate, is_settled"
# A line stands on both sides, once each, or it is wrong.
_ON_BOTH_SIDES = 2
# Until the end of the transaction: to sort a million rows on disk takes longer than to group them in 64 MB, and compiling
# the statement longer than running it.
_ROOM_TO_WORK = """SELECT set_config('jit', 'off', true), set_config('work_mem',
    greatest(pg_size_bytes(current_setting('work_mem')), 67108864) / 1024 || 'kB', true)"""


def add(account: PartnerAccount, rows_sql: str, params: Sequence[Any] = ()) -> None:
    """Count the rows that `rows_sql` selects. Inside the transaction that writes them.

    It selects FACTS: payment_date, client_id, stage, is_estimate, is_settled, fee_usd, revenue_usd; unknown amounts are
    NULL. A row must be present (`removed_at IS NULL`) to be counted.
    """
    _move(account, rows_sql, params, is_gain=True)


def take_away(account: PartnerAccount, rows_sql: str, params: Sequence[Any] = ()) -> None:
    """As `add`, for rows that were counted with just these values and are so no more."""
    _move(account, rows_sql, params, is_gain=False)


def rebuild(account: PartnerAccount) -> None:
    """Forget what is kept of the account and count its rows anew, in one transaction that nobody else may write in."""
    with transaction.atomic():
        account.kept_totals.all().delete()
        add(account, PRESENT, [account.pk])


@dataclass(frozen=True, slots=True)
class Figures:
    """What a line says: sums in USD, exact, and the number of rows (negative in an edge before its month)."""

    fee_usd: Decimal
    revenue_usd: Decimal
    rows: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that is not what its rows say. `start` is in UTC; None: the line is not kept, or has no rows."""

    grain: str
    owner: int
    start: datetime
    stage: str
    is_estimate: bool
    is_settled: bool
    kept: Figures | None
    true: Figures | None


def check(account: PartnerAccount) -> list[Wrong]:
    """The lines that are not what the rows say, in a settled order. One query; it reads every row of the account."""
    kept = f"SELECT -1 AS side, {_KEY}, fee_usd, revenue_usd, rows FROM revenue_kepttotal WHERE account_id = %s"  # noqa: S608
    true = f"SELECT 1, {_KEY}, fee_usd, revenue_usd, n FROM kept_lines"  # noqa: S608
    sql = f"""WITH RECURSIVE {derived(PRESENT)}, kept_sides AS ({kept} UNION ALL {true})
        SELECT {_KEY}, {_side("side < 0")}, {_side("side > 0")} FROM kept_sides GROUP BY {_KEY}
        HAVING COUNT(*) <> {_ON_BOTH_SIDES} OR SUM(side * rows) <> 0
            OR {_sum("fee_usd")} <> 0 OR {_sum("revenue_usd")} <> 0
        ORDER BY {_KEY}"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [account.pk, account.pk])
        return [_wrong(line) for line in cursor.fetchall()]


def _move(account: PartnerAccount, rows_sql: str, params: Sequence[Any], *, is_gain: bool) -> None:
    """Add the lines of some rows to those that are kept, or subtract them; a line of nothing is kept no longer."""
    with transaction.atomic(), connection.cursor() as cursor:
        if is_postgres():
            cursor.execute(_ROOM_TO_WORK)
        cursor.execute(_upsert(rows_sql, is_gain=is_gain), [*params, account.pk])
        empty = [pk for pk, is_empty in cursor.fetchall() if is_empty]
    KeptTotal.objects.filter(pk__in=empty).delete()


def _upsert(rows_sql: str, *, is_gain: bool) -> str:
    """The statement; it answers with primary keys of lines, and whether each now says nothing; on PostgreSQL only with those.

    A line without rows whose amounts are not 0 says that what was taken away is still to be added: it stays.
    """
    fee, revenue, rows = ("fee_usd", "revenue_usd", "n")
    if not is_gain:
        fee, revenue, rows = (*(NEGATED[connection.vendor].format(name) for name in (fee, revenue)), "-n")
    plus = "{0} = revenue_kepttotal.{0} + excluded.{0}" if is_postgres() else "{0} = exact_add({0}, excluded.{0})"
    insert = f"""INSERT INTO revenue_kepttotal (account_id, {_KEY}, fee_usd, revenue_usd, rows)
        SELECT %s, {_KEY}, {fee}, {revenue}, {rows} FROM kept_lines WHERE true
        ON CONFLICT (account_id, {_KEY}) DO UPDATE SET {plus.format("fee_usd")}, {plus.format("revenue_usd")},
            rows = revenue_kepttotal.rows + excluded.rows
        RETURNING id, rows = 0 AND {_is_zero("fee_usd")} AND {_is_zero("revenue_usd")} AS is_empty"""  # noqa: S608
    before = f"WITH RECURSIVE {derived(rows_sql)}"
    if is_postgres():
        return f"{before}, kept_written AS ({insert}) SELECT id, is_empty FROM kept_written WHERE is_empty"  # noqa: S608
    return f"{before} {insert}"


def _side(condition: str) -> str:
    amounts = (f"{_total(name)} FILTER (WHERE {condition})" for name in ("fee_usd", "revenue_usd"))
    return f"{', '.join(amounts)}, SUM(rows) FILTER (WHERE {condition})"


def _is_zero(name: str) -> str:
    return f"{name} = 0" if is_postgres() else f"CAST({name} AS REAL) = 0"


def _total(name: str) -> str:
    return f"SUM({name})" if is_postgres() else f"exact_sum({name})"


def _sum(name: str) -> str:
    """What the two sides of a line differ by, as a number to compare with 0."""
    if is_postgres():
        return f"SUM(side * {name})"
    return f"CAST(exact_sum(CASE WHEN side < 0 THEN exact_negative({name}) ELSE {name} END) AS REAL)"


def _wrong(line: tuple[Any, ...]) -> Wrong:
    grain, owner, start, stage, is_estimate, is_settled, *figures = line
    moment = start if isinstance(start, datetime) else datetime.fromisoformat(start)
    return Wrong(
        grain=grain,
        owner=owner,
        start=moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC),
        stage=stage,
        is_estimate=bool(is_estimate),
        is_settled=bool(is_settled),
        kept=_figures(figures[:3]),
        true=_figures(figures[3:]),
    )


def _figures(values: Sequence[Any]) -> Figures | None:
    fee, revenue, rows = values
    return None if rows is None else Figures(Decimal(fee), Decimal(revenue), int(rows))
