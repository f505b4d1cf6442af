"""The list of cases: a page of it, wherever it begins among several hundred thousand.

Few cases are gathered and sorted. Many are walked along the index of their order from the case beside the page, so that no
page costs more than the first; they are counted no further than people read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Lower

from accounts.access import Sight
from partners.debitura.records import PENDING_VERIFICATION, state_key
from partners.models import Case
from revenue.filters import UNKNOWN_STATE, CaseFilter
from revenue.search import matching_cases
from revenue.selectors.cases import case_totals, cases_seen
from revenue.selectors.orders import Order, turned
from revenue.selectors.paging import PageNotFound
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
        pending=_in_state(cases_seen(f.sight), PENDING_VERIFICATION, states)[: FEW + 1].count(),
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
    return _in_state(cases, f.state, states) if f.state else cases


def _in_state(cases: QuerySet[Case], state: str, states: list[str]) -> QuerySet[Case]:
    """Those of `cases` in a state, however it is written among the `states` of the account."""
    wanted = "" if state == UNKNOWN_STATE else state
    spellings = [spelling for spelling in states if state_key(spelling) == wanted]
    # One by "=", as the index then has the order, too.
    return cases.filter(lifecycle=spellings[0]) if len(spellings) == 1 else cases.filter(lifecycle__in=spellings)


def _page(f: CaseFilter, rows: QuerySet[Case]) -> tuple[list[Case], bool, bool]:
    """The cases of the page of `rows` that the filter asks for, and whether there are others before and after them."""
    backwards = f.before is not None
    stretches = _stretches(f, rows, backwards=backwards)
    found = _first(stretches, f.page_size + 1)
    has_more, found = len(found) > f.page_size, found[: f.page_size]
    return (found[::-1], has_more, True) if backwards else (found, f.after is not None, has_more)


def _stretches(f: CaseFilter, rows: QuerySet[Case], *, backwards: bool) -> Iterator[QuerySet[Case]]:
    """What follows the case beside the page in the order of the list, or what goes before it `backwards`; nearest first.

    In parts, each of which is one stretch of an index: the cases that stand equal to the one beside, those beyond, and those
    of which the key of the order is unknown, which end the list.
    """
    order = _order(f.sort)
    known, unknown = _parts(order, rows, backwards=backwards)
    beside = _beside(f, order)
    if beside is None:
        yield from (known, unknown)
        return
    key, place = beside
    beyond = "lt" if order.descending != backwards else "gt"
    if place is None:
        yield unknown.filter(**{f"pk__{beyond}": key})
    else:
        yield known.filter(**{"place": place, f"pk__{beyond}": key})
        yield known.filter(**{f"place__{beyond}": place})
    if (place is None) == backwards:
        yield known if backwards else unknown


def _parts(order: Order, rows: QuerySet[Case], *, backwards: bool) -> tuple[QuerySet[Case], QuerySet[Case]]:
    """`rows` whose key is known and those whose key is not, each in the order of the list, or turned round."""
    terms = turned if backwards else list
    known = rows.alias(place=order.key).order_by(*terms(order.known_terms()))
    if order.unknown is None:
        return known, rows.none()
    return known.exclude(order.unknown), rows.filter(order.unknown).order_by(*terms(order.unknown_terms()))


def _beside(f: CaseFilter, order: Order) -> tuple[int, Any] | None:
    """The case beside the page: its primary key and its key in the order. None for the first page. One query."""
    key = f.after if f.before is None else f.before
    if key is None:
        return None
    beside = cases_seen(f.sight).filter(pk=key).annotate(place=order.key)
    found = beside.values_list("pk", "place").first()
    if found is None:
        raise PageNotFound("There is no such place in this list.")
    return found


def _order(sort: str) -> Order:
    """By date, those of an unknown date last either way round, or by reference; equal ones stand by id."""
    descending = sort.startswith("-")
    by_id = (OrderBy(F("pk"), descending=descending),)
    if sort.removeprefix("-") == "reference":
        return Order(Lower("reference"), by_id, descending)
    return Order(F("date_created"), by_id, descending, Q(date_created=None))


def _first(stretches: Iterator[QuerySet[Case]], limit: int) -> list[Case]:
    """The first `limit` cases of several lists, one after the other. A list that is not reached is not asked for."""
    found: list[Case] = []
    for stretch in stretches:
        found += stretch.select_related("client").defer(*_UNSHOWN)[: limit - len(found)]
        if len(found) == limit:
            break
    return found
