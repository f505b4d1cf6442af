"""Finding what changed, by comparing windows of payment dates; docs/pull.md says why it converges and what it costs.

Where a window of ours agrees with Debitura's summary of it, nothing is fetched; where it does not, it is cut in two, and
the half that differs is looked at more closely, until its rows fit a page. Whatever a look brings along is taken in.
Afterwards everything together is compared again: rows that moved while we read are found that way, and only figures that
agree prove that what we miss is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from django.utils import timezone

from partners.debitura.records import RevenueSummary, Unreadable
from revenue.pull.budget import BudgetSpent
from revenue.pull.descent import Descent, LeftForLater, Node
from revenue.pull.looks import Cut, where_to_look
from revenue.pull.ours import Ours
from revenue.pull.pieces import Pieces, affordable
from revenue.pull.publish import EmptyAnswer
from revenue.pull.sweep import is_named
from revenue.pull.theirs import Connections, Find, Look, LookAt, Read, Rows
from revenue.pull.windows import EVERYTHING, ONE_TICK, PAGE, Gap, Kind, Told, Window, gap, total_rows

# Rounds of looking and reading again while rows move upstream.
MOST_ROUNDS = 4
# Rows that are read in one go where figures differ and nothing shows why; with more of them a sweep does it in portions.
MOST_READ_AT_ONCE = 100_000
# So many cases are asked for, one by one, before rows of theirs count as gone; where more are missing, figures must do.
MOST_CASES = 50
FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)


class Changes:
    """Brings our side up to date with theirs, as far as the budget reaches.

    whole: the last answer about everything, of the instant `as_of` (UTC). unreadable: what could not be read, by its key.
    left: what the budget did not reach. spent: how it ended, where it did.
    """

    whole: Look
    as_of: datetime

    def __init__(
        self, ours: Ours, theirs: Connections, expect: Callable[[int], None], *, differed_before: bool = False
    ) -> None:
        self.ours = ours
        self.unreadable: dict[str, Unreadable] = {}
        self.spent: BudgetSpent | None = None
        self._asked: set[str] = set()
        self._theirs = theirs
        self._expect = expect
        self._differed_before = differed_before
        self._pieces = Pieces(ours, theirs, self._take, expect)
        self._descent = Descent(ours, theirs, self._pieces, self._take)

    def find(self, *, looks: int) -> None:
        """What changed since the last pull; `looks` tells which part of the past is looked at more closely this time.

        Raises BudgetSpent where not even everything together could be looked at.
        """
        knew_nothing = not self.ours.count()
        self._look_at_everything()
        try:
            self._catch_up()
            if not knew_nothing:
                self._look_for_what_hides(looks)
                self._look_for_the_missing()
        except BudgetSpent as error:
            self._run_out(error)

    def sweep(self, *, start: datetime | None, most: int | None, note: Callable[[datetime | None], None]) -> bool:
        """Every row from `start` on, whatever the figures say, in at most about `most` requests; whether that was all.

        `note` is told where to go on, should this pull end here; None from the beginning, also once everything was read.
        """
        try:
            return self._sweep(start, most, note)
        except BudgetSpent as error:
            self._run_out(error)
            return False

    def _sweep(self, start: datetime | None, most: int | None, note: Callable[[datetime | None], None]) -> bool:
        self._look_at_everything()
        window = Window(start, None)
        pieces = self._pieces.of(window, Kind.EVERY, self.ours.count(window) or self.whole.told.rows)
        chosen = affordable(pieces, most)
        after = chosen[-1].window.end
        to_do = {_beginning(piece) for piece in chosen}

        def done(piece: Read, parts: Sequence[Read]) -> None:
            to_do.discard(_beginning(piece))
            to_do.update(map(_beginning, parts))
            earliest = min(to_do) if to_do else after
            note(None if earliest == FIRST_INSTANT else earliest)

        self._expect(sum(piece.cost for piece in chosen) * PAGE)
        self._pieces.run(chosen, done)
        self._look_at_everything()
        self._catch_up()
        if after is not None or start is not None:
            self._look_for_the_missing()
        return after is None

    @property
    def left(self) -> LeftForLater:
        """What the budget did not reach."""
        return self._descent.left

    @property
    def summary(self) -> RevenueSummary | None:
        """Debitura's figures as of the last answer about everything."""
        return self.whole.summary

    @property
    def gap(self) -> Gap:
        """Where our side still differs from that answer."""
        return gap(self.ours.figures(), self.whole.told)

    @property
    def is_unexplained(self) -> bool:
        """Whether figures differ although all that shows was read, and did not at the last pull: everything has to be read."""
        return bool(self.gap) and not (self.unreadable or self.left or self._differed_before)

    @property
    def is_proven(self) -> bool:
        """Whether what is missing is gone: every row is accounted for, in the stage that Debitura counts it in.

        With rows that cannot be read, whose stage nobody knows: as many rows as Debitura counts, and each has its id.
        """
        if self.spent and self._cases_to_ask_for():
            return False
        if not self.unreadable:
            return not self.gap.counts
        unknown = sum(not self.ours.holds(key) for key in self.unreadable)
        return (
            all(is_named(row) for row in self.unreadable.values())
            and total_rows(self.ours.figures()) + unknown == self.whole.told.rows
        )

    def _look_at_everything(self) -> None:
        """The newest rows come along: what was just paid is found without another request."""
        task = LookAt(EVERYTHING, Kind.EVERY, self.ours.mode, newest_first=True)
        look = self._theirs.ask(task.look)
        if not look.told.rows and self.ours.count():
            raise EmptyAnswer(
                "Debitura lists no transactions at all where there were some; nothing was changed. "
                "If that stays so, ask Debitura whether the key still belongs to this partner."
            )
        self.whole, self.as_of = look, timezone.now()
        self._take(look.rows)

    def _catch_up(self) -> None:
        """Repair what differs and look again, until everything agrees or nothing is left to learn."""
        for _ in range(MOST_ROUNDS):
            if not self.gap:
                return
            before = self.ours.news
            self._descent.repair(Node(EVERYTHING, Kind.EVERY, self.whole.told))
            if self.ours.news == before:
                # Once: what a row that cannot be read, or Debitura's own error, leaves open stays open until the night.
                if self.is_unexplained and self.whole.told.rows <= MOST_READ_AT_ONCE:
                    self._read_all_that_differs()
                return
            self._look_at_everything()

    def _look_for_what_hides(self, looks: int) -> None:
        """Changes that leave everything together as it was."""
        before = self.ours.news
        self._look_closer(looks)
        if self.ours.news != before:
            self._look_at_everything()
            self._catch_up()

    def _look_for_the_missing(self) -> None:
        """A row that moved to where another one vanished leaves every figure as if it were gone itself: ask for it."""
        while cases := self._cases_to_ask_for():
            before = self.ours.news
            for task, rows in self._theirs.run(deque(map(Find, sorted(cases))), Find.find):
                self._take(rows)
                self._asked.add(task.reference)
            if self.ours.news == before:
                return
            self._look_at_everything()
            self._catch_up()

    def _cases_to_ask_for(self) -> set[str]:
        missing = self.ours.cases_of_missing()
        return missing - self._asked if len(missing | self._asked) <= MOST_CASES else set()

    def _read_all_that_differs(self) -> None:
        """Many differences of less than a cent hide in every part and show in the whole: only reading it finds them."""
        self._descent.read_what_differs(Node(EVERYTHING, Kind.EVERY, self.whole.told))
        self._look_at_everything()

    def _run_out(self, error: BudgetSpent) -> None:
        """What differs and was not reached is noted already, unless it was the last look that could not be afforded."""
        self.spent = error
        if not self.left:
            self._descent.leave(Node(EVERYTHING, Kind.EVERY, self.whole.told))
        if not self.left:
            self.left.new += len(self._cases_to_ask_for())

    def _look_closer(self, looks: int) -> None:
        """Changes that leave every total as it was: compare parts of it, most of all recent ones."""
        plan = where_to_look(self.ours, now=self.as_of, looks=looks)
        suspects = self._look_at_what_is_settled(plan.settled_page)
        if plan.read is not None:
            self._pieces.read(plan.read, Kind.EVERY, self.ours.count(plan.read))
        told = self._look_from(plan.cuts, suspects)
        told |= self._look_from([Cut(at) for at in suspects], [])
        self._compare_between(told)

    def _look_at_what_is_settled(self, page: int) -> list[datetime]:
        """A commission that is paid, or credited, may leave its row in the same stage: firm or not, no total of all tells."""
        task = LookAt(EVERYTHING, Kind.SETTLED, self.ours.mode, page=page)
        look = self._theirs.ask(task.look)
        self._take(look.rows)
        settled = Node(EVERYTHING, Kind.SETTLED, look.told)
        if self._descent.differs(settled):
            self._descent.repair_both(settled, Node(EVERYTHING, Kind.OPEN, self.whole.told.minus(look.told)))
        return self._out_of_line(task, look)

    def _look_from(self, cuts: Sequence[Cut], suspects: list[datetime]) -> dict[datetime, Told]:
        """The figures from each cut on; instants past which something seems to have moved are added to `suspects`."""
        at = {cut.window: cut for cut in cuts}
        tasks = [LookAt(window, Kind.EVERY, self.ours.mode, page=cut.page) for window, cut in at.items()]
        told = {}
        for task, look in self._descent.looks(tasks):
            cut = at[task.window]
            told[cut.at] = self.whole.told.minus(look.told) if cut.is_end else look.told
            suspects += self._out_of_line(task, look)
        return told

    def _out_of_line(self, task: LookAt, look: Look) -> list[datetime]:
        """The first instant of a page before which we do not have as many rows as Debitura."""
        if look.oldest is None or task.page == 1:
            return []
        rank, start = (task.page - 1) * PAGE, task.window.start
        before = self.ours.count(Window(start, look.oldest), task.kind)
        with_its_like = self.ours.count(Window(start, look.oldest + ONE_TICK), task.kind)
        return [] if before <= rank < with_its_like else [look.oldest]

    def _compare_between(self, told: Mapping[datetime, Told]) -> None:
        """Repair what differs between two cuts, before the first and after the last."""
        strips = []
        end, after = None, self.whole.told.minus(self.whole.told)
        for cut in sorted(told, reverse=True):
            strips.append(Node(Window(cut, end), Kind.EVERY, told[cut].minus(after)))
            end, after = cut, told[cut]
        strips.append(Node(Window(None, end), Kind.EVERY, self.whole.told.minus(after)))
        for strip in strips:
            if self._descent.differs(strip):
                self._descent.repair(strip)

    def _take(self, rows: Rows) -> None:
        self.unreadable |= rows.unreadable
        for record in rows.records:
            self.unreadable.pop(str(record.transaction_id), None)
        self.ours.take(rows)


def _beginning(piece: Read) -> datetime:
    return piece.window.start or FIRST_INSTANT
