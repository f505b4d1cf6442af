"""Paging ends or raises, whatever the server does."""

import json
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.debitura import answers
from partners.debitura.errors import Malformed
from partners.debitura.paging import pages

SIZE = 3
LIMIT = 40


def page(answer, number, size=SIZE):
    return answers.page(json.dumps(answer).encode(), answers.TRANSACTIONS, number, size)


def fetch_from(upstream, total=True, size=SIZE):
    """A well-behaved server whose rows are the ids of `upstream`."""

    def fetch(number, check):
        rows = [{"transactionId": each} for each in upstream[(number - 1) * size : number * size]]
        info = {"totalResults": len(upstream)} if total else {}
        return check(page({"data": rows, "page": info}, number, size))

    return fetch


def ids(found):
    return [row.identity for each in found for row in each.unreadable]


@given(st.integers(0, 30), st.booleans())
def test_pages_of_an_honest_server_hold_every_row_once(count, total):
    upstream = [f"row-{number}" for number in range(count)]
    found = list(pages(fetch_from(upstream, total), limit=LIMIT))
    assert ids(found) == upstream
    # Without a total, only a page that is not full tells the end.
    assert len(found) == (max(1, -(-count // SIZE)) if total else count // SIZE + 1)


def test_pages_repeated_without_end_raise():
    first = fetch_from(["a", "b", "c", "d"])(1, lambda found: found)
    with pytest.raises(Malformed, match=r"^Page 2 repeats the rows of the page before"):
        list(pages(lambda number, check: check(replace(first, number=number))))


def test_pages_that_change_their_size_raise():
    upstream = [str(number) for number in range(12)]
    fetches = {1: fetch_from(upstream, size=3), 2: fetch_from(upstream, size=2)}
    with pytest.raises(Malformed, match=r"^Debitura changed the page size from 3 to 2 at page 2"):
        list(pages(lambda number, check: fetches[number](number, check)))


def test_pages_that_say_there_is_nothing_after_rows_raise():
    fetches = {1: fetch_from(["a", "b", "c", "d"]), 2: fetch_from([])}
    with pytest.raises(Malformed, match=r"^Page 2 says that there is nothing, after pages with rows\."):
        list(pages(lambda number, check: fetches[number](number, check)))


def test_pages_without_end_raise_at_the_limit():
    def fetch(number, check):
        rows = [{"transactionId": f"{number}-{each}"} for each in range(SIZE)]
        return check(page({"data": rows}, number))

    with pytest.raises(Malformed, match=r"^Debitura's list has not ended after 40 pages\."):
        list(pages(fetch, limit=LIMIT))


def test_pages_pass_an_error_through_and_duplicates_on():
    fetch = fetch_from(["a", "b", "c", "a", "b", "d"])
    found = pages(fetch)
    assert ids(islice(found, 2)) == ["a", "b", "c", "a", "b", "d"]


rows_strategy = st.lists(st.sampled_from("abcdefgh"), max_size=5)
info_strategy = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "totalResults": st.one_of(st.none(), st.integers(-1, 12)),
            "pageSize": st.one_of(st.none(), st.integers(0, 5)),
        },
    ),
)
replies = st.one_of(
    st.tuples(rows_strategy, info_strategy).map(
        lambda pair: {"data": [{"transactionId": each} for each in pair[0]], "page": pair[1]}
    ),
    st.sampled_from([{}, {"data": None}, {"data": {}}]),
)


@given(st.lists(replies, min_size=1, max_size=6))
def test_paging_ends_with_the_last_page_or_raises_for_any_server(script):
    def fetch(number, check):
        return check(page(script[min(number, len(script)) - 1], number))

    seen = []
    try:
        for each in pages(fetch, limit=LIMIT):
            seen.append(each)
            assert len(seen) <= LIMIT
    except Malformed:
        return
    assert len(seen[-1]) < seen[-1].page_size or sum(map(len, seen)) == seen[-1].total_results
    assert all(len(each) >= each.page_size for each in seen[:-1])
    assert [each.number for each in seen] == list(range(1, len(seen) + 1))
