"""Fee by month: the chart's data, and the same figures as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from revenue.charts import month_chart
from revenue.filters import RevenueFilter
from revenue.periods import ONE_DAY, add_months
from revenue.selectors.trends import Fee, MonthRow, add_fees
from revenue.stages import STAGES, Stage


@dataclass(frozen=True, slots=True)
class Line:
    """One month: `query` leads to its payments. cells: one a stage of the table. total, count: over the seven stages."""

    first: date
    query: str
    cells: tuple[Fee, ...]
    total: Fee
    count: int
    outside: Fee


@dataclass(frozen=True, slots=True)
class MonthTable:
    """The months, the latest first; stages without any fee have no column.

    total: over the seven stages. outside: the fees outside every stage, which are in no total; None where there are none.
    """

    stages: tuple[Stage, ...]
    lines: tuple[Line, ...]
    sums: tuple[Fee, ...]
    total: Fee
    outside: Fee | None
    chart: dict[str, Any]


def month_table(f: RevenueFilter, months: Sequence[MonthRow]) -> MonthTable:
    """The table and the chart of `months`, which are those of `f`."""
    filled = {stage for row in months for stage, fee in row.fees.items() if fee.fee}
    stages = tuple(stage for stage in STAGES if stage in filled)
    other_conditions = f.query(**{"period": "", "from": "", "to": ""})
    lines = tuple(_line(f, row, stages, other_conditions) for row in reversed(months))
    return MonthTable(
        stages=stages,
        lines=lines,
        sums=tuple(add_fees(row.fees[stage] for row in months) for stage in stages),
        total=add_fees(row.total for row in months),
        outside=add_fees(row.fees[Stage.OUTSIDE] for row in months) if Stage.OUTSIDE in filled else None,
        chart=month_chart(months),
    )


def _line(f: RevenueFilter, row: MonthRow, stages: tuple[Stage, ...], other_conditions: str) -> Line:
    # The list behind a month at the edge holds no day that the filter leaves out.
    first = max(row.first, f.period.first or row.first)
    end = add_months(row.first, 1) - ONE_DAY
    last = min(end, f.period.last or end)
    days = f"from={first}&to={last}"
    return Line(
        first=row.first,
        query=f"{days}&{other_conditions}" if other_conditions else days,
        cells=tuple(row.fees[stage] for stage in stages),
        total=row.total,
        count=row.count,
        outside=row.fees[Stage.OUTSIDE],
    )
