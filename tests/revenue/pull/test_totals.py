"""The kept totals: whatever comes and goes, they are what the rows say."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partners.models import PartnerAccount
from revenue.models import KeptTotal, Transaction
from revenue.pull import totals
from revenue.pull.totals_sql import CUTS
from revenue.stages import Stage
from tests.factories import make_account, make_client, make_transaction
from tests.revenue.builders import BuiltRow, build_rows, built_rows

pytestmark = pytest.mark.django_db

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
KEY = ("grain", "owner", "start", "stage", "is_estimate", "is_settled")
PROPERTY = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def lines(account: PartnerAccount, **fields: Any) -> dict[tuple[Any, ...], tuple[Decimal, Decimal, int]]:
    """What is kept: key -> fee, revenue, rows."""
    kept = account.kept_totals.filter(**fields).values_list(*KEY, "fee_usd", "revenue_usd", "rows")
    return {line[:6]: line[6:] for line in kept}


def edges(account: PartnerAccount) -> dict[datetime, tuple[Decimal, Decimal, int]]:
    return {key[2]: figures for key, figures in lines(account, grain="edge").items()}


def of_rows(ids: list[int]) -> tuple[str, list[int]]:
    """The SQL of some rows, present or not, and its parameters."""
    places = ", ".join(["%s"] * len(ids)) or "NULL"
    return f"SELECT {totals.FACTS} FROM revenue_transaction WHERE id IN ({places})", ids


def test_row_counts_in_every_grain():
    client = make_client()
    make_transaction(
        client=client,
        stage=Stage.READY,
        payment_date=datetime(2026, 3, 5, 9, 30, 0, 123456, tzinfo=UTC),
        fee_usd=Decimal("30.0000000001"),
        revenue_usd=None,
    )
    facts, figures = ("ready_to_invoice_debitura", False, True), (Decimal("30.0000000001"), Decimal(0), 1)
    assert lines(client.account) == {
        ("ever", KeptTotal.EVERY_OWNER, datetime(1970, 1, 1, tzinfo=UTC), *facts): figures,
        ("ever", client.pk, datetime(1970, 1, 1, tzinfo=UTC), *facts): figures,
        ("month", KeptTotal.EVERY_OWNER, MARCH, *facts): figures,
        ("month", client.pk, MARCH, *facts): figures,
        ("day", KeptTotal.EVERY_OWNER, datetime(2026, 3, 5, tzinfo=UTC), *facts): figures,
    }


def test_row_without_a_client_belongs_to_nobody():
    account = make_account()
    make_transaction(account, client_id=None, case_id=None)
    assert {key[1] for key in lines(account)} == {KeptTotal.EVERY_OWNER, KeptTotal.NO_OWNER}


def test_row_counts_in_every_edge_behind_it():
    account = make_account()
    make_transaction(account, payment_date=MARCH + timedelta(hours=11), fee_usd=Decimal(3), revenue_usd=Decimal(5))
    assert edges(account) == {
        MARCH + timedelta(hours=11, minutes=30): (Decimal(3), Decimal(5), 1),
        MARCH + timedelta(hours=12): (Decimal(3), Decimal(5), 1),
    }


def test_row_counts_negative_in_every_edge_up_to_it():
    account = make_account()
    paid = MARCH - timedelta(hours=13, minutes=30)
    make_transaction(account, payment_date=paid, fee_usd=Decimal(3), revenue_usd=Decimal(5))
    assert edges(account) == {
        MARCH + hours * timedelta(hours=1): (Decimal(-3), Decimal(-5), -1) for hours in (-14, -13.75, -13.5)
    }


@pytest.mark.parametrize(
    ("paid", "count"),
    [
        (MARCH - timedelta(hours=14, microseconds=1), 0),
        (MARCH - timedelta(hours=14), 1),
        (MARCH - timedelta(microseconds=1), len([cut for cut in CUTS if cut < 0])),
        (MARCH, len([cut for cut in CUTS if cut > 0])),
        (MARCH + timedelta(hours=12, microseconds=-1), 1),
        (MARCH + timedelta(hours=12), 0),
    ],
)
def test_edges_end_where_no_month_begins(paid, count):
    account = make_account()
    make_transaction(account, payment_date=paid)
    assert len(edges(account)) == count
    assert totals.check(account) == []


@PROPERTY
@given(rows=built_rows(), seed=st.integers(0, 2**32))
def test_coming_and_going_in_any_order_leaves_what_counting_anew_does(db, rows: list[BuiltRow], seed: int):
    account, dice = make_account(), random.Random(seed)
    ids = build_rows(account, rows, count=False)
    stays = {pk for pk in ids if dice.random() < 0.5}
    moves = [(totals.add, pk) for pk in ids] + [(totals.take_away, pk) for pk in ids if pk not in stays]
    dice.shuffle(moves)
    while moves:
        way = moves[0][0]
        together: list[int] = []
        while moves and moves[0][0] is way and len(together) < dice.randint(1, 4):
            together.append(moves.pop(0)[1])
        way(account, *of_rows(together))
    Transaction.objects.filter(account=account).update(removed_at=MARCH)
    Transaction.objects.filter(pk__in=stays).update(removed_at=None)
    moved = lines(account)
    assert totals.check(account) == []
    totals.rebuild(account)
    assert moved == lines(account)
    assert 0 not in {rows for _, _, rows in moved.values()}


@PROPERTY
@given(rows=built_rows())
def test_first_count_of_an_old_database_is_the_same(db, rows: list[BuiltRow]):
    """The migration derives every line in Python: two ways that share nothing come to the same."""
    account = make_account()
    build_rows(account, rows)
    counted = lines(account)
    import_module("revenue.migrations.0003_fill_kept_totals").fill_account(apps, DEFAULT_DB_ALIAS, account.pk)
    assert lines(account) == counted


def test_totals_of_another_account_stay():
    one, other = make_account(), make_account()
    make_transaction(one)
    make_transaction(other)
    before = lines(other)
    totals.take_away(one, totals.PRESENT, [one.pk])
    assert (lines(one), lines(other)) == ({}, before)


@pytest.mark.parametrize("count", [1, 50])
def test_add_takes_one_statement_however_many_rows(count):
    account = make_account()
    build_rows(account, [BuiltRow(MARCH + QUARTER * place) for place in range(count)], count=False)
    with CaptureQueriesContext(connection) as queries:
        totals.add(account, totals.PRESENT, [account.pk])
    assert len([query for query in queries if "revenue_kepttotal" in query["sql"]]) == 1
    assert totals.check(account) == []
