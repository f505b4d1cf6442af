"""Look-ups by the partner's own reference."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.access import Sight
from partners.models import Case
from revenue.pull import bulk
from revenue.selectors import references
from revenue.selectors.references import by_partner_reference
from tests.environment import ON_POSTGRES
from tests.factories import make_account, make_case, make_client, make_transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_account()


def plan_of(sql):
    explain = "EXPLAIN (COSTS OFF)" if ON_POSTGRES else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_look_up_walks_the_index_of_references_alone(account):
    client = make_client(account)
    rows = (
        Case(
            account=account,
            client=client,
            case_id=UUID(int=i),
            reference=f"Q{i}",
            partner_reference=f"R{i}" * (i % 3 == 0),
        )
        for i in range(20_000)
    )
    bulk.write(Case, list(rows))
    bulk.refresh_statistics(Case)
    for asked in (1, 2, 100):
        names = [f"R{3 * i}" for i in range(asked)]
        with CaptureQueriesContext(connection) as captured:
            assert set(by_partner_reference(Sight.of_everything(account), names)) == set(names)
        [sql] = [query["sql"] for query in captured.captured_queries if "SUM" not in query["sql"].upper()]
        plan = plan_of(sql)
        assert ("case_by_partner_reference" in plan, "Seq Scan on partners_case" in plan) == (True, False), plan
        assert ("SCAN partners_case" in plan, "account_id=?)" in plan) == (False, False), plan


def test_reference_that_very_many_cases_share_is_added_up_in_parts(account, monkeypatch):
    monkeypatch.setattr(references, "_CHUNK", 2)
    client = make_client(account)
    for _ in range(5):
        make_transaction(case=make_case(client, partner_reference="shared"))
    [cases] = by_partner_reference(Sight.of_everything(account), ["shared"]).values()
    assert [(total.count, total.fee_usd) for _, total in cases] == [(1, Decimal(30))] * 5


@pytest.mark.parametrize("text", ["", " ", "a ", "\0", "x" * 129])
def test_what_no_case_can_have_is_not_looked_for(account, text, django_assert_num_queries):
    make_case(make_client(account), partner_reference="")
    with django_assert_num_queries(0):
        assert by_partner_reference(Sight.of_everything(account), [text]) == {}
