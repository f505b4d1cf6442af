"""Debitura's side of the comparison: looking at windows and reading them, over several connections at once.

Threads fetch and parse and touch nothing else; whoever asks gets the results one by one in its own thread, where the
database is. At most a few windows are in flight, so memory does not grow with the history.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event, local
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar, cast

from partners.debitura.client import DebituraClient
from partners.debitura.errors import BadRequest, DebituraError
from partners.debitura.filters import TransactionFilters
from partners.debitura.records import Page, RecordT, RevenueSummary, TransactionRecord, Unreadable
from revenue.pull.budget import Budget, BudgetSpent
from revenue.pull.sweep import Listing, TransactionPage, is_named, key_of, sweep
from revenue.pull.windows import ONE_TICK, PAGE, Kind, Told, Untrustworthy, Window

# A window is read as one piece of at most so many rows: what a thread holds in memory, and what is read again where rows
# moved meanwhile.
MOST_ROWS = 10 * PAGE
CONNECTIONS = 6
# A sign of life at least so often (seconds) while answers are awaited.
BEAT = 1.0
# Requests are counted against the budget so many at a time: asking it costs more than a request is worth.
LOT = 20

R = TypeVar("R")
T = TypeVar("T", bound="Task")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a window and what is known of them: readable ones, the others by their key, and whether that is all of them.

    tells_what_is_gone: complete, and no unreadable row might be any row.
    """

    window: Window
    kind: Kind
    records: tuple[TransactionRecord, ...]
    unreadable: Mapping[str, Unreadable]
    is_complete: bool

    @property
    def tells_what_is_gone(self) -> bool:
        return self.is_complete and all(is_named(row) for row in self.unreadable.values())


@dataclass(frozen=True, slots=True)
class Look:
    """One answer about a window: its figures, and the rows that came along, which are all of a part of the window.

    oldest, newest: payment dates of the rows of the answer, None without any.
    """

    told: Told
    summary: RevenueSummary | None
    rows: Rows
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class TooMany:
    """A window that holds more rows than are read as one piece."""

    window: Window
    rows: int


class Task(Protocol):
    """Something to ask Debitura for, with the number of requests that it usually takes."""

    @property
    def cost(self) -> int: ...


@dataclass(frozen=True, slots=True)
class LookAt:
    """Ask for the figures of a window; a page of its rows comes along."""

    window: Window
    kind: Kind
    mode: str
    newest_first: bool = False
    page: int = 1
    cost: int = 1

    def look(self, api: DebituraClient) -> Look:
        """Raises Untrustworthy where the answer contradicts itself, twice in a row."""
        try:
            return self._look(api)
        except Untrustworthy:
            return self._look(api)

    def _look(self, api: DebituraClient) -> Look:
        sort = "collectionDate:desc" if self.newest_first else "collectionDate:asc"
        page = api.transaction_page(self.page, filters=self.window.filters(self.kind), page_size=PAGE, sort=sort)
        summary = page.summary if isinstance(page.summary, RevenueSummary) and page.summary.stages else None
        told = Told.by(summary, page.total_results)
        dates = [row.payment_date for row in page.rows]
        return Look(told, summary, self._rows(page), min(dates, default=None), max(dates, default=None))

    def _rows(self, page: TransactionPage) -> Rows:
        covered = self._covered(page)
        records = {row.transaction_id: row for row in page.rows if covered.holds(row.payment_date)}
        unreadable = {key_of(row): row for row in page.unreadable}
        is_all = page.total_results == len(page)
        has_duplicates = len({row.transaction_id for row in page.rows}) < len(page.rows)
        rows = Rows(
            window=self.window if is_all else covered,
            kind=self.kind,
            records=tuple(records.values()),
            unreadable=unreadable,
            # An unreadable row may lie anywhere in the page.
            is_complete=not has_duplicates and (is_all or not unreadable),
        )
        if is_all and rows.is_complete:
            _believe(rows, page, self.mode)
        return rows

    def _covered(self, page: TransactionPage) -> Window:
        """The part of the window of which the page holds every row: all between the instants at which it is cut off."""
        if page.total_results == len(page):
            return self.window
        dates = [row.payment_date for row in page.rows]
        if not dates:
            return Window(self.window.start, self.window.start)
        if self.newest_first:
            return Window(min(dates) + ONE_TICK, self.window.end)
        start = self.window.start if self.page == 1 else min(dates) + ONE_TICK
        return Window(start, max(max(dates), start or max(dates)))


def _believe(rows: Rows, page: TransactionPage, mode: str) -> None:
    """A summary that contradicts the very rows beside it ignores a filter. Raises Untrustworthy."""
    listing = Listing(mode)
    listing.add(page)
    if not rows.unreadable and not listing.agrees_in_counts:
        raise Untrustworthy("Debitura's summary of a window contradicts the rows of the same answer.")


@dataclass(frozen=True, slots=True)
class Find:
    """Ask for the rows of a case, whenever they were paid: is one that we miss somewhere else?"""

    reference: str
    cost: int = 1

    def find(self, api: DebituraClient) -> Rows:
        """What the search shows, which proves of no other row that it is gone; nothing where it is refused."""
        try:
            page = api.transaction_page(1, filters=TransactionFilters(search=self.reference), page_size=PAGE)
        except BadRequest:
            # The figures prove the rest: a search that some deployment will not have must not cost a pull.
            return Rows(Window(), Kind.EVERY, (), {}, is_complete=False)
        unreadable = {key_of(row): row for row in page.unreadable}
        return Rows(Window(), Kind.EVERY, tuple(page.rows), unreadable, is_complete=False)


@dataclass(frozen=True, slots=True)
class Read:
    """Read every row of a window, with the proof that these are all; `strict` unless nothing of ours could be missing.

    A window with more than MOST_ROWS is only counted, unless it `must` be read as it is.
    """

    window: Window
    kind: Kind
    mode: str
    cost: int
    strict: bool = True
    must: bool = False

    def read(self, api: DebituraClient) -> Rows | TooMany:
        """Raises Untrustworthy where the window's summary contradicts its rows."""
        records: dict[object, TransactionRecord] = {}

        def keep(page: TransactionPage) -> None:
            if page.number == 1 and not self.must and (page.total_results or 0) > MOST_ROWS:
                raise _TooManyRows(page.total_results or 0)
            records.update((row.transaction_id, row) for row in page.rows)

        try:
            listing = sweep(lambda: self._pages(api), mode=self.mode, keep=keep, strict=self.strict)
        except _TooManyRows as found:
            return TooMany(self.window, found.rows)
        if listing.contradicts_its_summary:
            raise Untrustworthy("Debitura's summary of a window contradicts the rows that it lists for the window.")
        return Rows(
            window=self.window,
            kind=self.kind,
            # A row that only an unproven earlier traversal saw is left out.
            records=tuple(row for key, row in records.items() if key in listing.rows),
            unreadable=listing.unreadable,
            is_complete=listing.is_complete,
        )

    def _pages(self, api: DebituraClient) -> Iterator[TransactionPage]:
        return api.transaction_pages(filters=self.window.filters(self.kind), page_size=PAGE)


class _TooManyRows(Exception):
    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[R]):
    """What became of a task in its thread: its result, or its error; and the requests that it sent."""

    sent: int
    result: R | None = None
    error: Exception | None = None


class Connections:
    """A few connections to Debitura, each with a thread of its own. A context manager.

    `beat` is called now and then in the caller's thread, in which alone `budget` is asked, too.
    """

    def __init__(
        self,
        connect: Callable[[], DebituraClient],
        budget: Budget,
        beat: Callable[[], None],
        *,
        most: int = CONNECTIONS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect = connect
        self._budget = budget
        self._beat = beat
        self._most = most
        self._sleep = sleep
        self._allowed = 0
        self._clients: list[DebituraClient] = []
        self._mine = local()
        self._is_over = Event()
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="debitura")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread ends with the request that it is at, not with the window: whoever stops a pull waits for it.
        self._is_over.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()
        # Repeated requests may have gone beyond what was reserved.
        self._budget.give_back(max(self._allowed, 0))
        self._budget.count(max(-self._allowed, 0))

    @property
    def requests(self) -> int:
        """Requests sent so far, repeated ones included."""
        return sum(client.requests for client in self._clients)

    @property
    def retries(self) -> int:
        """How many of them repeated a failed one."""
        return sum(client.retries for client in self._clients)

    def ask(self, task: Callable[[DebituraClient], R]) -> R:
        """One thing, now. Raises what the task and the budget raise."""
        self._reserve(1)
        future = self._pool.submit(self._send, task)
        while not wait([future], timeout=BEAT).done:
            self._beat()
        return self._settle(future, reserved=1)

    def run(self, tasks: deque[T], do: Callable[[T, DebituraClient], R]) -> Iterator[tuple[T, R]]:
        """Every task with the result of doing it, as they come in; the caller may append to `tasks` meanwhile.

        Raises what a task raises; and BudgetSpent, once all that is under way has been handed out.
        """
        waiting: dict[Future[_Outcome[R]], T] = {}
        spent: BudgetSpent | None = None
        try:
            while waiting or (tasks and spent is None):
                while tasks and spent is None and len(waiting) < self._most:
                    try:
                        self._reserve(tasks[0].cost)
                    except BudgetSpent as error:
                        spent = error
                    else:
                        task = tasks.popleft()
                        waiting[self._pool.submit(self._send, partial(do, task))] = task
                done, _ = wait(waiting, timeout=BEAT, return_when=FIRST_COMPLETED)
                self._beat()
                for future in done:
                    task = waiting.pop(future)
                    yield task, self._settle(future, reserved=task.cost)
        finally:
            for future in waiting:
                future.cancel()
        if spent is not None:
            raise spent

    def pages(self, ask: Callable[[DebituraClient], Iterator[Page[RecordT]]]) -> Iterator[Page[RecordT]]:
        """A listing, page by page, in the caller's own thread."""
        client = self._client()
        pages = ask(client)
        while True:
            self._reserve(1)
            before = client.requests
            try:
                page = next(pages, None)
            finally:
                self._allowed += 1 - (client.requests - before)
                self._beat()
            if page is None:
                return
            yield page

    def _reserve(self, requests: int) -> None:
        """Counted before they are sent, many at a time; waits where only the minute is used up. Raises BudgetSpent."""
        while self._allowed < requests:
            lot = LOT
            try:
                pause = self._budget.take(lot)
            except BudgetSpent as spent:
                lot = spent.left
                if self._allowed + lot < requests:
                    raise
                pause = self._budget.take(lot)
            if pause:
                self._beat()
                self._sleep(min(pause, BEAT))
            else:
                self._allowed += lot
        self._allowed -= requests

    def _settle(self, future: Future[_Outcome[R]], *, reserved: int) -> R:
        outcome = future.result()
        self._allowed += reserved - outcome.sent
        if outcome.error is not None:
            raise outcome.error
        return cast(R, outcome.result)

    def _send(self, task: Callable[[DebituraClient], R]) -> _Outcome[R]:
        client = self._client()
        before = client.requests
        try:
            return _Outcome(result=task(client), sent=client.requests - before)
        except (DebituraError, Untrustworthy, _Over) as error:
            return _Outcome(error=error, sent=client.requests - before)

    def _client(self) -> DebituraClient:
        if not hasattr(self._mine, "client"):
            self._mine.client = self._connect()
            self._mine.client.before_request = self._go_on
            self._clients.append(self._mine.client)
        return cast(DebituraClient, self._mine.client)

    def _go_on(self) -> None:
        if self._is_over.is_set():
            raise _Over


class _Over(Exception):
    """Nobody waits for the answer any more."""
