from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from accounts.access import Sight
from partners.models import Client
from revenue.selectors.clients import client_of, client_rows, top_clients
from revenue.selectors.paging import PageNotFound
from revenue.stages import Stage
from tests.factories import make_account, make_client, make_transaction
from tests.revenue.builders import all_time

pytestmark = pytest.mark.django_db
GONE = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def partner():
    return make_account()


def names(partner, **fields):
    return [row.client.company_name for row in client_rows(Sight.of_everything(partner), **fields).rows]


def test_client_rows_hold_the_totals_of_every_stage(partner):
    client = make_client(partner)
    make_transaction(client=client, stage=Stage.PAID, fee_usd=Decimal("10.005"))
    make_transaction(client=client, stage=Stage.PENDING, fee_usd=Decimal("2.5"))
    make_transaction(client=client, stage=Stage.OUTSIDE, fee_usd=Decimal(1), is_estimate=False)
    make_transaction(client=client, stage=Stage.PAID, fee_usd=Decimal(99), removed_at=GONE)
    [row] = client_rows(Sight.of_everything(partner)).rows
    assert (row.totals.of(Stage.PAID).fee_usd, row.totals.outside.fee_usd) == (Decimal("10.005"), Decimal(1))
    assert (row.totals.fee_usd, row.totals.count) == (Decimal("13.505"), 3)
    assert (row.totals.estimate_fee_usd, row.totals.estimate_count) == (Decimal("2.5"), 1)


@pytest.mark.parametrize(
    ("earnings", "difference", "finding"),
    [
        (None, None, False),
        (Decimal("10.00"), Decimal("0.00"), False),
        (Decimal("10.01"), Decimal("0.00"), False),
        (Decimal("10.02"), Decimal("0.02"), True),
        (Decimal("0"), Decimal("-10.00"), True),
    ],
)
def test_difference_is_what_debitura_says_less_our_sum(partner, earnings, difference, finding):
    make_transaction(client=make_client(partner, earnings_usd=earnings), fee_usd=Decimal("10.005"))
    [row] = client_rows(Sight.of_everything(partner)).rows
    assert (row.difference_usd, row.is_finding) == (difference, finding)


def test_client_without_rows_has_zero_and_not_unknown(partner):
    make_client(partner, earnings_usd=Decimal(0))
    [row] = client_rows(Sight.of_everything(partner)).rows
    assert (row.totals.fee_usd, row.totals.count, row.difference_usd) == (Decimal(0), 0, Decimal(0))


@pytest.mark.parametrize(("state", "found"), [("active", ["A"]), ("archived", ["B"]), ("all", ["A", "B"])])
def test_client_rows_of_a_state(partner, state, found):
    make_client(partner, company_name="A")
    make_client(partner, company_name="B", archived_at=GONE)
    make_client(company_name="C")
    assert names(partner, state=state) == found


def test_client_rows_are_searched_by_name_and_either_id(partner):
    make_client(partner, company_name="Ærø A/S", external_tenant_id="T-1", creditor_id=UUID(int=7))
    make_client(partner, company_name="Other", external_tenant_id=None)
    for text in ("ærø", "t-1", str(UUID(int=7))):
        assert names(partner, q=text) == ["Ærø A/S"]
    assert names(partner, q="nobody") == []


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("name", ["alpha", "Beta", "Gamma"]),
        ("-name", ["Gamma", "Beta", "alpha"]),
        ("fee", ["Beta", "alpha", "Gamma"]),
        ("-fee", ["Gamma", "alpha", "Beta"]),
        ("-cases", ["Beta", "Gamma", "alpha"]),
        ("-earnings", ["alpha", "Beta", "Gamma"]),
        ("-difference", ["alpha", "Beta", "Gamma"]),
        ("linked", ["Gamma", "Beta", "alpha"]),
    ],
)
def test_client_rows_are_sorted(partner, sort, found):
    figures = [
        ("Gamma", "100.5", 2, None, datetime(2025, 1, 1, tzinfo=UTC)),
        ("alpha", "20", None, "120", None),
        ("Beta", None, 10, "9.5", datetime(2025, 2, 1, tzinfo=UTC)),
    ]
    for name, fee, cases, earnings, linked in figures:
        client = make_client(
            partner,
            company_name=name,
            cases_total=cases,
            earnings_usd=earnings and Decimal(earnings),
            date_linked=linked,
        )
        if fee:
            make_transaction(client=client, fee_usd=Decimal(fee))
    assert names(partner, sort=sort) == found


def test_client_rows_are_paged(partner):
    for name in "ABCDE":
        make_client(partner, company_name=name)
    page = client_rows(Sight.of_everything(partner), page=2, page_size=2)
    assert [row.client.company_name for row in page.rows] == ["C", "D"]
    assert (page.count, page.number, page.size, page.pages, page.first_index, page.last_index) == (5, 2, 2, 3, 3, 4)
    with pytest.raises(PageNotFound):
        client_rows(Sight.of_everything(partner), page=4, page_size=2)


@pytest.mark.parametrize("count", [1, 3])
def test_client_rows_take_three_queries(partner, django_assert_num_queries, count):
    for _ in range(count):
        make_transaction(partner)
    with django_assert_num_queries(3):
        rows = client_rows(Sight.of_everything(partner), sort="-fee").rows
        shown = [(row.client.company_name, row.totals.fee_usd, row.difference_usd) for row in rows]
    assert len(shown) == count


def test_top_clients_are_the_largest_of_the_filter(partner):
    clients = [make_client(partner) for _ in range(3)]
    for client, fee in zip(clients, ("5", "50.5", "1"), strict=True):
        make_transaction(client=client, fee_usd=Decimal(fee), stage=Stage.PAID)
    make_transaction(partner, client_id=None, fee_usd=Decimal(7), stage=Stage.PAID)
    make_transaction(client=clients[2], fee_usd=Decimal(1000), stage=Stage.READY)
    top = top_clients(all_time(partner, stages=(Stage.PAID,)), limit=3)
    assert [(row.creditor_id, row.name, row.fee_usd, row.count) for row in top] == [
        (clients[1].creditor_id, clients[1].company_name, Decimal("50.5"), 1),
        (None, "", Decimal(7), 1),
        (clients[0].creditor_id, clients[0].company_name, Decimal(5), 1),
    ]


@pytest.mark.parametrize("q", ["", "ltd"])
def test_top_clients_with_equal_fees_stand_as_they_came(partner, q):
    clients = [make_client(partner, company_name=name) for name in ("Zeta Ltd", "Alpha Ltd", "Mu Ltd")]
    for client in reversed(clients):
        make_transaction(client=client, fee_usd=Decimal(5))
    assert [row.name for row in top_clients(all_time(partner, q=q))] == ["Zeta Ltd", "Alpha Ltd", "Mu Ltd"]


def test_top_client_without_a_name_is_called_by_its_id(partner):
    client = make_client(partner, company_name="")
    make_transaction(client=client)
    [row] = top_clients(all_time(partner))
    assert row.name == str(client.creditor_id) == str(client)


@pytest.mark.parametrize("count", [1, 3])
def test_top_clients_take_one_query(partner, django_assert_num_queries, count):
    for _ in range(count):
        make_transaction(partner)
    with django_assert_num_queries(1):
        assert len(top_clients(all_time(partner))) == count


def test_client_of_another_account_does_not_exist(partner):
    client = make_client()
    assert client_of(Sight.of_everything(client.account), client.creditor_id) == client
    with pytest.raises(Client.DoesNotExist):
        client_of(Sight.of_everything(partner), client.creditor_id)
