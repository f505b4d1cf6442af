"""Our side of the comparison: the rows that we hold, with those on top that this pull has staged.

Figures of whole days are kept in memory, some thousands of numbers whatever the history; parts of a day are read row by
row. Everything else is in the database, so that the next pull can go on where this one dies.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from partners.debitura.records import CommissionStatus, TransactionRecord
from partners.fields import ExactSum, add_exactly
from partners.models import PartnerAccount
from revenue.models import KeptTotal, StagedRemoval, StagedRow, Transaction
from revenue.pull import bulk
from revenue.pull.ahead import Ahead
from revenue.pull.reconcile import NO_ROWS, Figure
from revenue.pull.staging import fingerprint, stage_rows
from revenue.pull.sweep import Listing, stage_of
from revenue.pull.theirs import Rows
from revenue.pull.windows import EVERYTHING, ONE_TICK, Kind, Window
from revenue.stages import Stage

ONE_DAY = timedelta(days=1)
BATCH = 1000
_COLUMNS = ("transaction_id", "pk", "payment_date", "stage", "commission_status", "fee_usd", "fingerprint")
_PAID = CommissionStatus.PAID.value
_COMMISSION: dict[Kind, Q] = {
    Kind.EVERY: Q(),
    Kind.SETTLED: Q(commission_status=_PAID),
    # As Debitura is asked for them: a row of an unknown status is in no such list, and so not missing from it.
    Kind.OPEN: Q(commission_status__in=(CommissionStatus.UNPAID.value, CommissionStatus.CREDITED.value)),
}

Group = tuple[Stage, bool]


class Held(NamedTuple):
    """A row as we have it: what it counts for, and where. pk: its primary key among the stored or the staged rows."""

    transaction_id: UUID
    pk: int
    payment_date: datetime
    group: Group
    fee_usd: Decimal
    fingerprint: str
    is_staged: bool


class Ours:
    """What we hold of an account, as it will be once this pull is published.

    news: how many rows were staged or marked as gone so far.
    """

    def __init__(self, account: PartnerAccount, mode: str, ahead: Ahead | None = None) -> None:
        self.account = account
        self.mode = mode
        self.news = 0
        self._present = Transaction.objects.filter(account=account, removed_at=None)
        self._days: dict[date, dict[Group, Figure]] = {}
        self._calendar: list[date] = []
        # Asked for several times on the way down; all that was added up until a row moves.
        self._known: dict[tuple[Window, Kind], dict[Stage, Figure]] = {}
        self._load_days()
        self._is_first_load = not self._present.exists()
        self._ahead = ahead
        self._has_staged = self._is_anything_staged()

    # --- What it comes to -----------------------------------------------------------------------------

    def figures(self, window: Window = EVERYTHING, kind: Kind = Kind.EVERY) -> dict[Stage, Figure]:
        """Count and exact sum (USD) of each stage that has rows of the kind in the window."""
        if (window, kind) not in self._known:
            self._known[window, kind] = self._figures(window, kind)
        return self._known[window, kind]

    def _figures(self, window: Window, kind: Kind) -> dict[Stage, Figure]:
        totals: dict[Stage, Figure] = {}
        for (stage, is_settled), figure in self._groups(window):
            if kind.holds(is_settled):
                before = totals.get(stage, NO_ROWS)
                totals[stage] = Figure(add_exactly(before.fee_usd, figure.fee_usd), before.count + figure.count)
        return {stage: figure for stage, figure in totals.items() if figure.count}

    def count(self, window: Window = EVERYTHING, kind: Kind = Kind.EVERY) -> int:
        """How many rows of the kind lie in the window."""
        return sum(figure.count for figure in self.figures(window, kind).values())

    def holds(self, key: str) -> bool:
        """Whether we count a row of this id (a UUID as text; of anything else we know nothing)."""
        try:
            ids = [UUID(key)]
        except ValueError:
            return False
        stored = {row.pk for row in self._stored(ids).values()} - self._marked_as_gone(
            row.pk for row in self._stored(ids).values()
        )
        return bool(stored or self._staged(ids))

    def days(self, window: Window, kind: Kind) -> list[tuple[date, int]]:
        """The UTC days that the window touches and that have rows of the kind, with their number on that day."""
        found = []
        for day in self._days_touched(window):
            rows = sum(figure.count for (_, settled), figure in self._days[day].items() if kind.holds(settled))
            if rows:
                found.append((day, rows))
        return found

    def middle(self, window: Window, kind: Kind) -> datetime | None:
        """An instant with about half of our rows on either side; None where the window has none, or cannot be cut."""
        days = self.days(window, kind)
        if len(days) > 1:
            cut = _midnight(_halfway(days))
            return cut if window.can_be_cut(cut) else self._middle_of_rows(window, kind)
        if days:
            for edge in (_midnight(days[0][0]), _midnight(days[0][0] + ONE_DAY)):
                if window.can_be_cut(edge):
                    return edge
        return self._middle_of_rows(window, kind)

    def cases_of_missing(self) -> set[str]:
        """The references of the cases of which stored rows are marked as gone; a row without a case has none."""
        if not self._has_staged:
            return set()
        found = self.account.staged_removals.values_list("transaction__case__reference", flat=True)
        return {reference for reference in found if reference}

    # --- What was read --------------------------------------------------------------------------------

    def take(self, rows: Rows) -> None:
        """Stage what is new or changed; where the listing proves it, mark what is missing."""
        if not rows.tells_what_is_gone:
            self.keep(rows.records)
        elif not self.count(rows.window):
            self._keep_first(rows.records)
        else:
            condition = _COMMISSION[rows.kind]
            here = self._prints(rows.window, condition)
            listed = {record.transaction_id: record for record in rows.records}
            self.keep([record for key, record in listed.items() if here.get(key) != self._print(record)])
            missing = {key for key in here.keys() - listed.keys() if str(key) not in rows.unreadable}
            if missing:
                self._lose([row for row in self._rows(rows.window, condition) if row.transaction_id in missing])

    def keep(self, records: Collection[TransactionRecord]) -> None:
        """Stage those rows that are new or changed; what is again as it is stored needs no staging."""
        latest = list({record.transaction_id: record for record in records}.values())
        for start in range(0, len(latest), BATCH):
            self._keep(latest[start : start + BATCH])

    def _keep(self, records: Sequence[TransactionRecord]) -> None:
        ids = [record.transaction_id for record in records]
        stored, staged = self._stored(ids), self._staged(ids)
        gone = self._marked_as_gone(row.pk for row in stored.values())
        fresh: list[TransactionRecord] = []
        back: list[UUID] = []
        for record in records:
            key, print_ = record.transaction_id, self._print(record)
            before = stored.get(key)
            now = staged.get(key) or (before if before and before.pk not in gone else None)
            if now is not None and now.fingerprint == print_:
                continue
            self._shift(now, _held(record, self.mode, print_))
            if key in staged or (before and before.pk in gone):
                back.append(key)
            if before is None or before.fingerprint != print_:
                fresh.append(record)
        if back or fresh:
            with _writing():
                self._unstage(back, [stored[key].pk for key in back if key in stored])
                self._stage(fresh)
            self._tell_of(fresh)

    def _keep_first(self, records: Sequence[TransactionRecord]) -> None:
        """Rows of a window in which we have none: nobody has to look for them, but for one that moved in there."""
        if not self._is_first_load:
            self.keep(records)
            return
        try:
            with _writing():
                self._stage(records)
        except IntegrityError:
            self.keep(records)
        else:
            self._tell_of(records)
            for record in records:
                self._shift(None, _held(record, self.mode, ""))

    def _stage(self, records: Collection[TransactionRecord]) -> None:
        if records:
            stage_rows(self.account, records, mode=self.mode)
            self._has_staged = True

    def _tell_of(self, staged: Collection[TransactionRecord]) -> None:
        if self._ahead is not None:
            self._ahead.staged(len(staged))

    def lose_unlisted(self, listing: Listing) -> None:
        """Mark what a listing of everything lacks. A row that is listed but cannot be read is listed."""
        rows = self._rows(EVERYTHING, Q())
        gone = [
            row
            for row in rows
            if row.transaction_id not in listing.rows and str(row.transaction_id) not in listing.unreadable
        ]
        self._lose(gone)

    # --- Inside -----------------------------------------------------------------------------------------

    def _lose(self, rows: Sequence[Held]) -> None:
        """Mark rows as gone; in batches, as SQLite takes only so many parameters."""
        for start in range(0, len(rows), BATCH):
            self._mark_as_gone(rows[start : start + BATCH])

    def _mark_as_gone(self, rows: Sequence[Held]) -> None:
        staged = [row.transaction_id for row in rows if row.is_staged]
        behind = self._stored(staged)
        for row in rows:
            self._shift(row, None)
        pks = [row.pk for row in rows if not row.is_staged] + [row.pk for row in behind.values()]
        already = self._marked_as_gone(pks)
        with _writing():
            self._unstage(staged, [])
            bulk.copy_rows(
                StagedRemoval,
                ("account_id", "transaction_id"),
                [(self.account.pk, pk) for pk in pks if pk not in already],
            )
        self._has_staged = True

    def _unstage(self, ids: Collection[UUID], pks: Collection[int]) -> None:
        if ids:
            if self._ahead is not None:
                self._ahead.give_up()
            self.account.staged.filter(transaction_id__in=ids).delete()
        if pks:
            StagedRemoval.objects.filter(transaction__in=pks).delete()

    def _shift(self, before: Held | None, after: Held | None) -> None:
        """A row counts for `after` instead of `before`."""
        self.news += 1
        if before is not None:
            self._add(before.payment_date.date(), before.group, Figure(before.fee_usd.copy_negate(), -1))
        if after is not None:
            self._add(after.payment_date.date(), after.group, Figure(after.fee_usd, 1))

    def _add(self, day: date, group: Group, figure: Figure) -> None:
        self._known.clear()
        if day not in self._days:
            self._days[day] = {}
            insort(self._calendar, day)
        before = self._days[day].get(group, NO_ROWS)
        self._days[day][group] = Figure(add_exactly(before.fee_usd, figure.fee_usd), before.count + figure.count)

    def _load_days(self) -> None:
        """The kept totals of stored rows, then what is staged on top of them, by an earlier pull that died."""
        kept = self.account.kept_totals.filter(grain=KeptTotal.Grain.DAY)
        for start, stage, is_settled, fee_usd, rows in kept.values_list(
            "start", "stage", "is_settled", "fee_usd", "rows"
        ):
            self._add(start.date(), (Stage(stage), is_settled), Figure(fee_usd, rows))
        if self._is_anything_staged():
            staged = StagedRow.objects.filter(account=self.account, transaction_id=OuterRef("transaction_id"))
            removals = StagedRemoval.objects.filter(transaction=OuterRef("pk"))
            self._add_days(StagedRow.objects.filter(account=self.account))
            self._add_days(self._present.filter(Exists(staged)), negative=True)
            self._add_days(self._present.filter(Exists(removals)), negative=True)

    def _add_days(self, rows: QuerySet[Any], *, negative: bool = False) -> None:
        groups = (
            rows.order_by()
            .annotate(day=TruncDate("payment_date", tzinfo=UTC))
            .values_list("day", "stage", "commission_status")
            .annotate(fee=ExactSum("fee_usd"), rows=Count("pk"))
        )
        for day, stage, commission, fee, rows_ in groups:
            figure = Figure(fee.copy_negate(), -rows_) if negative else Figure(fee, rows_)
            self._add(day, (Stage(stage), commission == _PAID), figure)

    def _is_anything_staged(self) -> bool:
        return self.account.staged.exists() or self.account.staged_removals.exists()

    def _groups(self, window: Window) -> Iterator[tuple[Group, Figure]]:
        first = None if window.start is None else _midnight(window.start.date())
        if first is not None and window.start is not None and first < window.start:
            first += ONE_DAY
        last = None if window.end is None else _midnight(window.end.date())
        if first is not None and last is not None and first > last:
            yield from _counted(self._rows(window, Q()))
            return
        for day in self._days_between(first, last):
            yield from self._days[day].items()
        if first is not None and first != window.start:
            yield from _counted(self._rows(Window(window.start, first), Q()))
        if last is not None and last != window.end:
            yield from _counted(self._rows(Window(last, window.end), Q()))

    def _days_between(self, first: datetime | None, last: datetime | None) -> list[date]:
        start = 0 if first is None else bisect_left(self._calendar, first.date())
        end = len(self._calendar) if last is None else bisect_left(self._calendar, last.date())
        return self._calendar[start:end]

    def _days_touched(self, window: Window) -> list[date]:
        start = 0 if window.start is None else bisect_left(self._calendar, window.start.date())
        last = None if window.end is None else (window.end - ONE_TICK).date()
        end = len(self._calendar) if last is None else bisect_left(self._calendar, last + ONE_DAY)
        return self._calendar[start:end]

    def _middle_of_rows(self, window: Window, kind: Kind) -> datetime | None:
        dates = sorted(row.payment_date for row in self._rows(window, Q()) if kind.holds(row.group[1]))
        if not dates:
            return None
        middle = dates[len(dates) // 2]
        later = next((moment for moment in dates if moment > middle), middle + ONE_TICK)
        return next((cut for cut in (middle, later, middle + ONE_TICK) if window.can_be_cut(cut)), None)

    def _print(self, record: TransactionRecord) -> str:
        return fingerprint(record, self.mode)

    def _prints(self, window: Window, condition: Q) -> dict[UUID, str]:
        """The fingerprints of the rows of a window: all that it takes to see that nothing changed."""
        found: dict[UUID, str] = {}
        for rows, _ in self._sources(window, condition):
            found.update(rows.values_list("transaction_id", "fingerprint"))
        return found

    def _sources(self, window: Window, condition: Q) -> Iterator[tuple[QuerySet[Any], bool]]:
        """Stored rows that nothing is staged over, and staged ones; the latter with True."""
        if not self._is_first_load:
            stored = self._present.filter(_within(window), condition)
            if self._has_staged:
                staged = StagedRow.objects.filter(account=self.account, transaction_id=OuterRef("transaction_id"))
                removals = StagedRemoval.objects.filter(transaction=OuterRef("pk"))
                stored = stored.filter(~Exists(staged), ~Exists(removals))
            yield stored, False
        if self._has_staged:
            yield self.account.staged.filter(_within(window), condition), True

    def _rows(self, window: Window, condition: Q) -> Iterator[Held]:
        """The rows of a window, each where it will be; streamed."""
        for rows, is_staged in self._sources(window, condition):
            yield from _read(rows, is_staged=is_staged)

    def _stored(self, ids: Collection[UUID]) -> dict[UUID, Held]:
        if self._is_first_load or not ids:
            return {}
        rows = self._present.filter(transaction_id__in=ids)
        return {row.transaction_id: row for row in _read(rows, is_staged=False)}

    def _staged(self, ids: Collection[UUID]) -> dict[UUID, Held]:
        if not self._has_staged or not ids:
            return {}
        rows = self.account.staged.filter(transaction_id__in=ids)
        return {row.transaction_id: row for row in _read(rows, is_staged=True)}

    def _marked_as_gone(self, pks: Iterable[int]) -> set[int]:
        if not self._has_staged:
            return set()
        marked = self.account.staged_removals.filter(transaction__in=list(pks))
        return set(marked.values_list("transaction_id", flat=True))


def _writing() -> AbstractContextManager[None]:
    """A transaction to begin with a write: SQLite refuses one that has read when somebody else has written since."""
    return cast("AbstractContextManager[None]", transaction.atomic())


def _held(record: TransactionRecord, mode: str, print_: str) -> Held:
    group = (stage_of(record, mode), record.commission_status == _PAID)
    fee = record.fee_usd or Decimal(0)
    return Held(record.transaction_id, 0, record.payment_date, group, fee, print_, is_staged=True)


def _read(rows: QuerySet[Any], *, is_staged: bool) -> Iterator[Held]:
    for key, pk, paid, stage, commission, fee, print_ in rows.values_list(*_COLUMNS).iterator(chunk_size=BATCH):
        yield Held(key, pk, paid, (Stage(stage), commission == _PAID), fee or Decimal(0), print_, is_staged)


def _counted(rows: Iterable[Held]) -> Iterator[tuple[Group, Figure]]:
    return ((row.group, Figure(row.fee_usd, 1)) for row in rows)


def _within(window: Window) -> Q:
    inside = Q()
    if window.start is not None:
        inside &= Q(payment_date__gte=window.start)
    if window.end is not None:
        inside &= Q(payment_date__lt=window.end)
    return inside


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _halfway(days: list[tuple[date, int]]) -> date:
    """The day before whose midnight about half of the rows lie; never the first one."""
    half, before = sum(rows for _, rows in days) / 2, 0
    for place, (day, rows) in enumerate(days):
        if place and before + rows / 2 >= half:
            return day
        before += rows
    return days[-1][0]
