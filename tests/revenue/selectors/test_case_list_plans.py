"""No query of the list of cases reads or sorts all of them, wherever its page begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from accounts.access import Sight
from partners.models import Case
from revenue.filters import CaseFilter
from revenue.pull import bulk
from revenue.selectors import case_list
from revenue.selectors.case_list import page_of_cases
from tests.factories import make_client
from tests.revenue.plans import findings

CASES = 6_000
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(db, monkeypatch):
    """The client of a twentieth of the cases of its account: of more, PostgreSQL may as well read them all."""
    monkeypatch.setattr(case_list, "FEW", 100)
    monkeypatch.setattr(case_list, "MOST_COUNTED", 500)
    client = make_client()
    others = [make_client(client.account) for _ in range(20)]
    Case.objects.bulk_create(_case(i, others[i % 20] if i % 20 else client) for i in range(CASES))
    bulk.refresh_statistics(Case)
    return client


def _case(i, client):
    """The i-th case: two in three are of one moment, as after a portfolio was taken over; a few dates are unknown."""
    return Case(
        account=client.account,
        client=client,
        case_id=UUID(int=i),
        reference=f"REF-{i * 7919 % CASES}-",
        debtor_name=f"D {i}",
        date_created=FIRST + timedelta(minutes=i * 7 % CASES if i % 3 else 0) if i % 50 else None,
        lifecycle=("Active", "Closed", "PendingVerification" if i % 100 else "")[i * 11 % 3],
    )


def test_no_page_reads_or_sorts_all_cases(client):
    middle = Case.objects.order_by("pk")[CASES // 2 :]
    told = next(case for case in middle if case.date_created is not None)
    untold = next(case for case in middle if case.date_created is None)
    filters: list[dict[str, Any]] = [
        {},
        {"state": "active"},
        {"state": "unknown"},
        {"client": client},
        {"client": client, "state": "closed"},
    ]
    wrong = []
    for fields, sort in product(filters, ("created", "-created", "reference")):
        for after, before in ((None, None), (told.pk, None), (None, untold.pk)):
            f = CaseFilter(sight=Sight.of_everything(client.account), sort=sort, after=after, before=before, **fields)
            # What is gathered and counted comes from the table itself, while a part of it holds enough.
            found = findings(lambda f=f: page_of_cases(f), most=CASES // 2, scanned=CASES // 2, table="partners_case")
            wrong += [f"{fields} by {sort}, {after}, {before} {finding}" for finding in found]
    assert wrong == []
