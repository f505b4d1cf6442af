"""Reading the list of cases, of which a pull that finds nothing new reads one page: the newest, or the next one in turn.

No figure depends on it, so it comes last and ends without an error: whatever goes wrong is noted in a sentence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from partners.debitura.client import DebituraClient
from partners.debitura.errors import DebituraError
from partners.debitura.records import CaseRecord, Page, Unreadable
from partners.models import PartnerAccount
from revenue.models import PullRun, PullState
from revenue.pull import case_rows
from revenue.pull.budget import HOUR, BudgetSpent
from revenue.pull.nightly import last_moment
from revenue.pull.portfolio import ClientListing
from revenue.pull.rotation import Rotation
from revenue.pull.sweep import key_of
from revenue.pull.theirs import Connections
from revenue.pull.windows import PAGE

CasePage = Page[CaseRecord]

# Pages of a pull while not all cases have been read: after connecting, and once a night.
MOST_PAGES = 200
# Of the hour's budget: the rest is for figures.
SHARE_FOR_CASES = 0.25
# What PullState keeps of the rotation, each as cases_….
REMEMBERED = ("page", "pages", "newest_last", "round_from", "as_of")
REPEATING = "Debitura lists the same cases on every page, so the others cannot be read. Ask Debitura's support."
# Pages of new cases that are followed one after the other; where there are more, the next pull begins a new round.
MOST_NEW_PAGES = 20


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Ask for one page of the list."""

    number: int
    cost: int = 1

    def read(self, api: DebituraClient) -> CasePage:
        return api.case_page(self.number)


@dataclass(frozen=True, slots=True)
class CaseReading:
    """What a pull read of the list of cases; new and changed ones are staged.

    seen: rows that could be read. left: cases that the next pulls have yet to read before all have been.
    trouble: why not all was read that was to be, a sentence; "" where it was. rotation: where the next pull goes on.
    """

    seen: int
    unreadable: dict[str, Unreadable]
    left: int
    trouble: str
    rotation: Rotation


@dataclass(slots=True)
class CaseList:
    """Reads the cases of an account; `full`: all of them, as far as a pull of the schedule may at once.

    turn: counts the pulls. has_grown: Debitura counts other cases than at the last pull.
    """

    account: PartnerAccount
    theirs: Connections
    rotation: Rotation
    turn: int
    has_grown: bool
    full: bool
    is_scheduled: bool
    expect: Callable[[int], None]
    _began: datetime = field(default_factory=timezone.now)
    _latest: CasePage | None = None
    _seen: int = 0
    _left: int = 0
    _trouble: str = ""
    _unreadable: dict[str, Unreadable] = field(default_factory=dict)

    def read(self) -> CaseReading:
        """As much as is due and can be had."""
        case_rows.forget(self.account)
        try:
            self._read()
        except (DebituraError, BudgetSpent) as error:
            self._trouble = str(error)
        case_rows.refresh_statistics(self.account)
        return CaseReading(self._seen, self._unreadable, self._left, self._trouble, self.rotation)

    def _read(self) -> None:
        if self._is_round_due():
            self._read_round()
            return
        newest_has_its_turn = self.turn % 2 == 0 or self.rotation.pages in (0, 1)
        if newest_has_its_turn or self.has_grown:
            self._read_newest()
        if not newest_has_its_turn:
            # Also where there is news every time: it must not keep the others from ever being read.
            self._take(self.theirs.ask(ReadPage(self.rotation.page).read))

    def _is_round_due(self) -> bool:
        """Whether to bring a round to its end: the first one, that of the night, or one that somebody asks for.

        The last two begin when they are due: what was read before counts for nothing.
        """
        is_by_hand, as_of = self.full and not self.is_scheduled, self.rotation.as_of
        if as_of is None and not is_by_hand:
            return True
        if not (is_by_hand or self.is_scheduled):
            return False
        since = self._began if is_by_hand else last_moment(self.account.pk, self._began)
        if as_of is not None and as_of >= since:
            return False
        if self.rotation.round_from is None or self.rotation.round_from < since:
            self.rotation.begin_anew()
        return True

    def _read_newest(self) -> None:
        """The page of the newest cases, and those behind it until one has none that is new to us."""
        number: int | None = self.rotation.newest
        for _ in range(min(MOST_NEW_PAGES, pages_at_once())):
            if number is None:
                return
            was_newest = number == self.rotation.newest
            news = self._take(self.theirs.ask(ReadPage(number).read))
            if was_newest and number != self.rotation.newest:
                # The newest cases stand elsewhere by now.
                number = self.rotation.newest
            elif not news:
                return
            else:
                number = self.rotation.older_than(number)
        self.rotation.begin_anew()
        self.rotation.as_of = None

    def _read_round(self) -> None:
        """The page of the newest cases, then the round from where it stands, side by side, as far as a pull may."""
        pages = _Pages(self.rotation, most=None if self.full and not self.is_scheduled else pages_at_once())
        tasks = deque([ReadPage(self.rotation.newest)])
        try:
            for _, page in self.theirs.run(tasks, ReadPage.read):
                if pages.repeats(page):
                    self._trouble = REPEATING
                    self.rotation.finish(self._began)
                    return
                self._take(page)
                tasks.extend(pages.to_ask_for(page))
                if tasks:
                    self.expect(len(tasks) * PAGE)
        finally:
            self._left = self._rows_left()

    def _rows_left(self) -> int:
        """How many cases this round has not come to; 0 where it is done, or where Debitura does not say."""
        if self.rotation.is_at_its_beginning or self._latest is None:
            return 0
        return max((self._latest.total_results or 0) - (self.rotation.page - 1) * self._latest.page_size, 0)

    def _take(self, page: CasePage) -> int:
        """Stage what is new or changed; how many cases of the page nobody has described to us before."""
        self._latest = page
        self._seen += len(page.rows)
        self._unreadable |= {key_of(row): row for row in page.unreadable}
        for row in page.rows:
            self._unreadable.pop(str(row.case_id), None)
        total = page.total_results
        self.rotation.pages = None if total is None else -(-total // page.page_size)
        self.rotation.learn_order([row.date_created for row in page.rows])
        self.rotation.note(page.number, is_end=not len(page), at=self._began)
        return case_rows.stage(self.account, page.rows)


class _Pages:
    """Which pages of a round to ask for, `most` of them."""

    def __init__(self, rotation: Rotation, *, most: int | None) -> None:
        self._rotation = rotation
        self._newest = rotation.newest
        self._next = rotation.page + (rotation.page == rotation.newest)
        self._left = None if most is None else most - 1
        self._first: CasePage | None = None

    def to_ask_for(self, page: CasePage) -> Iterator[ReadPage]:
        """After `page`: all up to the last; one, where nobody knows which is the last, which an empty page tells."""
        last = self._rotation.pages
        if last is None:
            last = self._next if len(page) else 0
        while self._next <= last and self._left != 0:
            if self._next != self._newest:
                yield ReadPage(self._next)
                self._left = None if self._left is None else self._left - 1
            self._next += 1

    def repeats(self, page: CasePage) -> bool:
        """Whether the page is the first one again under another number."""
        if self._first is None:
            self._first = page
            return False
        return len(page) == len(self._first) > 0 and page.identities == self._first.identities


def pages_at_once() -> int:
    """Requests that one pull may spend on a round, so that all pulls of an hour leave room for figures."""
    share = SHARE_FOR_CASES * settings.REQUESTS_PER_HOUR * settings.PULL_EVERY_SECONDS / HOUR
    return min(MOST_PAGES, max(int(share), 1))


def case_list(
    account: PartnerAccount,
    run: PullRun,
    theirs: Connections,
    clients: ClientListing,
    *,
    full: bool,
    expect: Callable[[int], None],
) -> CaseList:
    """The list of an account's cases as the pull `run` is to read it, after its `clients` and transactions."""
    state, _ = PullState.objects.get_or_create(account=account)
    return CaseList(
        account=account,
        theirs=theirs,
        rotation=Rotation(**{name: getattr(state, f"cases_{name}") for name in REMEMBERED}),
        turn=state.looks,
        has_grown=_has_grown(account, clients),
        full=full,
        is_scheduled=run.trigger == PullRun.Trigger.SCHEDULE,
        expect=expect,
    )


def _has_grown(account: PartnerAccount, clients: ClientListing) -> bool:
    """Whether GET /clients counts other cases than when the figures were published."""
    last = account.pulls.exclude(as_of=None).order_by("-as_of").first()
    before = (last.portfolio or {}).get("total_cases") if last else None
    return clients.summary is not None and clients.summary.total_cases != before
