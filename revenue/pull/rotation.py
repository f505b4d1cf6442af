"""Whose turn it is in the list of cases, which is read page by page in rounds. Pure: no database, no network.

Debitura tells of no case when it changed, so that every page has to be read again and again. Pages are read in the order of
their numbers: where new cases come in before them, cases move to later pages and are read twice rather than never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Rotation:
    """Where the round stands.

    page: the one to go on with. pages: how many the last answer counted, None where Debitura does not say. newest_last:
    the newest cases stand on the last page. round_from: when this round began (UTC), None before its first page was read.
    as_of: when the last whole round began, so that every case is as of then or later; None before the first is done.
    """

    page: int = 1
    pages: int | None = None
    newest_last: bool = False
    round_from: datetime | None = None
    as_of: datetime | None = None
    # Read in this round, but not all that lies before them.
    _ahead: set[int] = field(default_factory=set)

    @property
    def is_at_its_beginning(self) -> bool:
        """Whether no page of this round was read yet."""
        return self.page == 1 and self.round_from is None

    @property
    def newest(self) -> int:
        """The page where new cases come in, as far as we know."""
        return self.pages or 1 if self.newest_last else 1

    def older_than(self, number: int) -> int | None:
        """The page after this one on the way from the newest cases to the oldest; None behind the last."""
        older = number - 1 if self.newest_last else number + 1
        return older if 1 <= older <= (self.pages or older) else None

    def begin_anew(self) -> None:
        """Every case has to be read from now on."""
        self.page, self.round_from = 1, None
        self._ahead.clear()

    def learn_order(self, created: Sequence[datetime | None]) -> None:
        """Take it from the dates of a page, in its order; nothing where they tell nothing."""
        dates = [date for date in created if date is not None]
        if len(set(dates)) > 1 and dates == sorted(dates):
            self.newest_last = True
        elif len(set(dates)) > 1 and dates == sorted(dates, reverse=True):
            self.newest_last = False

    def note(self, number: int, *, is_end: bool, at: datetime) -> None:
        """A page was read in a pull that began to read at `at` (UTC); `is_end`: there is none behind it."""
        if number < self.page:
            return
        self._ahead.add(number)
        if self.page == 1 and self.round_from is None:
            self.round_from = at
        while self.page in self._ahead:
            self._ahead.discard(self.page)
            self.page += 1
        if self.page > (self.pages or self.page) or (is_end and number < self.page):
            self.finish(at)

    def finish(self, at: datetime) -> None:
        """All that there is to read was read, in a round that began at `at` (UTC) at the latest."""
        self.as_of = self.round_from or at
        self.begin_anew()
