"""Rounds through the list of cases: every page in its turn, whatever happens to the list meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revenue.pull.rotation import Rotation

MONDAY = datetime(2026, 3, 30, 2, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


def _note(rotation: Rotation, number: int, at: datetime = MONDAY) -> None:
    rotation.note(number, is_end=False, at=at)


def test_round_of_one_page_is_done_with_it() -> None:
    rotation = Rotation(pages=1)
    _note(rotation, 1)
    assert rotation == Rotation(pages=1, as_of=MONDAY)


@given(st.integers(1, 12).flatmap(lambda pages: st.permutations(range(1, pages + 1))))
def test_round_is_done_with_its_last_page_in_whatever_order_they_come(order: list[int]) -> None:
    rotation = Rotation(pages=len(order))
    for number in order[:-1]:
        _note(rotation, number)
        assert (rotation.as_of, rotation.round_from) == (None, MONDAY)
        assert rotation.page == min(set(range(1, len(order) + 1)) - set(order[: order.index(number) + 1]))
    _note(rotation, order[-1], TUESDAY)
    assert (rotation.as_of, rotation.is_at_its_beginning) == (MONDAY if len(order) > 1 else TUESDAY, True)


def test_page_before_the_turn_changes_nothing() -> None:
    rotation = Rotation(page=4, pages=9, round_from=MONDAY)
    _note(rotation, 1, TUESDAY)
    assert rotation == Rotation(page=4, pages=9, round_from=MONDAY)


def test_list_that_shrank_ends_the_round() -> None:
    rotation = Rotation(page=7, pages=5, round_from=MONDAY)
    _note(rotation, 7, TUESDAY)
    assert (rotation.page, rotation.as_of) == (1, MONDAY)


def test_list_of_unknown_length_ends_with_an_empty_page() -> None:
    rotation = Rotation()
    for number in (1, 2):
        _note(rotation, number)
    assert (rotation.page, rotation.as_of) == (3, None)
    rotation.note(3, is_end=True, at=TUESDAY)
    assert (rotation.page, rotation.as_of) == (1, MONDAY)


@pytest.mark.parametrize(
    ("days", "newest"),
    [
        ([3, 2, 2, 1], 1),
        ([1, 2, 2, 3], 5),
        ([1, None, 3], 5),
        ([1, 3, 2], 1),
        ([2, 2, 2], 1),
        ([None], 1),
    ],
)
def test_newest_page_follows_from_the_dates_of_any_page(days: list[int | None], newest: int) -> None:
    rotation = Rotation(pages=5)
    rotation.learn_order([None if day is None else MONDAY + timedelta(days=day) for day in days])
    assert rotation.newest == newest


def test_older_pages_lead_from_the_newest_to_the_other_end() -> None:
    descending, ascending = Rotation(pages=3), Rotation(pages=3, newest_last=True)
    assert [descending.older_than(number) for number in (1, 2, 3)] == [2, 3, None]
    assert [ascending.older_than(number) for number in (3, 2, 1)] == [2, 1, None]
    assert Rotation().older_than(8) == 9
