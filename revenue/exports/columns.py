"""The columns of every file of payments, and the rows that their cells are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import FilteredRelation, Max, Min, Q, QuerySet

from revenue.exports.cells import FLAG, ID, NUMBER, PLAIN, STAGE_LABEL, TEXT, UTC_MOMENT, Cell
from revenue.exports.local_time import Offset, local_moment, offsets_between
from revenue.filters import RevenueFilter
from revenue.models import PRESENT, Transaction
from revenue.selectors.entries import entries

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 1000
# The case of a payment, unless it is another client's by now which may not be seen.
OWN_CASE = "own_case"


class Column(NamedTuple):
    """A column of a file: its header, the path of its value, and how the value is written."""

    header: str
    path: str
    cell: Cell


def payment_columns(f: RevenueFilter) -> tuple[Column, ...]:
    """The columns of a file of payments, local time being that of the filter."""
    zone, case = f.period.zone, OWN_CASE if f.sight.clients is not None else "case"
    local = local_moment(zone, lambda: _offsets(f))
    return (
        Column("transaction_id", "transaction_id", ID),
        Column("payment_date_utc", "payment_date", UTC_MOMENT),
        Column(f"payment_date_local ({zone.key})", "payment_date", local),
        Column("client", "client__company_name", TEXT),
        Column("creditor_id", "client__creditor_id", ID),
        Column("external_tenant_id", "client__external_tenant_id", TEXT),
        Column("case_reference", f"{case}__reference", TEXT),
        Column("client_reference", f"{case}__client_reference", TEXT),
        Column("partner_reference", f"{case}__partner_reference", TEXT),
        Column("debtor", f"{case}__debtor_name", TEXT),
        Column("payment_amount", "payment_amount", NUMBER),
        Column("payment_currency", "payment_currency", TEXT),
        Column("fee", "fee", NUMBER),
        Column("fee_currency", "earnings_currency", TEXT),
        Column("fee_usd", "fee_usd", NUMBER),
        Column("fee_percentage", "fee_percentage", NUMBER),
        Column("is_estimate", "is_estimate", FLAG),
        Column("debitura_revenue_usd", "revenue_usd", NUMBER),
        Column("stage", "stage", PLAIN),
        Column("stage_label", "stage", STAGE_LABEL),
        Column("commission_status", "commission_status", TEXT),
        Column("platform_status", "platform_status", TEXT),
        Column("referral_status", "referral_status", TEXT),
        Column("first_seen_at_utc", "first_seen_at", UTC_MOMENT),
        Column("stage_since_utc", "stage_since", UTC_MOMENT),
        Column("managed_by", f"{case}__collection_partner", TEXT),
        Column("revenue_category", "revenue_category", PLAIN),
        Column("case_created_utc", f"{case}__date_created", UTC_MOMENT),
    )


def bare_rows(f: RevenueFilter) -> QuerySet[Transaction]:
    """The rows of a filter in its order, for whoever names the columns to read."""
    rows = entries(f).select_related(None).defer(None)
    if f.sight.clients is None:
        return rows
    return rows.annotate(**{OWN_CASE: FilteredRelation("case", condition=f.sight.of_clients("case__client"))})


def values_of(f: RevenueFilter, paths: Sequence[str], where: Q | None = None) -> Iterator[tuple[Any, ...]]:
    """The values at these paths of every row of a filter, in its order and in constant memory; of those that are so, `where`."""
    # No model instances: at a million rows they are most of the time.
    once = dict.fromkeys(paths)
    places = [list(once).index(path) for path in paths]
    for row in bare_rows(f).filter(where or Q()).values_list(*once).iterator(chunk_size=_CHUNK):
        yield tuple([row[place] for place in places])


def _offsets(f: RevenueFilter) -> list[Offset]:
    """The offsets to UTC for all rows of the file. One query."""
    # Both ends of an index, which holds the present rows alone.
    rows = Transaction.objects.filter(PRESENT, account=f.account)
    span = rows.aggregate(first=Min("payment_date"), last=Max("payment_date"))
    first, last = span["first"] or EPOCH, span["last"] or EPOCH
    return offsets_between(f.period.zone, max(first, f.period.start or first), min(last, f.period.end or last))
