from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from revenue.filters import SORTS
from revenue.selectors.entries import entries, page_of
from revenue.selectors.paging import PageNotFound
from revenue.stages import STAGES, Stage
from tests.factories import make_account, make_case, make_client, make_transaction
from tests.revenue.builders import all_time

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return make_account()


def order(partner, sort):
    return list(entries(all_time(partner, sort=sort)).values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("sort", "field", "values"),
    [
        ("payment_date", "payment_date", [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 10)]),
        ("first_seen", "first_seen_at", [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 10)]),
        ("fee", "fee_usd", [Decimal("-3"), Decimal("9.5"), Decimal(10)]),
        ("amount", "payment_amount", [Decimal("-3"), Decimal("9.5"), Decimal(10)]),
        ("stage", "stage", [*STAGES, Stage.OUTSIDE]),
    ],
)
def test_entries_are_sorted_both_ways(partner, sort, field, values):
    made = [make_transaction(partner, **{field: value}).pk for value in reversed(values)]
    assert order(partner, sort) == made[::-1]
    assert order(partner, f"-{sort}") == made


def test_entries_are_sorted_by_names_without_regard_to_case(partner):
    for name in ("Beta", "alpha", "Gamma"):
        make_transaction(case=make_case(make_client(partner, company_name=name), reference=name))
    for sort in ("client", "case"):
        names = [str(row.client) for row in entries(all_time(partner, sort=sort))]
        assert names == ["alpha", "Beta", "Gamma"]


@pytest.mark.parametrize(("sort", "field"), [("fee", "fee_usd"), ("amount", "payment_amount"), ("client", "client_id")])
def test_entries_that_are_unknown_stand_last_either_way(partner, sort, field):
    unknowns: dict[str, Any] = {field: None}
    unknown = make_transaction(partner, **unknowns)
    known = make_transaction(partner)
    assert order(partner, sort) == order(partner, f"-{sort}") == [known.pk, unknown.pk]


@pytest.mark.parametrize("sort", SORTS)
def test_entries_that_are_equal_stand_by_id(partner, sort):
    case = make_case(make_client(partner))
    made = [make_transaction(case=case).pk for _ in range(3)]
    assert order(partner, sort) == made
    assert order(partner, f"-{sort}") == made[::-1]


def test_page_of_tells_the_total_of_the_whole_filter(partner):
    for day in range(1, 6):
        make_transaction(partner, fee_usd=Decimal(day), payment_date=datetime(2026, 3, day, tzinfo=UTC))
    page = page_of(all_time(partner, page=2, page_size=2))
    assert [row.fee_usd for row in page.rows] == [Decimal(3), Decimal(2)]
    assert (page.number, page.size, page.pages, page.first_index, page.last_index) == (2, 2, 3, 3, 4)
    assert (page.total.fee_usd, page.total.count) == (Decimal(15), 5)


def test_page_of_nothing_is_one_empty_page(partner):
    page = page_of(all_time(partner))
    assert (page.rows, page.pages, page.first_index, page.last_index) == ([], 1, 0, 0)


def test_page_behind_the_last_is_not_found(partner):
    make_transaction(partner)
    with pytest.raises(PageNotFound, match="no page 2; the last one is 1"):
        page_of(all_time(partner, page=2))


@pytest.mark.parametrize("count", [1, 3])
def test_page_of_takes_two_queries(partner, django_assert_num_queries, count):
    for _ in range(count):
        make_transaction(partner)
    with django_assert_num_queries(2):
        rows = page_of(all_time(partner)).rows
        shown = [(str(row.client), str(row.case), row.stage) for row in rows]
    assert len(shown) == count
