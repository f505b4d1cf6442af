"""The list of transactions: one page of it, in a stable order, with the total over all of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.db.models.expressions import Expression, OrderBy

from partners.models import Client
from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.selectors import ranked
from revenue.selectors.cases import veil_cases
from revenue.selectors.categories import REVENUE_CATEGORY
from revenue.selectors.dated import DatedRows
from revenue.selectors.grouped import keys_by_client, keys_by_stage
from revenue.selectors.orders import order_of
from revenue.selectors.paging import Paged, Window
from revenue.selectors.ranked import keys_in_order
from revenue.selectors.totals import ListTotal, list_totals

# What no list shows and every row would drag along.
_UNSHOWN = ("raw", "client__raw", "client__users", "client__address", "case__raw")


@dataclass(frozen=True)
class EntryPage(Paged):
    """One page of transactions; `total` is over the whole filter."""

    rows: list[Transaction]
    total: ListTotal


def entries(f: RevenueFilter) -> QuerySet[Transaction]:
    """Everything that matches, in the order of the filter (revenue.selectors.orders), with client and case at hand.

    Each row has its `revenue_category`, too.
    """
    return _shown(f.rows()).order_by(*order_of(f).terms())


def page_of(f: RevenueFilter, *, total: ListTotal | None = None) -> EntryPage:
    """The page that the filter asks for. Raises PageNotFound behind the last page.

    total: that of the filter, where it is known already. A case that may not be seen is left out of its rows.

    A page far in is found by counts that are kept, at no more than the cost of the first one, in the orders by payment date,
    stage and client; how far the others are walked, revenue.selectors.ranked says.
    """
    total = list_totals(f) if total is None else total
    window = Window(number=f.page, size=f.page_size, count=total.count)
    keys = _keys(f, window) if window.count else []
    found = _by_key(keys, f.client)
    veil_cases(f.sight, found.values())
    return EntryPage(rows=[found[key] for key in keys], window=window, total=total)


def ordered(key: Expression | F, *, descending: bool) -> OrderBy:
    """An order in which what is unknown stands last, either way round, on both databases."""
    return OrderBy(key, descending=descending, nulls_last=True)


def _keys(f: RevenueFilter, window: Window) -> list[int]:
    offset, limit = (window.number - 1) * window.size, window.size
    column, descending = f.sort.removeprefix("-"), f.sort.startswith("-")
    if f.q or _is_a_few(f, window.count):
        return keys_in_order(f, window.count, offset, limit)
    if column == "payment_date":
        return DatedRows.of(f).keys(offset, limit, newest_first=descending)
    if column == "stage":
        return keys_by_stage(f, offset, limit, descending=descending)
    if column == "client":
        return keys_by_client(f, offset, limit, descending=descending)
    return keys_in_order(f, window.count, offset, limit)


def _is_a_few(f: RevenueFilter, count: int) -> bool:
    """Whether so little is left of a client's stages, or of many clients, that walking each by date would take longer."""
    column = f.sort.removeprefix("-")
    by_stage = f.owners is not None and (bool(f.stages) or column == "stage")
    return count <= ranked.FEW and (by_stage or column == "client")


def _by_key(keys: list[int], client: Client | None) -> dict[int, Transaction]:
    """The rows of these keys with case and client at hand; where all are of one client, it is not read again for each."""
    rows = _shown(Transaction.objects.all())
    if client is None:
        return rows.in_bulk(keys)
    found = rows.select_related(None).select_related("case").in_bulk(keys)
    for row in found.values():
        row.client = client
    return found


def _shown(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    return rows.select_related("client", "case").defer(*_UNSHOWN).annotate(revenue_category=REVENUE_CATEGORY)
