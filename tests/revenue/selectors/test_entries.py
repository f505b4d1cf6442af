from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revenue.filters import SORTS
from revenue.models import KeptTotal
from revenue.periods import Period
from revenue.pull import totals as kept_totals
from revenue.selectors import dated, ranked
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


@pytest.mark.parametrize("sort", ["payment_date", "fee", "amount", "first_seen"])
def test_entries_that_are_equal_stand_by_id(partner, sort):
    case = make_case(make_client(partner))
    made = [make_transaction(case=case).pk for _ in range(3)]
    assert order(partner, sort) == made
    assert order(partner, f"-{sort}") == made[::-1]


@pytest.mark.parametrize("sort", ["stage", "client", "case"])
def test_entries_of_one_stage_client_or_case_stand_by_date_the_newest_first_either_way(partner, sort):
    case = make_case(make_client(partner))
    new, old, other = (
        make_transaction(case=case, payment_date=datetime(2026, 3, day, tzinfo=UTC)).pk for day in (9, 1, 9)
    )
    assert order(partner, sort) == order(partner, f"-{sort}") == [other, new, old]


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


@pytest.mark.parametrize(
    ("sort", "queries"),
    [("payment_date", 3), ("stage", 4), ("client", 3), ("case", 3), ("fee", 3), ("amount", 3), ("first_seen", 3)],
)
@pytest.mark.parametrize("count", [1, 3])
def test_page_of_takes_as_many_queries_whatever_it_holds(partner, django_assert_num_queries, count, sort, queries):
    for _ in range(count):
        make_transaction(client=make_client(partner))
    kept_totals.rebuild(partner)
    with django_assert_num_queries(queries):
        rows = page_of(all_time(partner, sort=sort)).rows
        shown = [(str(row.client), str(row.case), row.stage) for row in rows]
    assert len(shown) == count


def test_page_far_in_is_found_by_the_counts_of_its_month_and_day(partner, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(dated, "NEAR", 0)
    made = [make_transaction(partner, payment_date=datetime(2026, month, 1, tzinfo=UTC)).pk for month in (1, 2, 3)]
    kept_totals.rebuild(partner)
    with django_assert_num_queries(5):
        [row] = page_of(all_time(partner, page=3, page_size=1)).rows
    assert row.pk == made[0]


def test_page_far_in_is_right_where_the_kept_counts_are_not(partner, monkeypatch):
    monkeypatch.setattr(dated, "NEAR", 0)
    made = [make_transaction(partner).pk for _ in range(3)]
    KeptTotal.objects.filter(account=partner).exclude(grain=KeptTotal.Grain.EVER).delete()
    assert [row.pk for row in page_of(all_time(partner, page=3, page_size=1)).rows] == made[:1]


MOMENTS = st.sampled_from(
    [
        datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC),
        *(
            datetime(2026, month, day, hour, tzinfo=UTC)
            for month in (2, 3)
            for day in (1, 2, 28)
            for hour in (0, 18, 23)
        ),
        datetime(2026, 3, 28, 18, 15, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    ]
)
AMOUNTS = st.none() | st.sampled_from([Decimal(-3), Decimal("9.5"), Decimal(10)])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "payment_date": MOMENTS,
            "stage": st.sampled_from([Stage.PAID, Stage.PENDING, Stage.DISPUTED, Stage.OUTSIDE]),
            "client": st.none() | st.integers(0, 3),
            "case": st.none() | st.integers(0, 3),
            "fee_usd": AMOUNTS,
            "payment_amount": AMOUNTS,
            "first_seen_at": MOMENTS,
            "removed_at": st.sampled_from([None, None, None, datetime(2026, 5, 1, tzinfo=UTC)]),
        }
    ),
    max_size=14,
)
DAYS = st.none() | st.sampled_from([date(2026, 1, 31), date(2026, 2, 2), date(2026, 3, 28), date(2026, 3, 29)])
FILTERS = st.fixed_dictionaries(
    {
        "zone": st.sampled_from(["UTC", "Asia/Kathmandu", "America/St_Johns"]),
        "days": st.tuples(DAYS, DAYS),
        "stages": st.sampled_from([(), (Stage.PAID,), (Stage.PAID, Stage.DISPUTED), tuple(Stage)]),
        "client": st.none() | st.integers(0, 3),
        "q": st.sampled_from(["", "", "x-1"]),
        "sort": st.sampled_from([sign + key for key in SORTS for sign in ("", "-")]),
        "page_size": st.integers(1, 5),
    }
)


@settings(
    max_examples=75,  # on each database
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS, asked=FILTERS, near=st.sampled_from([0, 2, 500]), few=st.sampled_from([-1, 5000]))
def test_pages_put_together_are_the_whole_list_in_its_order(monkeypatch, rows, asked, near, few):
    monkeypatch.setattr(dated, "NEAR", near)
    monkeypatch.setattr(ranked, "FEW", few)
    account = make_account()
    # Two names are the same but for the case of their letters, and so are two references.
    clients = [make_client(account, company_name=name) for name in ("beta", "Alpha", "BETA", "")]
    cases = [make_case(clients[0], reference=name) for name in ("X-1", "a", "x-1", "Z")]
    kept = [_make(account, clients, cases, row) for row in rows]
    make_transaction(case=make_case(make_client(company_name="beta"), reference="x-1"))
    kept_totals.rebuild(account)
    f = all_time(
        account,
        period=Period(ZoneInfo(asked["zone"]), *asked["days"]),
        stages=asked["stages"],
        client=None if asked["client"] is None else clients[asked["client"]],
        q=asked["q"],
        sort=asked["sort"],
        page_size=asked["page_size"],
    )
    wanted = in_order([row for row in kept if matches(row, f)], f.sort)
    first = page_of(f)
    pages = [first, *(page_of(replace(f, page=number)) for number in range(2, first.pages + 1))]
    assert [row.pk for page in pages for row in page.rows] == [row.pk for row in wanted]
    assert [row.pk for row in entries(f)] == [row.pk for row in wanted]


def _make(account, clients, cases, row):
    owner = None if row["client"] is None else clients[row["client"]].pk
    case = None if row["case"] is None else cases[row["case"]].pk
    return make_transaction(account, **row | {"client": None, "case": None}, client_id=owner, case_id=case)


def matches(row, f):
    """Whether a filter is meant to show a row, told without SQL."""
    day = row.payment_date.astimezone(f.period.zone).date()
    return (
        row.removed_at is None
        and (f.period.first is None or f.period.first <= day)
        and (f.period.last is None or day <= f.period.last)
        and (not f.stages or row.stage in f.stages)
        and (f.client is None or row.client_id == f.client.pk)
        and (not f.q or f.q in (row.case.reference.lower() if row.case else ""))
    )


def in_order(rows, sort):
    """Rows as a sort is meant to put them, told without SQL."""
    keys: dict[str, Callable[[Any], Any]] = {
        "payment_date": lambda row: (row.payment_date, row.pk),
        "first_seen": lambda row: (row.first_seen_at, row.pk),
        "fee": lambda row: None if row.fee_usd is None else (row.fee_usd, row.pk),
        "amount": lambda row: None if row.payment_amount is None else (row.payment_amount, row.pk),
        "stage": lambda row: (*STAGES, Stage.OUTSIDE).index(row.stage),
        "client": lambda row: row.client and (row.client.company_name.lower(), row.client_id),
        "case": lambda row: row.case and (row.case.reference.lower(), row.case_id),
    }
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    key = keys[column]
    known, unknown = [row for row in rows if key(row) is not None], [row for row in rows if key(row) is None]
    unknown.sort(key=lambda row: row.pk, reverse=descending)
    if column in ("stage", "client", "case"):
        for part in (known, unknown):
            part.sort(key=lambda row: (row.payment_date, row.pk), reverse=True)
    return sorted(known, key=key, reverse=descending) + unknown
