"""Rows in an order of which no counts are kept, cut into pages: by an amount, a case, a first sight, or after a search.

Few rows are gathered and sorted. Many are counted off along the index that has their order, from the nearer end: a page in
the middle of a million rows costs a walk along half a million entries. Either way a page that ends at the n-th row of a
filter, counted from the nearer end, passes about √(n · everything) rows at most, where those that match are spread evenly:
7,000 for a first page of a million, the whole filter for one far in.
"""

from __future__ import annotations

from dataclasses import replace

from django.db.models import QuerySet

from accounts.access import Sight
from revenue.filters import RevenueFilter
from revenue.models import PRESENT, Transaction
from revenue.periods import Period
from revenue.selectors.dated import DatedRows
from revenue.selectors.orders import Order, order_of, turned
from revenue.selectors.totals import list_totals

# So many rows are gathered and sorted in the time that a walk takes on its way.
FEW = 5000
_WITH_AN_INDEX = {"payment_date", "fee", "amount", "case", "first_seen"}


def keys_in_order(f: RevenueFilter, count: int, offset: int, limit: int) -> list[int]:
    """The primary keys of a page of the list, which has `count` rows."""
    order = order_of(f)
    if _is_gathered(f, count, min(offset + limit, count - offset)):
        rows = f.rows() if f.q else DatedRows.of(f).rows()
        return _slice(rows.order_by(*order.gathered_terms()), offset, limit)
    unknown = f.rows().filter(order.unknown) if order.unknown else Transaction.objects.none()
    known = count - unknown.count()
    found = _walked(f, order, known, offset, limit) if offset < known else []
    if len(found) < limit and order.unknown:
        found += _slice(unknown.order_by(*order.unknown_terms()), max(0, offset - known), limit - len(found))
    return found


def _is_gathered(f: RevenueFilter, count: int, wanted: int) -> bool:
    """Whether to sort what matches, rather than to walk to the `wanted`-th of it and leave out what does not match.

    A walk passes `everything / count` entries for every row it finds, where those that match are spread evenly.
    """
    if count <= FEW or f.sort.removeprefix("-") not in _WITH_AN_INDEX:
        return True
    everything = replace(
        f, sight=Sight.of_everything(f.account), period=Period(f.period.zone), stages=(), client=None, q=""
    )
    return count * count <= wanted * list_totals(everything).count


def _walked(f: RevenueFilter, order: Order, known: int, offset: int, limit: int) -> list[int]:
    """A page of the `known` rows whose key is known."""
    rows = _by_cases(f) if f.sort.removeprefix("-") == "case" else f.rows()
    if order.unknown:
        rows = rows.exclude(order.unknown)
    limit = min(limit, known - offset)
    after = known - offset - limit
    if after < offset:
        return _slice(rows.order_by(*turned(order.known_terms())), after, limit)[::-1]
    return _slice(rows.order_by(*order.known_terms()), offset, limit)


def _by_cases(f: RevenueFilter) -> QuerySet[Transaction]:
    """The rows of a filter, reached by the account's cases."""
    if f.q:
        return f.rows().filter(case__account=f.account)
    return DatedRows.of(f).narrowed(Transaction.objects.filter(PRESENT, case__account=f.account))


def _slice(rows: QuerySet[Transaction], offset: int, limit: int) -> list[int]:
    return list(rows.values_list("pk", flat=True)[offset : offset + limit])
