"""The list of cases: a page of it, wherever it begins among several hundred thousand.

Few cases are gathered and sorted. Many are walked along the index of their order from the case beside the page, so that no
page costs more than the first; they are counted no further than people read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts.access import Sight
from partners.debitura.records import PENDING_VERIFICATION
from partners.models import Case
from revenue.filters import CaseFilter
from revenue.search import matching_cases
from revenue.selectors.case_walk import Stretch, by_date, by_id, in_state, place_of, stretches
from revenue.selectors.cases import case_totals, cases_seen
from revenue.selectors.orders import Order
from revenue.selectors.totals import ListTotal

# So many are sorted at once; a search that finds no more looks for them once.
FEW = 1_000
MOST_COUNTED = 10_000
# States are Debitura's words, a handful; what comes from outside is never listed without end.
MOST_STATES = 50
_UNSHOWN = ("raw", "client__raw", "client__users", "client__address")


@dataclass(frozen=True)
class CaseListPage:
    """A page of cases, each with the total of its payments.

    count: how many match, up to MOST_COUNTED; has_uncounted: whether more do. first, last: the primary keys to ask for the
    page before and the one after it with; None where there is none. states: those of the account, as Debitura writes them,
    sorted, "" where it has told none. pending: how many cases wait to be activated, up to one more than FEW.
    """

    rows: list[tuple[Case, ListTotal]]
    count: int
    has_uncounted: bool
    first: int | None
    last: int | None
    states: list[str]
    pending: int

    @property
    def has_more_pending(self) -> bool:
        """Whether `pending` is one more than was counted, and more may wait."""
        return self.pending > FEW


def page_of_cases(f: CaseFilter) -> CaseListPage:
    """The page that the filter asks for. Raises PageNotFound for a place that is no case's. Nine queries at most."""
    states = states_of(f.sight)
    matching = _matching(f, states)
    keys = list(matching.values_list("pk", flat=True)[: FEW + 1])
    is_few = len(keys) <= FEW
    count = len(keys) if is_few else matching[: MOST_COUNTED + 1].count()
    cases, has_before, has_after = _page(f, Case.objects.filter(pk__in=keys) if is_few else matching)
    totals = case_totals(f.sight, cases)
    return CaseListPage(
        rows=[(case, totals[case.pk]) for case in cases],
        count=min(count, MOST_COUNTED),
        has_uncounted=count > MOST_COUNTED,
        first=cases[0].pk if cases and has_before else None,
        last=cases[-1].pk if cases and has_after else None,
        states=states,
        pending=in_state(cases_seen(f.sight), PENDING_VERIFICATION, states)[: FEW + 1].count(),
    )


def states_of(sight: Sight) -> list[str]:
    """The states of the cases that may be seen, sorted. One query.

    Each is found by a step along the index: to look at every case would cost more than the page.
    """
    if not sight.is_whole:
        return list(
            cases_seen(sight).order_by("lifecycle").values_list("lifecycle", flat=True).distinct()[:MOST_STATES]
        )
    account = sight.account
    with connection.cursor() as cursor:
        cursor.execute(_states_sql(), [account.pk, account.pk, MOST_STATES])
        return [state for (state,) in cursor.fetchall()]


@cache
def _states_sql() -> str:
    case, state = (connection.ops.quote_name(name) for name in (Case._meta.db_table, "lifecycle"))
    of_account = f"SELECT min({state}) FROM {case} WHERE account_id = %s"  # noqa: S608  # names of our own, here and below
    return (
        f"WITH RECURSIVE known(name) AS ({of_account} UNION ALL "  # noqa: S608
        f"SELECT ({of_account} AND {state} > known.name) FROM known WHERE known.name IS NOT NULL) "
        "SELECT name FROM known WHERE name IS NOT NULL LIMIT %s"
    )


def _matching(f: CaseFilter, states: list[str]) -> QuerySet[Case]:
    """The cases of a filter, in no order."""
    cases = matching_cases(f.sight, f.q) if f.q else cases_seen(f.sight)
    if f.client is not None:
        cases = cases.filter(client=f.client)
    return in_state(cases, f.state, states) if f.state else cases


def _page(f: CaseFilter, rows: QuerySet[Case]) -> tuple[list[Case], bool, bool]:
    """The cases of the page of `rows` that the filter asks for, and whether there are others before and after them."""
    backwards = f.before is not None
    order = _order(f.sort)
    beside = place_of(cases_seen(f.sight), f.after if f.before is None else f.before, order)
    found = _first(stretches(order, rows, beside, backwards=backwards), f.page_size + 1)
    has_more, found = len(found) > f.page_size, found[: f.page_size]
    return (found[::-1], has_more, True) if backwards else (found, f.after is not None, has_more)


def _order(sort: str) -> Order:
    """By date, or by reference; equal ones stand by id."""
    descending = sort.startswith("-")
    if sort.removeprefix("-") == "reference":
        return Order(Lower("reference"), by_id(descending=descending), descending)
    return by_date(descending=descending)


def _first(parts: Iterator[Stretch], limit: int) -> list[Case]:
    """The first `limit` cases of several lists, one after the other. A list that is not reached is not asked for."""
    found: list[Case] = []
    for part in parts:
        found += part.in_order().select_related("client").defer(*_UNSHOWN)[: limit - len(found)]
        if len(found) == limit:
            break
    return found
