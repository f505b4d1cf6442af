"""A screen's page that runs through weeks of refreshes in seconds, and what its browser holds before and after."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

from playwright.sync_api import CDPSession, Page

# Refreshes after which everything that a page keeps is there.
WARM = 200
# A page holds some of what it held last time until the next collection; Chromium needs more than one for all of it.
COLLECTIONS = 3
_HURRY = Path(__file__).parent / "hurry.js"


@dataclass(frozen=True, slots=True)
class Held:
    """What a page holds after a garbage collection: bytes of JavaScript objects, DOM nodes, event listeners."""

    heap: int
    nodes: int
    listeners: int


@dataclass(frozen=True, slots=True)
class Growth:
    """What a page held after WARM refreshes and at the end, and how many days went by on its clock."""

    refreshes: int
    days: float
    first: Held
    last: Held

    @property
    def worst(self) -> float:
        """The largest of the three ratios of last to first."""
        pairs = zip(astuple(self.first), astuple(self.last), strict=True)
        return max(float(last / first) for first, last in pairs)

    def __str__(self) -> str:
        first, last = self.first, self.last
        return (
            f"{self.refreshes:,} refreshes, {self.days:.0f} days: heap {first.heap:,} → {last.heap:,} bytes "
            f"({last.heap / first.heap - 1:+.1%}), {first.nodes:,} → {last.nodes:,} nodes, "
            f"{first.listeners:,} → {last.listeners:,} listeners"
        )


def put_in_a_hurry(page: Page) -> None:
    """From the next address that it opens on, the page's clock goes only in `growth_of`."""
    page.add_init_script(path=_HURRY)


def growth_of(page: Page, refreshes: int, **given: int) -> Growth:
    """Refresh so many times in all; `given` goes to `hurry` (hurry.js)."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.evaluate("hurry", {"refreshes": WARM, **given})
    first = _held(session)
    passed: float = page.evaluate("hurry", {"refreshes": refreshes - WARM, **given})
    return Growth(refreshes, passed / 86_400_000, first, _held(session))


def _held(session: CDPSession) -> Held:
    for _ in range(COLLECTIONS):
        session.send("HeapProfiler.collectGarbage")
    found = {one["name"]: int(one["value"]) for one in session.send("Performance.getMetrics")["metrics"]}
    return Held(found["JSHeapUsedSize"], found["Nodes"], found["JSEventListeners"])
