"""Whoever sees some clients alone gets, of every question, the answer that there would be if nobody else's rows existed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.access import Sight
from accounts.models import Role
from partners.models import PartnerAccount
from revenue.filters import SORTS, ClientFilter, RevenueFilter
from revenue.models import Transaction
from revenue.selectors.clients import client_rows, matching, top_clients
from revenue.selectors.dated import DatedRows
from revenue.selectors.entries import entries, page_of
from revenue.selectors.totals import add_up, stage_totals
from revenue.selectors.trends import trend
from revenue.stages import Stage
from tests.factories import make_account, make_client
from tests.revenue.builders import all_time, build_rows, built_rows

pytestmark = [pytest.mark.django_db, pytest.mark.either]


def sight_of(account: PartnerAccount, *clients: int) -> Sight:
    return Sight(account=account, role=Role.MANAGER, clients=tuple(sorted(clients)), sees_totals=False)


def own_rows(sight: Sight) -> list[Transaction]:
    """By Python, from everything there is."""
    return [
        row
        for row in Transaction.objects.all()
        if row.removed_at is None and row.account_id == sight.account.pk and row.client_id in (sight.clients or ())
    ]


def every_page(f: RevenueFilter) -> list[int]:
    first = page_of(f)
    pages = [page_of(replace(f, page=number)) for number in range(1, first.pages + 1)]
    return [row.pk for page in pages for row in page.rows]


@given(rows=built_rows(), others=built_rows(), chosen=st.sampled_from([(), (0,), (1,), (0, 1)]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answers_are_of_the_rows_that_may_be_seen(rows, others, chosen) -> None:
    account, other = make_account(), make_account()
    clients = [make_client(account), make_client(account)]
    build_rows(account, rows)
    build_rows(other, others)
    sight = sight_of(account, *(clients[place].pk for place in chosen), make_client(account).pk)
    f = replace(all_time(account), sight=sight, page_size=3)
    own = own_rows(sight)

    totals = stage_totals(f)
    assert {total.stage: total.count for total in (*totals.stages, totals.outside)} == {
        stage: Counter(Stage(row.stage) for row in own)[stage] for stage in Stage
    }
    assert totals.everything.fee_usd == add_up(row.fee_usd or Decimal(0) for row in own)
    found = trend(f)
    assert (found.totals, sum(month.count for month in found.months)) == (
        totals,
        sum(total.count for total in totals.stages),
    )
    for sort in SORTS:
        for way in ("", "-"):
            assert sorted(every_page(replace(f, sort=way + sort))) == sorted(row.pk for row in own), sort
    assert {row.pk for row in entries(f)} == {row.pk for row in own}
    assert sum(top.count for top in top_clients(f)) == len(own)


def test_stretches_of_time_are_counted_over_all_clients_that_may_be_seen() -> None:
    account = make_account()
    clients = [make_client(account) for _ in range(3)]
    sight = sight_of(account, clients[0].pk, clients[2].pk)
    f = replace(all_time(account), sight=sight)
    assert (f.owners, DatedRows.of(f).owners) == ((clients[0].pk, clients[2].pk),) * 2
    assert replace(f, client=clients[2]).owners == (clients[2].pk,)


def test_list_of_clients_is_of_those_that_may_be_seen() -> None:
    account = make_account()
    own, other = make_client(account), make_client(account)
    sight = sight_of(account, own.pk)
    assert [row.client for row in client_rows(sight).rows] == [own]
    assert list(matching(ClientFilter(sight=sight, q=other.company_name))) == []
