"""Rows by their payment date, cut into pages: a page far in costs what the first one costs.

How many rows each month and each day holds is kept (KeptTotal). Walking these numbers leads to the stretch in which a page
begins; the index of the dates is entered there, and only what lies before the page in that one stretch is passed over. The
stretches are days, and months for the rows of some clients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from partners.models import PartnerAccount
from revenue.filters import RevenueFilter, of_owners
from revenue.models import PRESENT, KeptTotal, Transaction
from revenue.stages import Stage

Grain = KeptTotal.Grain
# Passing over so many entries of an index takes less time than asking how many there are.
NEAR = 500
_A_MONTH_AND_SOME = timedelta(days=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRows:
    """The present rows of an account with these stages (none: every one), from `start` to before `end` (UTC; None: open).

    owners: the primary keys of the only clients whose rows they are, or NO_OWNER alone for the rows that name none; None: all.
    """

    account: PartnerAccount
    owners: tuple[int, ...] | None = None
    stages: tuple[Stage, ...] = ()
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of(cls, f: RevenueFilter) -> DatedRows:
        """Those of a filter without a search."""
        return cls(account=f.account, owners=f.owners, stages=f.stages, start=f.period.start, end=f.period.end)

    @property
    def is_unbounded(self) -> bool:
        return self.start is None and self.end is None

    @property
    def is_empty(self) -> bool:
        """Whether no instant lies between the two."""
        return self.start is not None and self.end is not None and self.start >= self.end

    def rows(self) -> QuerySet[Transaction]:
        """The rows, in no order."""
        rows = Transaction.objects.filter(PRESENT)
        if self._is_said_by_its_client:
            return self.narrowed(rows)
        return self.narrowed(rows.filter(account=self.account))

    @property
    def _is_said_by_its_client(self) -> bool:
        """Whether not to ask for the account as well, to which every client belongs.

        It would be a look at each row that the client's index passes over. By stage PostgreSQL takes the index of the stage
        where that is shorter; SQLite has no statistics, and would take it in any case.
        """
        is_of_one = self.owners is not None and len(self.owners) == 1 and self.owners != (KeptTotal.NO_OWNER,)
        return is_of_one and (not self.stages or connection.vendor == "sqlite")

    def narrowed(self, rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
        """Those of `rows` that are of this owner, these stages and this time."""
        if self.owners is not None:
            rows = rows.filter(Q(client=None) if self.owners == (KeptTotal.NO_OWNER,) else of_owners(self.owners))
        if self.stages:
            rows = rows.filter(stage__in=self.stages)
        if self.start is not None:
            rows = rows.filter(payment_date__gte=self.start)
        if self.end is not None:
            rows = rows.filter(payment_date__lt=self.end)
        return rows

    def lines(self, grain: Grain, owners: Sequence[int] = ()) -> QuerySet[KeptTotal]:
        """The kept lines of this grain that begin in the list's time, of `owners` where they are given."""
        own = (KeptTotal.EVERY_OWNER,) if self.owners is None else self.owners
        lines = KeptTotal.objects.filter(account=self.account, grain=grain, owner__in=owners or own)
        if self.start is not None:
            lines = lines.filter(start__gte=self.start)
        if self.end is not None:
            lines = lines.filter(start__lt=self.end)
        return lines.filter(stage__in=self.stages) if self.stages else lines

    def keys(self, offset: int, limit: int, *, newest_first: bool = True) -> list[int]:
        """The primary keys of `limit` rows after the first `offset`; rows of one instant stand by id, the same way round."""
        found = Place(self, offset) if offset <= NEAR else _place(self, offset, newest_first)
        order = ("-payment_date", "-pk") if newest_first else ("payment_date", "pk")
        if self.owners is None and len(self.stages) > 1:
            return _merged(found, limit, order)
        rows = found.rest.rows().order_by(*order).values_list("pk", flat=True)
        return list(rows[found.skipped : found.skipped + limit])


class Place(NamedTuple):
    """`skipped` rows into `rest`. at_most: how many of these can be of each stage, where that is known."""

    rest: DatedRows
    skipped: int
    at_most: Counter[str] | None = None


class Stretch(NamedTuple):
    """A part of a list between two instants. grain: that of the kept lines which count it, None: only its rows do."""

    listed: DatedRows
    grain: Grain | None = None


def _place(listed: DatedRows, offset: int, newest_first: bool) -> Place:
    """Where the row after the first `offset` stands."""
    stretches = _stretches(listed)
    left = offset
    for stretch in reversed(stretches) if newest_first else stretches:
        if stretch is stretches[0 if newest_first else -1] and stretch.grain is None:
            return Place(_from(listed, stretch.listed, newest_first), left)
        for part, counted in _counted(stretch, newest_first):
            if left < counted.total():
                return _closer(listed, part, Place(part.listed, left, counted), newest_first)
            left -= counted.total()
    # The counts do not reach so far, so they are wrong (check_totals says where); the rows never are.
    return Place(listed, offset)


def _closer(listed: DatedRows, part: Stretch, place: Place, newest_first: bool) -> Place:
    """The place on its day, where days are counted, and on to the end of the list from there."""
    if part.grain is Grain.MONTH and listed.owners is None:
        left = place.skipped
        for day, counted in _counted(Stretch(part.listed, Grain.DAY), newest_first):
            if left < counted.total():
                place = Place(day.listed, left, counted)
                break
            left -= counted.total()
    return place._replace(rest=_from(listed, place.rest, newest_first))


def _from(listed: DatedRows, part: DatedRows, newest_first: bool) -> DatedRows:
    """`listed` from its `part` on."""
    return replace(listed, end=part.end) if newest_first else replace(listed, start=part.start)


def _stretches(listed: DatedRows) -> list[Stretch]:
    """A list in parts that are counted in the same way; in the order of time, none of them empty."""
    before, months, after = whole_months(listed)
    stretches = [
        *(_with_days(before) if before else []),
        *([Stretch(months, Grain.MONTH)] if months else []),
        *(_with_days(after) if after else []),
    ]
    return [stretch for stretch in stretches if not stretch.listed.is_empty]


def whole_months(listed: DatedRows) -> tuple[DatedRows | None, DatedRows | None, DatedRows | None]:
    """The whole UTC months of a list, and what lies before and after them; None for what is not there."""
    start, end = _next(Grain.MONTH, listed.start), _begin(Grain.MONTH, listed.end)
    if start is not None and end is not None and start >= end:
        return listed, None, None
    before = None if listed.start == start else replace(listed, end=start)
    after = None if listed.end == end else replace(listed, start=end)
    return before, replace(listed, start=start, end=end), after


def _with_days(listed: DatedRows) -> list[Stretch]:
    """Less than a month or two, as whole days and what lies before and after them; only rows where days are not kept."""
    if listed.owners is not None:
        return [Stretch(listed)]
    days = replace(listed, start=_next(Grain.DAY, listed.start), end=_begin(Grain.DAY, listed.end))
    if days.is_empty:
        return [Stretch(listed)]
    return [
        Stretch(replace(listed, end=days.start)),
        Stretch(days, Grain.DAY),
        Stretch(replace(listed, start=days.end)),
    ]


def _counted(stretch: Stretch, newest_first: bool) -> Iterator[tuple[Stretch, Counter[str]]]:
    """The days or months of a stretch with their rows by stage, in the order of the list; one query.

    Stages are told apart only where the list is of several; else all count under "".
    """
    listed, grain = stretch
    stage = ["stage"] if len(listed.stages) > 1 else []
    if grain is None:
        groups = listed.rows().order_by().values_list(*stage or ["account"]).annotate(Count("pk"))
        yield stretch, Counter({key if stage else "": rows for key, rows in groups})
        return
    lines: dict[datetime, Counter[str]] = {}
    for start, *key, rows in listed.lines(grain).order_by("start").values_list("start", *stage).annotate(Sum("rows")):
        lines.setdefault(start, Counter())["".join(key)] += rows
    for start in sorted(lines, reverse=newest_first):
        yield Stretch(replace(listed, start=start, end=_next(grain, start, after=True)), grain), lines[start]


def _merged(place: Place, limit: int, order: tuple[str, str]) -> list[int]:
    """A page of several stages: each is walked by the index of its own, however rare it is, and no further than needed."""
    branches: list[str] = []
    params: list[Any] = []
    for stage in place.rest.stages:
        skipped = place.skipped if place.at_most is None else min(place.skipped, place.at_most[stage])
        rows = replace(place.rest, stages=(stage,)).rows().order_by(*order).values("id", "payment_date")
        sql, values = rows[: skipped + limit].query.sql_with_params()
        branches.append(f"SELECT * FROM ({sql}) AS stage_{len(branches)}")  # noqa: S608
        params += values
    way = "DESC" if order[0].startswith("-") else "ASC"
    merged = " UNION ALL ".join(branches)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM ({merged}) AS merged ORDER BY payment_date {way}, id {way} LIMIT %s OFFSET %s",  # noqa: S608
            [*params, limit, place.skipped],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _begin(grain: Grain, moment: datetime | None) -> datetime | None:
    """The first instant of the UTC day or month of `moment`."""
    if moment is None:
        return None
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if grain is Grain.DAY else day.replace(day=1)


def _next(grain: Grain, moment: datetime | None, *, after: bool = False) -> datetime | None:
    """The first beginning of a UTC day or month not before `moment`; `after` it, if so told."""
    begin = _begin(grain, moment)
    if begin is None or (begin == moment and not after):
        return begin
    return _begin(grain, begin + (timedelta(days=1) if grain is Grain.DAY else _A_MONTH_AND_SOME))
