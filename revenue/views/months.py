"""Fee by month: the chart's data, and the same figures as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from revenue.charts import month_chart
from revenue.filters import RevenueFilter
from revenue.periods import ONE_DAY, add_months
from revenue.selectors.totals import add_up
from revenue.selectors.trends import MonthRow
from revenue.stages import STAGES, Stage


@dataclass(frozen=True, slots=True)
class Cell:
    """A sum of fees in USD, exact, and the part of it that is estimated."""

    fee: Decimal
    estimate: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """One month: `query` leads to its payments. cells: one a stage of the table. total, count: over the seven stages."""

    first: date
    query: str
    cells: tuple[Cell, ...]
    total: Cell
    count: int
    outside: Cell


@dataclass(frozen=True, slots=True)
class MonthTable:
    """The months, the latest first; stages without any fee have no column.

    total: over the seven stages. outside: the fees outside every stage, which are in no total; None where there are none.
    """

    stages: tuple[Stage, ...]
    lines: tuple[Line, ...]
    sums: tuple[Cell, ...]
    total: Cell
    outside: Cell | None
    chart: dict[str, Any]


def month_table(f: RevenueFilter, months: Sequence[MonthRow]) -> MonthTable:
    """The table and the chart of `months`, which are those of `f`."""
    stages = tuple(stage for stage in STAGES if any(row.totals[stage] for row in months))
    lines = tuple(_line(f, row, stages) for row in reversed(months))
    has_outside = any(row.totals[Stage.OUTSIDE] for row in months)
    return MonthTable(
        stages=stages,
        lines=lines,
        sums=tuple(_sum(line.cells[place] for line in lines) for place in range(len(stages))),
        total=_sum(line.total for line in lines),
        outside=_sum(line.outside for line in lines) if has_outside else None,
        chart=month_chart(months),
    )


def _line(f: RevenueFilter, row: MonthRow, stages: tuple[Stage, ...]) -> Line:
    # The list behind a month at the edge holds no day that the filter leaves out.
    first = max(row.first, f.period.first or row.first)
    end = add_months(row.first, 1) - ONE_DAY
    last = min(end, f.period.last or end)
    return Line(
        first=row.first,
        query=f.query(**{"from": first, "to": last}),
        cells=tuple(Cell(row.totals[stage], row.estimates[stage]) for stage in stages),
        total=Cell(row.fee_usd, row.estimate_fee_usd),
        count=row.count,
        outside=Cell(row.totals[Stage.OUTSIDE], row.estimates[Stage.OUTSIDE]),
    )


def _sum(cells: Iterable[Cell]) -> Cell:
    parts = tuple(cells)
    return Cell(add_up(cell.fee for cell in parts), add_up(cell.estimate for cell in parts))
