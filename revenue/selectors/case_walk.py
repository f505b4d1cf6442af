"""Lists of cases whose pages are told by the case beside them: in parts, each of which is one stretch of an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy

from partners.debitura.records import state_key
from partners.models import Case
from revenue.filters import UNKNOWN_STATE
from revenue.selectors.orders import Order, turned
from revenue.selectors.paging import PageNotFound


class Stretch(NamedTuple):
    """A part of a list, and its order."""

    rows: QuerySet[Case]
    terms: list[OrderBy]

    def in_order(self) -> QuerySet[Case]:
        return self.rows.order_by(*self.terms)


class Place(NamedTuple):
    """Where a case stands in a list: its primary key, and its key in the order of the list."""

    key: int
    value: Any


def by_date(*, descending: bool) -> Order:
    """By date of creation, unknown ones last either way round; equal ones stand by id."""
    return Order(F("date_created"), by_id(descending=descending), descending, Q(date_created=None))


def by_id(*, descending: bool) -> tuple[OrderBy, ...]:
    return (OrderBy(F("pk"), descending=descending),)


def place_of(rows: QuerySet[Case], key: int | None, order: Order) -> Place | None:
    """Where the case with a primary key stands; None for None. One query. Raises PageNotFound for no case of `rows`."""
    if key is None:
        return None
    found = rows.filter(pk=key).annotate(place=order.key).values_list("pk", "place").first()
    if found is None:
        raise PageNotFound("There is no such place in this list.")
    return Place(*found)


def stretches(order: Order, rows: QuerySet[Case], beside: Place | None, *, backwards: bool) -> Iterator[Stretch]:
    """What follows the case beside the page in the order of the list, or what goes before it `backwards`; nearest first.

    These are the cases that stand equal to the one beside, those beyond, and those of which the key of the order is unknown,
    which end the list. How many there are turns on the place alone, not on `rows`.
    """
    known, unknown = _parts(order, rows, backwards=backwards)
    if beside is None:
        yield from (known, unknown)
        return
    key, value = beside
    beyond = "lt" if order.descending != backwards else "gt"
    if value is None:
        yield _where(unknown, **{f"pk__{beyond}": key})
    else:
        yield _where(known, place=value, **{f"pk__{beyond}": key})
        yield _where(known, **{f"place__{beyond}": value})
    if (value is None) == backwards:
        yield known if backwards else unknown


def in_state(cases: QuerySet[Case], state: str, states: list[str]) -> QuerySet[Case]:
    """Those of `cases` in a state, however it is written among the `states` of them all."""
    wanted = "" if state == UNKNOWN_STATE else state
    spellings = [spelling for spelling in states if state_key(spelling) == wanted]
    # One by "=", as the index then has the order, too.
    return cases.filter(lifecycle=spellings[0]) if len(spellings) == 1 else cases.filter(lifecycle__in=spellings)


def _parts(order: Order, rows: QuerySet[Case], *, backwards: bool) -> tuple[Stretch, Stretch]:
    """`rows` whose key is known and those whose key is not, each in the order of the list, or turned round."""
    terms = turned if backwards else list
    with_place = rows.alias(place=order.key)
    if order.unknown is None:
        return Stretch(with_place, terms(order.known_terms())), Stretch(rows.none(), [])
    known = Stretch(with_place.exclude(order.unknown), terms(order.known_terms()))
    return known, Stretch(rows.filter(order.unknown), terms(order.unknown_terms()))


def _where(stretch: Stretch, **conditions: Any) -> Stretch:
    return stretch._replace(rows=stretch.rows.filter(**conditions))
