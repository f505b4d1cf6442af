"""What is wrong with the plan of a query: what it passes, sorts or reads without an index."""

from __future__ import annotations

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.environment import ON_POSTGRES

# The most rows that a plan may read without an index.
FEW = 1_000
# What SQLite takes to pass a row and to keep it in order, about; no row is passed by much less.
INSTRUCTIONS = 30
WHOLE_ACCOUNT = r"SEARCH {} USING .* \(account_id=\?\)"


def findings(ask, *, most, scanned=FEW, table="revenue_transaction"):
    """What is wrong with the plans of the queries that `ask` makes about a table.

    most: how many of its rows a step may pass, scanned: and how many of them without an index.
    """
    with CaptureQueriesContext(connection) as captured:
        ask()
    queries = [query["sql"] for query in captured.captured_queries if table in query["sql"]]
    return [
        finding for sql in queries for finding in (_postgres if ON_POSTGRES else _sqlite)(sql, most, scanned, table)
    ]


def _postgres(sql, most, scanned, table):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
        [[[plan]]] = cursor.fetchall()
    for step in _steps(plan["Plan"]):
        passed = (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
        of = step.get("Relation Name", table)
        # The other tables are so small here that PostgreSQL does best to read them.
        if of == table and passed > (scanned if step["Node Type"].endswith("Seq Scan") else most):
            yield f"passes {passed} rows by {step['Node Type']}: {sql}"


def _steps(step):
    yield step
    for part in step.get("Plans", []):
        yield from _steps(part)


def _sqlite(sql, most, _, table):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        steps = [step for *_, step in cursor.fetchall()]
        if "USE TEMP B-TREE FOR ORDER BY" in steps and any(
            re.fullmatch(WHOLE_ACCOUNT.format(table), step) for step in steps
        ):
            yield f"sorts the account: {sql}"
        for step in steps:
            if re.fullmatch(rf"SCAN ({table}|[UV]\d+)( USING .*)?", step) and _is_of(table, step, sql):
                yield f"reads the table ({step}): {sql}"
    if (passed := _passed(sql)) > most:
        yield f"passes about {passed} rows: {sql}"


def _is_of(table, step, sql):
    name = step.split()[1]
    return name == table or f'"{table}" {name}' in sql


def _passed(sql):
    """Of how many rows SQLite does the work, told by its instructions."""
    ticks = 0

    def tick():
        nonlocal ticks
        ticks += 1

    connection.connection.set_progress_handler(tick, 100)
    with connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.fetchall()
    connection.connection.set_progress_handler(None, 100)
    return ticks * 100 // INSTRUCTIONS
