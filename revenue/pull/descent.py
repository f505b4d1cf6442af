"""From a window that differs down to the rows that make the difference, with few requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from revenue.pull.budget import BudgetSpent
from revenue.pull.ours import Ours
from revenue.pull.pieces import Pieces
from revenue.pull.theirs import Connections, Look, LookAt, Rows
from revenue.pull.windows import PAGE, Gap, Kind, Told, Window, gap, moved_everywhere

# Exchange rates move every estimate: where both halves moved everywhere so many times in a row, the window is read.
SURE_OF_A_TICK = 2
# Both halves of so few pages differ: to look for the rows costs as much as to read them all.
FEW_PAGES = 8


@dataclass(frozen=True, slots=True)
class Node:
    """A window whose figures are known.

    streak: how often both halves above it had moved everywhere. must_look: its figures are not to be relied on.
    is_dense: so much in it has changed that it is read.
    is_head: what lies before the newest of the few rows that we have of a larger window.
    """

    window: Window
    kind: Kind
    told: Told
    streak: int = 0
    must_look: bool = False
    is_head: bool = False
    is_dense: bool = False


@dataclass(frozen=True, slots=True)
class Half:
    """A window to look at: one side of a node, whose other side is `rest`; without one, the node itself."""

    node: Node
    window: Window
    rest: Window | None


@dataclass(slots=True)
class LeftForLater:
    """What the budget did not reach: how many rows of windows that differ were not read, by what differs there."""

    settled: int = 0
    new: int = 0
    estimates: int = 0

    def __bool__(self) -> bool:
        return bool(self.as_list())

    def as_list(self) -> list[dict[str, Any]]:
        """As PullRun.left_for_later has it."""
        found = {"settled": self.settled, "new": self.new, "estimates": self.estimates}
        return [{"what": what, "rows": rows} for what, rows in found.items() if rows]


@dataclass(slots=True)
class Descent:
    """Repairs windows that differ. What it does not reach with the budget, it notes in `left`."""

    ours: Ours
    theirs: Connections
    pieces: Pieces
    take: Callable[[Rows], None]
    left: LeftForLater = field(default_factory=LeftForLater)

    def repair(self, node: Node) -> None:
        """Settled rows first, then rows that came or went, then estimates. Raises BudgetSpent."""
        if node.told.rows <= PAGE or not self.ours.count(node.window):
            self._read([node])
            return
        if self._is_mostly_unknown(node):
            self._descend([node])
            return
        settled = self._part_of(node, Kind.SETTLED)
        if self._gap(settled) and not self._gap(Node(node.window, Kind.OPEN, node.told.minus(settled.told))):
            self._descend([settled])
            return
        estimates = self._part_of(node, Kind.OPEN)
        if settled.told.rows + estimates.told.rows != node.told.rows:
            # Rows of a status that is in neither list, or rows that moved just now.
            self._descend([node])
            return
        self.repair_both(settled, estimates)

    def repair_both(self, settled: Node, estimates: Node) -> None:
        """A window of both kinds. Raises BudgetSpent."""
        with self._leaving([estimates]):
            self._descend([settled])
        self._descend(self._descend([estimates], counts_first=True))

    def read_what_differs(self, node: Node) -> None:
        """Read the settled rows, the others, or both, without looking any closer. Raises BudgetSpent."""
        settled, estimates = (self._part_of(node, kind) for kind in (Kind.SETTLED, Kind.OPEN))
        differing = [part for part in (settled, estimates) if self._gap(part)]
        is_in_the_parts = settled.told.rows + estimates.told.rows == node.told.rows and differing
        self._read(differing if is_in_the_parts else [node])

    def differs(self, node: Node) -> bool:
        """Whether our side of the window is not what Debitura says."""
        return bool(self._gap(node))

    def leave(self, node: Node) -> None:
        """Note a window for later, where it differs."""
        found = self._gap(node)
        if node.kind is Kind.SETTLED and found:
            self.left.settled += node.told.rows
        elif found.counts:
            self.left.new += node.told.rows
        elif found:
            self.left.estimates += node.told.rows

    def _part_of(self, node: Node, kind: Kind) -> Node:
        with self._leaving([node]):
            [(_, look)] = self.looks([LookAt(node.window, kind, self.ours.mode)])
        return Node(node.window, kind, look.told)

    def looks(self, tasks: Iterable[LookAt]) -> Iterator[tuple[LookAt, Look]]:
        """Ask for the figures of windows, side by side, and take in what comes along."""
        for task, look in self.theirs.run(deque(tasks), LookAt.look):
            self.take(look.rows)
            yield task, look

    def _descend(self, nodes: Sequence[Node], *, counts_first: bool = False) -> list[Node]:
        """Look closer, level by level; `counts_first`: windows that differ only in sums are left alone and returned."""
        waiting: list[Node] = []
        while nodes:
            differing = [(node, found) for node in nodes if (found := self._gap(node)) or node.must_look]
            if counts_first:
                waiting += [node for node, found in differing if not found.counts]
                differing = [(node, found) for node, found in differing if found.counts]
            with self._leaving(waiting):
                nodes = self._one_level([node for node, _ in differing])
        return waiting

    def _one_level(self, nodes: Sequence[Node]) -> list[Node]:
        """Read what is small, new or moved everywhere; cut the rest in two, and return the halves."""
        to_read, halves = [], []
        for node in nodes:
            if node.must_look:
                halves.append(Half(node, node.window, None))
                continue
            cut = None if self._is_to_be_read(node) else self._cut(node)
            if cut is None:
                to_read.append(node)
            else:
                halves.append(Half(node, *node.window.cut(cut)))
        with self._leaving([half.node for half in halves]):
            self._read(to_read)
            return self._look_at(halves)

    def _look_at(self, halves: Sequence[Half]) -> list[Node]:
        """One request for one half; what is left of the whole is the other one."""
        by_window = {(half.window, half.node.kind): half for half in halves}
        found: list[Node] = []
        for task, look in self.looks(LookAt(window, kind, self.ours.mode) for window, kind in by_window):
            found += self._both(by_window[task.window, task.kind], look.told)
        return found

    def _both(self, half: Half, told: Told) -> list[Node]:
        node = half.node
        this = Node(half.window, node.kind, told, is_head=self._is_mostly_unknown(node))
        if half.rest is None:
            return [this]
        other = Node(half.rest, node.kind, node.told.minus(told))
        if node.told.rows <= FEW_PAGES * PAGE and self._gap(this) and self._gap(other):
            return [replace(node, is_dense=True)]
        if self._moved_everywhere(this) and self._moved_everywhere(other):
            this, other = (replace(side, streak=node.streak + 1) for side in (this, other))
        if self._gap(node) and not self._gap(this) and not self._gap(other):
            # Roundings hide it, or something moved between the two answers.
            other = replace(other, must_look=True)
        return [this, other]

    def _is_to_be_read(self, node: Node) -> bool:
        is_a_tick = node.kind is Kind.OPEN and node.streak >= SURE_OF_A_TICK
        is_new = self._is_mostly_unknown(node) and (node.is_head or not self.ours.count(node.window, node.kind))
        return node.is_dense or node.told.rows <= PAGE or is_a_tick or is_new

    def _is_mostly_unknown(self, node: Node) -> bool:
        return self.ours.count(node.window, node.kind) * 2 < node.told.rows

    def _cut(self, node: Node) -> datetime | None:
        """Half of our rows on each side; where we know few, as after a first load that was killed, behind what we know."""
        if self._is_mostly_unknown(node):
            newest = self.ours.days(node.window, node.kind)[-1][0]
            cut = datetime(newest.year, newest.month, newest.day, tzinfo=UTC)
            if node.window.can_be_cut(cut):
                return cut
        return self.ours.middle(node.window, node.kind)

    def _read(self, nodes: Sequence[Node]) -> None:
        for place, node in enumerate(nodes):
            with self._leaving(nodes[place:]):
                self.pieces.read(node.window, node.kind, node.told.rows)

    @contextmanager
    def _leaving(self, nodes: Sequence[Node]) -> Iterator[None]:
        """Where the budget ends in here, these are left for later."""
        try:
            yield
        except BudgetSpent:
            for node in nodes:
                self.leave(node)
            raise

    def _gap(self, node: Node) -> Gap:
        return gap(self.ours.figures(node.window, node.kind), node.told)

    def _moved_everywhere(self, node: Node) -> bool:
        return moved_everywhere(self.ours.figures(node.window, node.kind), node.told)
