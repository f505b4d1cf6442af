"""The list of transactions: one page of it, in a stable order, with the total over all of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.db.models.expressions import Expression, OrderBy
from django.db.models.functions import Lower

from partners.fields import NumericOrder
from revenue.filters import SORTS, RevenueFilter
from revenue.models import Transaction
from revenue.selectors.paging import Paged, Window
from revenue.selectors.totals import ListTotal, list_totals
from revenue.stages import STAGES, Stage

_AMOUNTS = {"fee_usd", "payment_amount"}
_ALWAYS_KNOWN = (F("payment_date"), F("first_seen_at"))
_NAMES = {"client__company_name", "case__reference"}
_STAGE_ORDER = [When(stage=stage, then=Value(place)) for place, stage in enumerate((*STAGES, Stage.OUTSIDE))]
# What no list shows and every row would drag along.
_UNSHOWN = ("raw", "client__raw", "client__users", "client__address")


@dataclass(frozen=True)
class EntryPage(Paged):
    """One page of transactions; `total` is over the whole filter."""

    rows: list[Transaction]
    total: ListTotal


def entries(f: RevenueFilter) -> QuerySet[Transaction]:
    """Everything that matches, in the order of the filter, with client and case at hand; equal ones stand by id."""
    descending = f.sort.startswith("-")
    rows = f.rows().select_related("client", "case").defer(*_UNSHOWN)
    order = ordered(_sort_expression(SORTS[f.sort.removeprefix("-")]), descending=descending)
    return rows.order_by(order, "-pk" if descending else "pk")


def page_of(f: RevenueFilter) -> EntryPage:
    """The page that the filter asks for. Two queries. Raises PageNotFound behind the last page."""
    total = list_totals(f)
    window = Window(number=f.page, size=f.page_size, count=total.count)
    return EntryPage(rows=list(entries(f)[window.slice]), window=window, total=total)


def ordered(key: Expression | F, *, descending: bool) -> OrderBy:
    """An order in which what is unknown stands last, either way round, on both databases."""
    # PostgreSQL walks the index of the dates, which are always known, only where nothing is said about NULL.
    return OrderBy(key, descending=descending, nulls_last=None if key in _ALWAYS_KNOWN else True)


def _sort_expression(column: str) -> Expression | F:
    """What to sort by for a column: amounts as numbers, names without regard to case, stages in their order."""
    if column == "stage":
        return Case(*_STAGE_ORDER, output_field=IntegerField())
    if column in _AMOUNTS:
        return NumericOrder(column)
    return Lower(column) if column in _NAMES else F(column)
