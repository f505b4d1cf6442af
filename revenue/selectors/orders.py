"""The orders of the list of transactions: what each sorts by, and how equal rows stand."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, F, IntegerField, Q, Value, When
from django.db.models.expressions import Expression, OrderBy
from django.db.models.functions import Coalesce, Left, Lower
from django.db.models.lookups import IsNull

from partners.fields import NumericOrder
from revenue.filters import RevenueFilter
from revenue.stages import STAGES, Stage

_STAGE_ORDER = [When(stage=stage, then=Value(place)) for place, stage in enumerate((*STAGES, Stage.OUTSIDE))]


@dataclass(frozen=True, slots=True)
class Order:
    """`key` with what is unknown last, either way round; then the terms of `ties`.

    unknown: the rows whose key is; None where every row has one. empty: the column that is empty then, where the key is not
    one of the row itself.
    """

    key: Expression | F
    ties: tuple[OrderBy, ...]
    descending: bool
    unknown: Q | None = None
    empty: F | None = None

    def terms(self) -> list[OrderBy]:
        """The order of a whole list."""
        # PostgreSQL walks an index only where nothing is said about NULL.
        return [_term(self.key, descending=self.descending, nulls_last=bool(self.unknown)), *self.ties]

    def known_terms(self) -> list[OrderBy]:
        """The order of the rows whose key is known, in words that an index can follow."""
        return [_term(self.key, descending=self.descending), *self.ties]

    def unknown_terms(self) -> list[OrderBy]:
        """The order of the rows whose key is unknown; their key stands in it for the index that holds them by it."""
        return [_term(self.empty or self.key, descending=self.descending), *self.ties]

    def gathered_terms(self) -> list[OrderBy]:
        """The order of a whole list, in words that no index follows: only few rows are left when they are sorted."""
        key = Coalesce(self.key, self.key)
        return [_term(key, descending=self.descending, nulls_last=bool(self.unknown)), *self.ties]


def order_of(f: RevenueFilter) -> Order:
    """The order that a filter asks for.

    Rows of one stage, client or case stand by payment date, the newest first in both directions; other equal ones by id.
    """
    column, descending = f.sort.removeprefix("-"), f.sort.startswith("-")
    by_id = (_term(F("pk"), descending=descending),)
    newest_first = (_term(F("payment_date"), descending=True), _term(F("pk"), descending=True))
    match column:
        case "fee" | "amount":
            key = NumericOrder("fee_usd" if column == "fee" else "payment_amount")
            return Order(key, by_id, descending, Q(IsNull(key, True)))
        case "stage":
            return Order(Case(*_STAGE_ORDER, output_field=IntegerField()), newest_first, descending)
        case "client":
            name = Lower(Left("client__company_name", 200))
            ties = (_term(F("client_id"), descending=descending), *newest_first)
            return Order(name, ties, descending, Q(client=None), F("client_id"))
        case "case":
            ties = (_term(F("case_id"), descending=descending), *newest_first)
            return Order(Lower("case__reference"), ties, descending, Q(case=None), F("case_id"))
    return Order(F("first_seen_at" if column == "first_seen" else "payment_date"), by_id, descending)


def turned(terms: list[OrderBy]) -> list[OrderBy]:
    """The same order from its other end."""
    return [OrderBy(term.expression, descending=not term.descending) for term in terms]


def _term(key: Expression | F, *, descending: bool, nulls_last: bool = False) -> OrderBy:
    return OrderBy(key, descending=descending, nulls_last=nulls_last or None)
