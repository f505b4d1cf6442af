"""Sums from the totals that a pull keeps (KeptTotal): what they cost does not grow with the rows behind them.

A stretch of time is what lies before its end less what lies before its beginning, and what lies before an instant is a
sum of whole UTC months, plus or minus what lies between the next month's start and the instant: nothing, a kept edge, or
kept days and at most half a day of rows. So the answer is exact for any instant, and quick for those that people use
(docs/adr/0004-kept-totals.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from partners.fields import add_exactly
from partners.models import Client
from revenue.filters import RevenueFilter
from revenue.models import KeptTotal
from revenue.periods import ONE_DAY
from revenue.pull.totals_sql import CUTS
from revenue.stages import Stage

ZERO = Decimal(0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
_TICK = timedelta(microseconds=1)
_ALWAYS, _NEVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_CUTS = frozenset(CUTS)
_ROWS = "rows"

# From the first instant (UTC, inclusive) to the last (exclusive); None leaves a side open.
Stretch = tuple[datetime | None, datetime | None]


class Sum(NamedTuple):
    """Fees in USD (estimates included), Debitura's own revenue in USD, and the number of rows."""

    fee_usd: Decimal = ZERO
    revenue_usd: Decimal = ZERO
    rows: int = 0

    def plus(self, other: Sum) -> Sum:
        """Both together, exactly."""
        return Sum(
            add_exactly(self.fee_usd, other.fee_usd),
            add_exactly(self.revenue_usd, other.revenue_usd),
            self.rows + other.rows,
        )


# By stage and estimate flag; a group without rows is not there.
Groups = dict[tuple[Stage, bool], Sum]


class OwnerSum(NamedTuple):
    """What a client has in fees (USD) and rows; without an id and a name, what the rows have that name no client."""

    creditor_id: UUID | None
    company_name: str | None
    fee_usd: Decimal
    rows: int
    estimate_fee_usd: Decimal
    estimate_rows: int


class OwnerChange(NamedTuple):
    """What a client has in fees (USD) in one stretch and in another; without a name, what the rows have that name no client."""

    creditor_id: UUID | None
    company_name: str | None
    fee_usd: Decimal
    estimate_fee_usd: Decimal
    before_usd: Decimal
    before_estimate_usd: Decimal


class Part(NamedTuple):
    """A piece of the stretch at `place`: the lines of a grain, or the rows, from `lo` on and before `hi`, plus or minus."""

    place: int
    sign: int
    source: str
    lo: datetime
    hi: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose lines are read, and how finely: of all owners together or of some; or of each one."""

    f: RevenueFilter
    each: bool = False

    @property
    def is_fine(self) -> bool:
        """Whether days and edges are kept, and not months alone."""
        return not self.each and self.f.owners is None


def sums(f: RevenueFilter, stretches: Sequence[Stretch]) -> list[Groups]:
    """The sums of everything that matches in each stretch, whatever the period of `f`, which has no search. One query."""
    question = f"""SELECT place, stage, is_estimate, {_total("fee_usd")}, {_total("revenue_usd")}, SUM(sign * n)
        FROM line GROUP BY place, stage, is_estimate HAVING SUM(sign * n) <> 0"""  # noqa: S608
    found: list[Groups] = [{} for _ in stretches]
    for place, stage, is_estimate, fee, revenue, rows in _answers(Scope(f), stretches, question):
        found[place][Stage(stage), bool(is_estimate)] = Sum(Decimal(fee), Decimal(revenue), int(rows))
    return found


def largest_owners(f: RevenueFilter, limit: int) -> list[OwnerSum]:
    """The `limit` owners with the largest fees in the period of `f`, the largest first. One query.

    On SQLite amounts are compared as partners.fields.NumericOrder does; equal ones stand by the client's primary key.
    """
    order = "fee DESC, owner" if connection.vendor == "postgresql" else "CAST(fee AS REAL) DESC, owner"
    largest = f"""SELECT owner, {_total("fee_usd")} AS fee, SUM(sign * n) AS n,
            {_total("fee_usd", "is_estimate")} AS estimate, COALESCE(SUM(sign * n) FILTER (WHERE is_estimate), 0) AS estimates
        FROM line GROUP BY owner HAVING SUM(sign * n) <> 0 ORDER BY {order} LIMIT {limit:d}"""  # noqa: S608
    question = f"""SELECT creditor_id, company_name, fee, n, estimate, estimates
        FROM ({largest}) largest LEFT JOIN partners_client ON partners_client.id = owner ORDER BY {order}"""  # noqa: S608
    as_id = Client._meta.get_field("creditor_id").to_python
    found = _answers(Scope(f, each=True), [(f.period.start, f.period.end)], question)
    return [
        OwnerSum(as_id(key), name, Decimal(fee), int(rows), Decimal(estimate), int(estimates))
        for key, name, fee, rows, estimate, estimates in found
    ]


def largest_changes(f: RevenueFilter, before: Stretch, limit: int) -> list[OwnerChange]:
    """The `limit` owners whose fees in the period of `f` differ most from those `before`, the largest difference first.

    One query; amounts are compared as in `largest_owners`, and equal differences stand by the client's primary key.
    """
    number = "{}" if connection.vendor == "postgresql" else "CAST({} AS REAL)"
    step = f"ABS({number.format('fee')} - {number.format('past')})"
    changes = f"""SELECT owner, {_total("fee_usd", "place = 0")} AS fee, {_total("fee_usd", "place = 1")} AS past,
            {_total("fee_usd", "place = 0 AND is_estimate")} AS estimate,
            {_total("fee_usd", "place = 1 AND is_estimate")} AS past_estimate
        FROM line GROUP BY owner"""  # noqa: S608
    largest = f"SELECT * FROM ({changes}) changes WHERE {step} > 0 ORDER BY {step} DESC, owner LIMIT {limit:d}"  # noqa: S608
    question = f"""SELECT creditor_id, company_name, fee, estimate, past, past_estimate
        FROM ({largest}) largest LEFT JOIN partners_client ON partners_client.id = owner ORDER BY {step} DESC, owner"""  # noqa: S608
    as_id = Client._meta.get_field("creditor_id").to_python
    found = _answers(Scope(f, each=True), [(f.period.start, f.period.end), before], question)
    return [OwnerChange(as_id(key), name, *(Decimal(amount) for amount in amounts)) for key, name, *amounts in found]


def months_with_rows(f: RevenueFilter) -> tuple[datetime, ...]:
    """The UTC months, by their first instants, that have rows in the stages of `f` and meet its period. One query."""
    lines = _month_lines(f)
    if f.period.start is not None:
        lines = lines.filter(start__gte=_month_of(f.period.start))
    if f.period.end is not None:
        lines = lines.filter(start__lt=f.period.end)
    return tuple(lines.values_list("start", flat=True).distinct().order_by("start"))


def has_rows_before(f: RevenueFilter, moment: datetime) -> bool:
    """Whether `f`, less its period, has rows before an instant (UTC). Up to two queries."""
    month = _month_of(moment)
    # The first month by the index; to look for any of them, PostgreSQL may read the whole table.
    first = _month_lines(f).order_by("start").values_list("start", flat=True).first()
    return first is not None and (first < month or bool(sums(f, [(month, moment)])[0]))


def parts_of(stretch: Stretch, *, place: int = 0, is_fine: bool = True) -> list[Part]:
    """The pieces that make up a stretch. is_fine: days and edges are kept too, and not months alone."""
    lo, hi = stretch
    if lo is None and hi is None:
        return [Part(place, 1, KeptTotal.Grain.EVER, EPOCH, EPOCH + _TICK)]
    if lo is not None and hi is not None and not is_fine and hi - lo <= _distance(lo) + _distance(hi):
        return [Part(place, 1, _ROWS, lo, hi)]
    first = _ALWAYS if lo is None else _nearest_month(lo)
    last = _NEVER if hi is None else _nearest_month(hi)
    after = [] if hi is None else _from_month_to(hi, place, is_fine=is_fine)
    before = [] if lo is None else _from_month_to(lo, place, is_fine=is_fine)
    return [
        *_between(place, KeptTotal.Grain.MONTH, first, last),
        *after,
        *(part._replace(sign=-part.sign) for part in before),
    ]


def _from_month_to(moment: datetime, place: int, *, is_fine: bool) -> list[Part]:
    """What lies between the nearest start of a UTC month and `moment`; negative where `moment` comes first."""
    month = _nearest_month(moment)
    cut, rest = divmod(moment - month, QUARTER)
    if is_fine and not rest and cut in _CUTS:
        return [Part(place, 1, KeptTotal.Grain.EDGE, moment, moment + _TICK)]
    day = _nearest_day(moment) if is_fine else month
    return [*_between(place, KeptTotal.Grain.DAY, month, day), *_between(place, _ROWS, day, moment)]


def _between(place: int, source: str, start: datetime, end: datetime) -> list[Part]:
    if start == end:
        return []
    return [Part(place, 1, source, start, end) if start < end else Part(place, -1, source, end, start)]


def _month_of(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _nearest_month(moment: datetime) -> datetime:
    before = _month_of(moment)
    after = _month_of(before + 32 * ONE_DAY)
    return before if moment - before <= after - moment else after


def _nearest_day(moment: datetime) -> datetime:
    noon = moment + ONE_DAY / 2
    return noon.replace(hour=0, minute=0, second=0, microsecond=0)


def _distance(moment: datetime) -> timedelta:
    return abs(moment - _nearest_month(moment))


def _month_lines(f: RevenueFilter) -> QuerySet[KeptTotal]:
    owners = (KeptTotal.EVERY_OWNER,) if f.owners is None else f.owners
    lines = KeptTotal.objects.filter(account=f.account, grain=KeptTotal.Grain.MONTH, owner__in=owners)
    return lines.filter(stage__in=f.stages) if f.stages else lines


def _answers(scope: Scope, stretches: Sequence[Stretch], question: str) -> list[tuple[Any, ...]]:
    """What SQL finds in the lines of the stretches.

    line: place (of the stretch), sign, owner, stage, is_estimate, fee_usd, revenue_usd, n (rows).
    """
    values, sources = _values(tuple(stretches), is_fine=scope.is_fine)
    if not values:  # no stretch, or nothing but empty ones
        return []
    selects, params = [], list[Any]()
    if sources != {_ROWS}:
        selects.append(_select_kept(scope, params))
    if _ROWS in sources:
        selects.append(_select_rows(scope, params))
    lines = f"part(place, sign, source, lo, hi) AS (VALUES {values}), line AS ({' UNION ALL '.join(selects)})"
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {lines} {question}", params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


# The months of a zone are asked for again and again.
@lru_cache(maxsize=64)
def _values(stretches: tuple[Stretch, ...], *, is_fine: bool) -> tuple[str, frozenset[str]]:
    """The parts of the stretches as SQL, and their sources.

    Written out, for they are many and our own: the driver would take longer to fill in parameters than the query takes.
    """
    parts = [part for at, stretch in enumerate(stretches) for part in parts_of(stretch, place=at, is_fine=is_fine)]
    typed = "TIMESTAMPTZ " if connection.vendor == "postgresql" else ""
    text = connection.ops.adapt_datetimefield_value  # `connection` would look it up for every value
    rows = (
        f"({at}, {sign}, '{source}', {typed}'{text(lo)}', {typed}'{text(hi)}')" for at, sign, source, lo, hi in parts
    )
    return ", ".join(rows), frozenset(part.source for part in parts)


def _select_kept(scope: Scope, params: list[Any]) -> str:
    params.append(scope.f.account.pk)
    if scope.f.owners is not None:
        whose = _among("owner", scope.f.owners, params)
    else:
        whose = f"owner {'<>' if scope.each else '='} {KeptTotal.EVERY_OWNER}"
    where = f"account_id = %s AND {whose} AND grain = source AND start >= lo AND start < hi"
    return _select(scope, "revenue_kepttotal", "owner", "rows", where, params)


def _select_rows(scope: Scope, params: list[Any]) -> str:
    where = (
        f"source = '{_ROWS}' AND removed_at IS NULL AND payment_date >= lo AND payment_date < hi AND account_id = %s"
    )
    params.append(scope.f.account.pk)
    if scope.f.owners is not None:
        where += f" AND {_among('client_id', scope.f.owners, params)}"
    return _select(scope, "revenue_transaction", f"COALESCE(client_id, {KeptTotal.NO_OWNER})", "1", where, params)


def _among(column: str, owners: tuple[int, ...], params: list[Any]) -> str:
    """The condition that a column is one of these keys; there may be none of them."""
    params.extend(owners)
    return f"{column} IN ({', '.join(['%s'] * len(owners))})" if owners else "FALSE"


def _select(scope: Scope, table: str, owner: str, rows: str, where: str, params: list[Any]) -> str:
    """What lies in the parts, part by part."""
    if scope.f.stages:
        where += f" AND stage IN ({', '.join(['%s'] * len(scope.f.stages))})"
        params.extend(stage.value for stage in scope.f.stages)
    columns = f"{owner} AS owner, stage, is_estimate, fee_usd, revenue_usd, {rows} AS n"
    if connection.vendor == "postgresql":
        # Its planner does not know how short the parts are: this way it has to go by the index, once for each.
        return f"""SELECT place, sign, found.* FROM part
            CROSS JOIN LATERAL (SELECT {columns} FROM {table} WHERE {where} OFFSET 0) found"""  # noqa: S608
    return f"SELECT place, sign, {columns} FROM part CROSS JOIN {table} WHERE {where}"  # noqa: S608


def _total(amount: str, condition: str = "TRUE") -> str:
    """The sum of an amount by the sign of its part, over the lines that meet a condition; 0 where it is unknown."""
    if connection.vendor == "postgresql":
        return f"COALESCE(SUM(sign * {amount}) FILTER (WHERE {condition}), 0)"
    signed = f"CASE WHEN sign < 0 THEN exact_negative({amount}) ELSE {amount} END"
    return f"COALESCE(exact_sum({signed}) FILTER (WHERE {condition}), '0')"
