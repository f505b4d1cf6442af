"""One line of the table, however it was measured, and the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

HEADER = ("Figure", "Feeboard", "The other side", "Ratio", "Wanted", "Holds")


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured on both sides, in words with units; `holds` None where nothing was asked for."""

    name: str
    ours: str
    other: str = "–"
    ratio: str = "–"
    wanted: str = "–"
    holds: bool | None = None

    def cells(self) -> tuple[str, ...]:
        verdict = "–" if self.holds is None else "yes" if self.holds else "**no**"
        return (self.name, self.ours, self.other, self.ratio, self.wanted, verdict)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the median of several measurements, in `unit`, and what they are of."""

    values: Sequence[float]
    unit: str
    of: str = ""

    @property
    def value(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        return " ".join(filter(None, (number(self.value), self.unit, self.of)))


def at_most(name: str, ours: Side, other: Side, limit: float, *, holds: bool = True) -> Figure:
    """Ours over theirs, which may reach `limit`; with `holds` False it was missed for another reason too."""
    return _compared(name, ours, other, f"≤ {limit:g}×", holds and ours.value <= limit * other.value)


def at_least(name: str, ours: Side, other: Side, limit: float) -> Figure:
    """Ours over theirs, which has to reach `limit`."""
    return _compared(name, ours, other, f"≥ {limit:g}×", ours.value >= limit * other.value)


def within(name: str, ours: Side, limit: float, *, other: str = "–", holds: bool = True) -> Figure:
    """Ours against a fixed number of the same unit."""
    return Figure(name, str(ours), other, "–", f"≤ {number(limit)} {ours.unit}", holds and ours.value <= limit)


def _compared(name: str, ours: Side, other: Side, wanted: str, holds: bool) -> Figure:
    ratio = ours.value / other.value if other.value else float("inf")
    return Figure(name, str(ours), str(other), f"{ratio:.2f}×", wanted, holds)


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [HEADER, tuple("---" for _ in HEADER), *(figure.cells() for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
