"""Reading every row of a window: in pieces, side by side, each with its own proof that it is complete."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from revenue.pull.ours import Ours
from revenue.pull.theirs import MOST_ROWS, Connections, LookAt, Read, Rows, TooMany
from revenue.pull.windows import ONE_TICK, PAGE, Kind, Window

# Well under MOST_ROWS, since rows are not spread evenly.
PIECE = MOST_ROWS // 2
# A piece that holds too many rows holds them in some place of it: cut into few, lest most of them turn out empty.
MOST_PARTS = 8


@dataclass(frozen=True, slots=True)
class Pieces:
    """Reads windows whole; `take` is given the rows, `expect` is told how many there may be."""

    ours: Ours
    theirs: Connections
    take: Callable[[Rows], None]
    expect: Callable[[int], None]

    def read(self, window: Window, kind: Kind, rows: int) -> None:
        """All of a window that holds about so many rows. Raises what asking raises, and BudgetSpent."""
        self.expect(rows)
        self.run(self.of(window, kind, rows))

    def run(
        self, pieces: Sequence[Read], done: Callable[[Read, Sequence[Read]], None] = lambda piece, parts: None
    ) -> None:
        """Read these pieces; one that turns out too large is cut again. `done` hears of each, with the parts it fell into."""
        tasks = deque(pieces)
        for piece, found in self.theirs.run(tasks, Read.read):
            parts: Sequence[Read] = ()
            if isinstance(found, TooMany):
                parts = self._parts(piece, found.rows)
                tasks.extend(parts)
            else:
                self.take(found)
            done(piece, parts)

    def of(self, window: Window, kind: Kind, rows: int) -> list[Read]:
        """The window in pieces: by the days of our own rows where these are about as many, else by time."""
        if rows <= MOST_ROWS:
            return [self._piece(window, kind, rows)]
        if self.ours.count(window, kind) * 2 < rows:
            return self._evenly(window, kind, -(-rows // PIECE))
        cuts, held = [], 0
        for day, count in self.ours.days(window, kind):
            if held and held + count > PIECE:
                cuts.append(datetime(day.year, day.month, day.day, tzinfo=UTC))
                held = 0
            held += count
        return self._between(window, kind, cuts)

    def _parts(self, piece: Read, rows: int) -> list[Read]:
        """A piece with too many rows, cut by time; read as it is where it cannot be cut."""
        parts = self._evenly(piece.window, piece.kind, min(-(-rows // PIECE), MOST_PARTS))
        if len(parts) > 1:
            return parts
        cost = -(-rows // PAGE)
        return [Read(piece.window, piece.kind, piece.mode, cost=cost, strict=piece.strict, must=True)]

    def _evenly(self, window: Window, kind: Kind, number: int) -> list[Read]:
        """Equally long pieces from the window's first row to its last, as Debitura has them."""
        first, last = (self._date_of(window, kind, newest_first=newest) for newest in (False, True))
        if first is None or last is None:
            return self._between(window, kind, [])
        step = (last + ONE_TICK - first) / number
        return self._between(window, kind, [first + step * place for place in range(1, number)])

    def _between(self, window: Window, kind: Kind, cuts: Sequence[datetime]) -> list[Read]:
        inside = sorted({cut for cut in cuts if window.can_be_cut(cut)})
        edges = [window.start, *inside, window.end]
        return [self._piece(Window(start, end), kind, PIECE) for start, end in pairwise(edges)]

    def _piece(self, window: Window, kind: Kind, rows: int) -> Read:
        cost = max(-(-rows // PAGE), 1)
        return Read(window, kind, self.ours.mode, cost=cost, strict=self.ours.count(window, kind) > 0)

    def _date_of(self, window: Window, kind: Kind, *, newest_first: bool) -> datetime | None:
        task = LookAt(window, kind, self.ours.mode, newest_first=newest_first)
        look = self.theirs.ask(task.look)
        self.take(look.rows)
        return look.newest if newest_first else look.oldest


def affordable(pieces: Sequence[Read], most: int | None) -> Sequence[Read]:
    """The first of the pieces, as many as `most` requests allow, and at least one; all where there is no limit."""
    cost = 0
    for place, piece in enumerate(pieces):
        cost += piece.cost
        if place and most is not None and cost > most:
            return pieces[:place]
    return pieces
