"""What moved with a few clients is found by its time and its client: no table is read or sorted whole."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from accounts.access import Sight
from accounts.models import Role
from partners.models import Case, Client, ClientEvent, PartnerAccount, ReferenceChange
from revenue.models import Transaction, TransactionChange
from revenue.pull import bulk
from revenue.selectors.clients import last_payments
from revenue.selectors.moved import moved
from revenue.stages import Stage
from tests.factories import NOW, make_account, make_run, make_user
from tests.revenue.plans import findings

pytestmark = pytest.mark.django_db

ROWS = 4_000
CLIENTS = 100
# The rows are a minute apart, the last one of now; so many came since the last look.
NEWS = 10
# Of the first three clients: half of them, and two in a hundred.
OWN_NEWS = 7
TABLES = ("revenue_transaction", "revenue_transactionchange", "partners_clientevent", "partners_referencechange")


@pytest.fixture
def sight() -> Sight:
    """Three clients of an account with many rows, each of which has changed once; half of them are of the first one."""
    account = make_account()
    clients = Client.objects.bulk_create(Client(account=account, creditor_id=UUID(int=i)) for i in range(CLIENTS))
    cases = Case.objects.bulk_create(
        Case(account=account, case_id=UUID(int=i), client=clients[0 if i % 2 else i % CLIENTS], reference=f"Q{i}")
        for i in range(500)
    )
    make_run(account, as_of=NOW - timedelta(days=30), started_at=NOW - timedelta(days=30))
    _fill(account, cases)
    for model in (Client, Case, Transaction, TransactionChange, ClientEvent, ReferenceChange):
        bulk.refresh_statistics(model)
    keys = tuple(client.pk for client in clients[:3])
    return Sight(account=account, role=Role.MANAGER, clients=keys, sees_totals=False)


def _fill(account: PartnerAccount, cases: list[Case]) -> None:
    run, editor = make_run(account), make_user()
    moments = [NOW - timedelta(minutes=i) for i in range(ROWS)]
    facts = {"payment_date": NOW, "is_estimate": False, "is_recognized": True, "stage": Stage.PAID}
    rows = Transaction.objects.bulk_create(
        Transaction(
            account=account,
            transaction_id=UUID(int=i),
            client=cases[i % 500].client,
            case=cases[i % 500],
            first_seen_at=at,
            stage_since=at,
            **facts,
        )
        for i, at in enumerate(moments)
    )
    TransactionChange.objects.bulk_create(
        TransactionChange(
            transaction=row,
            run_id=run.pk + place,
            kind=kind,
            seen_at=row.first_seen_at,
            client_id=row.client_id,
            **facts,
        )
        for row in rows
        for place, kind in enumerate(("first_seen", "changed"))
    )
    ClientEvent.objects.bulk_create(
        ClientEvent(client=row.client, case=row.case, kind="case_new", at=row.first_seen_at)
        for row in rows
        if row.client
    )
    ReferenceChange.objects.bulk_create(
        ReferenceChange(case=row.case, new="x", by=editor, source="page", at=row.first_seen_at)
        for row in rows
        if row.case
    )


def test_no_look_reads_or_sorts_a_whole_table(sight: Sight) -> None:
    since = NOW - timedelta(minutes=NEWS)
    clients = list(Client.objects.filter(pk__in=sight.clients or ()))

    def ask() -> None:
        assert moved(sight, since=since, until=NOW, limit=5).count == 4 * OWN_NEWS
        assert len(last_payments(clients)) == 2

    assert [finding for table in TABLES for finding in findings(ask, most=ROWS // 4, table=table)] == []
