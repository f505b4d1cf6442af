"""The SQL that derives the lines of KeptTotal from rows, on either database.

Names of tables and columns are our own; no word from outside gets in here. A `%` is doubled, as Django's cursors want it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from revenue.models import KeptTotal

QUARTERS_A_DAY = 96
# Where a local month may begin, in quarters of an hour after the UTC month: every half hour from 14 hours before it to
# 12 after it, and the other quarters that zones have used since 1980 (Chatham and Eucla in summer and in winter,
# Kathmandu). What begins anywhere else is found by way of its rows.
CUTS = tuple(sorted({*range(-56, 49, 2), -55, -51, -39, -35, -23} - {0}))

NEGATED = {"postgresql": "-{}", "sqlite": "exact_negative({})"}
_FLAGS = "stage, is_estimate, is_settled"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database says it. anchor: the UTC month to whose edge a row belongs, if it belongs to any (`is_near`).

    quarter: the quarter of an hour that holds the row, counted from that month's start, negative before it.
    """

    total: str
    day: str
    month: str
    ever: str
    anchor: str
    is_near: str
    quarter: str
    cut: str


# The zone of the session must not matter; to name it as date_trunc's third argument takes three times as long.
_AFTER = "date_trunc('month', (payment_date + interval '14 hours') AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
_POSTGRES = Dialect(
    total="SUM(COALESCE({}, 0))",
    day="date_bin('1 day', payment_date, timestamptz '1970-01-01 00:00:00+00')",
    month="date_trunc('month', payment_date AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'",
    ever="timestamptz '1970-01-01 00:00:00+00'",
    anchor=_AFTER,
    is_near=f"payment_date < {_AFTER} + interval '12 hours'",
    quarter=f"floor(extract(epoch FROM payment_date - {_AFTER}) / 900)::int",
    cut="month + cut * interval '15 minutes'",
)
# Dates are text here, '2026-03-31 18:15:00' with or without '.ffffff': cut off, for strftime would round it.
_SECONDS = "substr(payment_date, 1, 19)"
_ANCHOR = f"strftime('%%Y-%%m-01 00:00:00', {_SECONDS}, '+14 hours')"
_SQLITE = Dialect(
    total="COALESCE(exact_sum({}), '0')",
    day="substr(payment_date, 1, 10) || ' 00:00:00'",
    month="substr(payment_date, 1, 7) || '-01 00:00:00'",
    ever="'1970-01-01 00:00:00'",
    anchor=_ANCHOR,
    is_near=f"(substr(payment_date, 9, 2) = '01' OR substr(payment_date, 9, 2) >= '28')"
    f" AND payment_date < substr({_ANCHOR}, 1, 10) || ' 12:00:00'",
    quarter="CAST(substr(payment_date, 12, 2) AS INTEGER) * 4 + CAST(substr(payment_date, 15, 2) AS INTEGER) / 15"
    f" - CASE WHEN substr(payment_date, 9, 2) = '01' THEN 0 ELSE {QUARTERS_A_DAY} END",
    cut="strftime('%%Y-%%m-%%d %%H:%%M:%%S', month, (cut * 15) || ' minutes')",
)


def is_postgres() -> bool:
    return bool(connection.vendor == "postgresql")


def derived(rows_sql: str) -> str:
    """The tables of a WITH RECURSIVE, the last of which, `kept_lines`, holds the lines of the rows that `rows_sql` selects.

    kept_lines: grain, owner, start, stage, is_estimate, is_settled, fee_usd, revenue_usd, n (of rows).
    """
    say = _POSTGRES if is_postgres() else _SQLITE
    sums = f"{say.total.format('fee_usd')} AS fee_usd, {say.total.format('revenue_usd')} AS revenue_usd"
    counted, again = f"{_FLAGS}, {sums}, COUNT(*) AS n", f"{_FLAGS}, {sums}, SUM(n)"
    everybody = KeptTotal.EVERY_OWNER
    owner = f"COALESCE(client_id, {KeptTotal.NO_OWNER})"
    cuts = ", ".join(f"({cut})" for cut in CUTS)
    return f"""
        kept_rows AS ({rows_sql}),
        kept_days AS (SELECT {say.day} AS start, {counted} FROM kept_rows GROUP BY {say.day}, {_FLAGS}),
        kept_months AS (
            SELECT {owner} AS owner, {say.month} AS start, {counted} FROM kept_rows
            GROUP BY {owner}, {say.month}, {_FLAGS}
        ),
        kept_near AS (
            SELECT {say.anchor} AS month, {say.quarter} AS quarter, {counted} FROM kept_rows WHERE {say.is_near}
            GROUP BY {say.anchor}, {say.quarter}, {_FLAGS}
        ),
        kept_cuts(cut) AS (VALUES {cuts}),
        kept_edges AS (
            SELECT month, cut, {_FLAGS}, {sums}, SUM(n) AS n
            FROM kept_near JOIN kept_cuts ON (quarter >= 0 AND cut > quarter) OR (quarter < 0 AND cut <= quarter)
            GROUP BY month, cut, {_FLAGS}
        ),
        kept_lines(grain, owner, start, {_FLAGS}, fee_usd, revenue_usd, n) AS (
            SELECT 'day', {everybody}, start, {_FLAGS}, fee_usd, revenue_usd, n FROM kept_days
            UNION ALL SELECT 'month', owner, start, {_FLAGS}, fee_usd, revenue_usd, n FROM kept_months
            UNION ALL SELECT 'month', {everybody}, start, {again} FROM kept_months GROUP BY start, {_FLAGS}
            UNION ALL SELECT 'ever', owner, {say.ever}, {again} FROM kept_months GROUP BY owner, {_FLAGS}
            UNION ALL SELECT 'ever', {everybody}, {say.ever}, {again} FROM kept_months GROUP BY {_FLAGS}
            UNION ALL SELECT 'edge', {everybody}, {say.cut}, {_FLAGS},
                {_negative_before("fee_usd")}, {_negative_before("revenue_usd")}, CASE WHEN cut < 0 THEN -n ELSE n END
            FROM kept_edges
        )"""  # noqa: S608


def _negative_before(name: str) -> str:
    return f"CASE WHEN cut < 0 THEN {NEGATED[connection.vendor].format(name)} ELSE {name} END"
