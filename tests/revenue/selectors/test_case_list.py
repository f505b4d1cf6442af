from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.access import Sight
from partners.debitura.records import PENDING_VERIFICATION
from partners.models import Case
from revenue.filters import CaseFilter
from revenue.selectors import case_list
from revenue.selectors.case_list import page_of_cases, states_of
from revenue.selectors.paging import PageNotFound
from tests.factories import NOW, make_account, make_case, make_client, make_transaction

DAYS = [None, *(NOW + timedelta(days=day) for day in range(3))]
REFERENCES = ["A", "a", "B1", "Ærø", "", "%2F"]


@pytest.fixture
def account(db):
    return make_account()


def references(f):
    return [case.reference for case, _ in page_of_cases(f).rows]


def walked(f, page, key, name):
    """The pages from `page` on, by the place that `key` of each tells."""
    pages = [page]
    while (place := getattr(page, key)) is not None:
        page = page_of_cases(CaseFilter(sight=f.sight, sort=f.sort, page_size=f.page_size, **{name: place}))
        pages.append(page)
    return pages


def expected(cases, sort):
    """The order that people are promised: by date or reference, unknown dates last, equal ones by id."""
    down = sort.startswith("-")
    if sort.endswith("reference"):
        # As both databases compare plain letters; others are not mixed with them here.
        return sorted(cases, key=lambda case: (case.reference.lower(), case.pk), reverse=down)
    known = [case for case in cases if case.date_created]
    unknown = [case for case in cases if not case.date_created]
    by_date = sorted(known, key=lambda case: (case.date_created, case.pk), reverse=down)
    return by_date + sorted(unknown, key=lambda case: case.pk, reverse=down)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    made=st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from(["A", "a", "B1", "b2", "c"])), max_size=9),
    sort=st.sampled_from(["created", "-created", "reference", "-reference"]),
    size=st.integers(1, 4),
    few=st.sampled_from([0, 1000]),
)
def test_pages_hold_every_case_once_in_order_and_back_again(db, made, sort, size, few):
    account = make_account()
    client = make_client(account)
    cases = [make_case(client, date_created=day, reference=reference) for day, reference in made]
    make_case(date_created=NOW, reference="B")
    f = CaseFilter(sight=Sight.of_everything(account), sort=sort, page_size=size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_list, "FEW", few)
        forward = walked(f, page_of_cases(f), "last", "after")
        back = walked(f, forward[-1], "first", "before")
    assert [case for page in forward for case, _ in page.rows] == expected(cases, sort)
    assert [len(page.rows) for page in forward[:-1]] == [size] * (len(forward) - 1)
    assert {page.count for page in forward} == {len(cases)}
    assert [page.rows for page in back[::-1]] == [page.rows for page in forward]


@pytest.mark.parametrize("sort", ["created", "reference"])
def test_order_of_other_letters_has_every_case_once_too(account, sort):
    for reference in REFERENCES:
        make_case(account=account, reference=reference, date_created=NOW)
    f = CaseFilter(sight=Sight.of_everything(account), sort=sort, page_size=2)
    pages = walked(f, page_of_cases(f), "last", "after")
    assert sorted(case.reference for page in pages for case, _ in page.rows) == sorted(REFERENCES)


def test_newest_stand_first_and_unknown_dates_last(account):
    for reference, day in (("OLD", 1), ("NEW", 9), ("NEVER", None)):
        created = None if day is None else datetime(2026, 3, day, tzinfo=UTC)
        make_case(account=account, reference=reference, date_created=created)
    assert references(CaseFilter(sight=Sight.of_everything(account))) == ["NEW", "OLD", "NEVER"]


def test_cases_stand_with_the_total_of_their_listed_payments(account):
    paid, unpaid = make_case(account=account, reference="A"), make_case(account=account, reference="B")
    make_transaction(case=paid, fee_usd=Decimal(3))
    make_transaction(case=paid, fee_usd=Decimal(4), is_estimate=True)
    make_transaction(case=paid, fee_usd=Decimal(5), removed_at=NOW)
    rows = page_of_cases(CaseFilter(sight=Sight.of_everything(account), sort="reference")).rows
    assert [(case, total.fee_usd, total.estimate_fee_usd, total.count) for case, total in rows] == [
        (paid, Decimal(7), Decimal(4), 2),
        (unpaid, Decimal(0), Decimal(0), 0),
    ]


def test_case_is_found_by_any_of_its_references_and_its_debtor(account):
    texts: dict[str, Any] = {
        "reference": "Q8OAXF3W",
        "client_reference": "INV/7",
        "partner_reference": "Ø=1+1",
        "debtor_name": "Ida Ek",
    }
    case = make_case(account=account, **texts)
    make_case(account=account)
    make_case(**texts)
    for part in ("8oax", "inv/7", "ø=1", "ida e"):
        assert [found for found, _ in page_of_cases(CaseFilter(sight=Sight.of_everything(account), q=part)).rows] == [
            case
        ]


def test_state_is_that_of_every_spelling(account):
    for reference, state in (("A", "PendingVerification"), ("B", "Pending Verification"), ("C", "Active"), ("D", "")):
        make_case(account=account, reference=reference, lifecycle=state)
    make_case(lifecycle="Closed")
    assert states_of(Sight.of_everything(account)) == sorted(
        ["", "Active", "Pending Verification", "PendingVerification"]
    )

    def found(state):
        return references(CaseFilter(sight=Sight.of_everything(account), sort="reference", state=state))

    assert [found(state) for state in (PENDING_VERIFICATION, "active", "unknown", "closed", "")] == [
        ["A", "B"],
        ["C"],
        ["D"],
        [],
        ["A", "B", "C", "D"],
    ]
    assert page_of_cases(CaseFilter(sight=Sight.of_everything(account))).pending == 2


def test_account_without_cases_has_no_states(account):
    page = page_of_cases(CaseFilter(sight=Sight.of_everything(account)))
    assert (page.rows, page.count, page.states, page.pending) == ([], 0, [], 0)


def test_states_are_not_listed_without_end(account, monkeypatch):
    monkeypatch.setattr(case_list, "MOST_STATES", 2)
    for state in "CAB":
        make_case(account=account, lifecycle=state)
    assert states_of(Sight.of_everything(account)) == ["A", "B"]


def test_cases_of_a_client(account):
    client = make_client(account)
    case = make_case(client)
    make_case(account=account)
    assert references(CaseFilter(sight=Sight.of_everything(account), client=client)) == [case.reference]


@pytest.mark.parametrize(("cases", "said"), [(3, (3, False)), (4, (3, True))])
def test_cases_are_counted_up_to_a_bound(account, monkeypatch, cases, said):
    monkeypatch.setattr(case_list, "FEW", 1)
    monkeypatch.setattr(case_list, "MOST_COUNTED", 3)
    client = make_client(account)
    for _ in range(cases):
        make_case(client)
    page = page_of_cases(CaseFilter(sight=Sight.of_everything(account), page_size=2))
    assert (page.count, page.has_uncounted) == said


def test_place_of_no_case_or_of_another_accounts_is_not_found(account):
    for key in (0, 10**17, make_case().pk):
        with pytest.raises(PageNotFound):
            page_of_cases(CaseFilter(sight=Sight.of_everything(account), after=key))


def test_page_after_the_last_case_is_empty(account):
    case = make_case(account=account)
    page = page_of_cases(CaseFilter(sight=Sight.of_everything(account), after=case.pk))
    assert (page.rows, page.count, page.first, page.last) == ([], 1, None, None)


@pytest.mark.parametrize("count", [1, 3])
def test_page_of_cases_takes_as_many_queries_for_any_number(account, count, django_assert_num_queries):
    for _ in range(count):
        make_transaction(case=make_case(account=account, lifecycle="PendingVerification"))
    # States, which cases, two stretches of them, their totals, those that are waiting.
    with django_assert_num_queries(6):
        assert len(page_of_cases(CaseFilter(sight=Sight.of_everything(account))).rows) == count
    assert Case.objects.count() == count
