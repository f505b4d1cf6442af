"""No query about a client's own cases reads those of others, and a page far in costs no more than the first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.access import Seat
from partners.models import Case
from revenue.filters import OwnCaseFilter
from revenue.models import Transaction
from revenue.pull import bulk
from revenue.selectors import own
from revenue.selectors.own import own_case, own_payments, page_of_own_cases
from tests.environment import ON_POSTGRES
from tests.factories import make_account, make_client
from tests.revenue.plans import findings

CASES = 6_000
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def seats(module_db):
    """At two clients, with a twentieth of the cases of their account each, and a payment on each second case."""
    with module_db.unblock():
        account = make_account()
        clients = [make_client(account) for _ in range(20)]
        cases = Case.objects.bulk_create(_case(i, clients[i % 20]) for i in range(CASES))
        Transaction.objects.bulk_create(_payment(i, case) for i, case in enumerate(cases[::2]))
        for model in (Case, Transaction):
            if ON_POSTGRES:
                # Indexes that are as large as earlier tests made them would be too dear for the planner.
                with connection.cursor() as cursor:
                    cursor.execute(f"VACUUM FULL {model._meta.db_table}")
            bulk.refresh_statistics(model)
        return tuple(Seat(each.pk, each.account_id, each.creditor_id, each.company_name) for each in clients[:2])


def _case(i, client):
    return Case(
        account=client.account,
        client=client,
        case_id=UUID(int=i),
        reference=f"REF-{i * 7919 % CASES}-",
        debtor_name=f"D {i}",
        date_created=FIRST + timedelta(minutes=i * 7 % CASES if i % 3 else 0) if i % 50 else None,
        lifecycle=("Active", "Closed", "")[i * 11 % 3],
    )


def _payment(i, case):
    return Transaction(
        account=case.account,
        client=case.client,
        case=case,
        transaction_id=UUID(int=i),
        payment_date=FIRST + timedelta(hours=i),
        payment_amount=Decimal(i),
        payment_currency="EUR",
        is_estimate=False,
        is_recognized=False,
        raw="{}",
        first_seen_at=FIRST,
        stage_since=FIRST,
    )


@pytest.mark.django_db
def test_pages_read_no_case_and_no_payment_of_others(seats, monkeypatch):
    # To look up more, PostgreSQL does well to read so small a table.
    monkeypatch.setattr(own, "FEW", 20)
    monkeypatch.setattr(own, "MOST_COUNTED", 100)
    # All of their cases, and more than are read from the table itself while a part of it holds enough.
    most = 3 * CASES // 10
    mine = list(Case.objects.filter(client__in=[seat.client for seat in seats]).order_by("pk"))
    told = next(case for case in mine[len(mine) // 2 :] if case.date_created is not None)
    untold = next(case for case in mine if case.date_created is None)
    filters: list[dict[str, Any]] = [{}, {"state": "active"}, {"q": "REF-7"}, {"q": "D 1020"}, {"client": seats[1]}]
    wrong = []
    for fields, sort in product(filters, ("created", "-created", "reference")):
        for after, before in ((None, None), (told.pk, None), (None, untold.pk)):
            f = OwnCaseFilter(seats=seats, sort=sort, after=after, before=before, page_size=5, **fields)
            for table in ("partners_case", "revenue_transaction"):
                found = findings(lambda f=f: page_of_own_cases(f), most=most, scanned=CASES // 4, table=table)
                wrong += [f"{fields} by {sort}, {after}, {before}: {finding}" for finding in found]
    assert wrong == []


@pytest.mark.django_db
def test_page_far_in_walks_no_further_than_its_own_cases(seats, monkeypatch):
    monkeypatch.setattr(own, "FEW", 20)
    mine = Case.objects.filter(client=seats[0].client).order_by("date_created", "pk")
    last = [case.pk for case in mine if case.date_created is not None][-60]
    f = OwnCaseFilter(seats=seats, sort="created", after=last, page_size=5)

    def walk():
        own._page(f, [Case.objects.filter(client=seat.client) for seat in seats])

    assert findings(walk, most=60, scanned=0, table="partners_case") == []


@pytest.mark.django_db
def test_case_and_file_read_what_is_theirs(seats):
    reference = Case.objects.filter(client=seats[0].client).order_by("pk")[10].reference
    for table in ("partners_case", "revenue_transaction"):
        asked = findings(lambda: own_case(seats, reference, limit=9), most=100, scanned=0, table=table)
        assert asked == []
    file = findings(
        lambda: list(own_payments(OwnCaseFilter(seats=seats))), most=CASES // 4, scanned=0, table="revenue_transaction"
    )
    assert file == []
