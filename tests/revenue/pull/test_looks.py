"""Where a pull looks although everything agrees: what that guarantees of a payment date that moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revenue.pull.looks import REQUESTS, Plan, where_to_look
from revenue.pull.windows import PAGE, Kind, Window

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
FIRST = date(2021, 1, 1)
MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
AN_HOUR = 12
EVERY_DAY = [FIRST + timedelta(days=number) for number in range((NOW.date() - FIRST).days + 1)]
MIDNIGHTS = {day: datetime(day.year, day.month, day.day, tzinfo=UTC) for day in EVERY_DAY}


@dataclass(frozen=True)
class Days:
    """So many rows on each day from FIRST to today."""

    rows: int

    def days(self, window: Window, kind: Kind) -> list[tuple[date, int]]:
        return [(day, self.rows) for day, midnight in MIDNIGHTS.items() if window.holds(midnight)]


@given(looks=st.integers(0, 10_000), rows=st.integers(1, 50))
def test_plan_never_costs_more_than_its_requests_and_always_looks_at_recent_months(looks: int, rows: int) -> None:
    plan = where_to_look(Days(rows), now=NOW, looks=looks)
    assert (plan.read is not None) + len(plan.cuts) <= REQUESTS
    assert plan.read == Window(MONTHS[0], None) or [cut.at for cut in plan.cuts] == MONTHS


def _looked_at(plan: Plan, rows: int) -> list[datetime]:
    """Where the plan looks before the recent months: at a cut, or at the first row of a page of the past."""
    cuts = [cut.at for cut in plan.cuts if cut.at < MONTHS[0]]
    pages = [cut.page for cut in plan.cuts if cut.is_end and cut.page > 1]
    return cuts + [MIDNIGHTS[FIRST + timedelta(days=(page - 1) * PAGE // rows)] for page in pages]


def test_past_is_looked_at_together_with_the_first_of_the_recent_months() -> None:
    plan = where_to_look(Days(4), now=NOW, looks=1)
    assert (plan.read, [cut.is_end for cut in plan.cuts]) == (None, [True, False, False])
    assert plan.cuts[0].window == Window(None, MONTHS[0])
    assert [cut.window for cut in plan.cuts[1:]] == [Window(month, None) for month in MONTHS[1:]]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 40])
@pytest.mark.parametrize("first", [0, 1, 5, 11, 100, 1001])
def test_pulls_of_an_hour_cut_the_past_into_parts_of_a_quarter_at_most(first: int, rows: int) -> None:
    ours = Days(rows)
    plans = [where_to_look(ours, now=NOW, looks=looks) for looks in range(first, first + AN_HOUR)]
    cuts = {place for plan in plans for place in _looked_at(plan, rows)}
    older = ours.days(Window(None, MONTHS[0]), Kind.EVERY)
    edges = [MIDNIGHTS[FIRST], *sorted(cuts), MONTHS[0]]
    assert max((end - start).days for start, end in pairwise(edges)) <= len(older) / 4 + 1


def test_nothing_is_planned_where_there_is_nothing() -> None:
    plan = where_to_look(Days(0), now=NOW, looks=7)
    assert (plan.read, {cut.at for cut in plan.cuts}, plan.settled_page) == (None, set(MONTHS), 1)
