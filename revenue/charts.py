"""What the page's script draws, as plain data. The exact figures travel as text; floats are for the height of a bar alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from revenue.money import format_amount
from revenue.selectors.trends import EVERY_STAGE, Fee, MonthRow
from revenue.stages import TEXTS, Stage


def month_chart(months: Sequence[MonthRow]) -> dict[str, Any]:
    """Fee by month, stacked by stage: {"labels", "unit", "datasets": [{"stage", "label", "color", "values", "texts"}], "totals"}.

    labels: "Mar 2026". color: the CSS variable of the stage. values: USD as numbers for the canvas. texts, totals: the
    exact amounts as the table says them, ≈ before one that holds estimates. A stage without any fee has no dataset.
    """
    filled = {stage for row in months for stage, fee in row.fees.items() if fee.fee}
    return {
        "labels": [f"{row.first:%b %Y}" for row in months],
        "unit": "USD",
        "datasets": [_dataset(stage, months) for stage in EVERY_STAGE if stage in filled],
        "totals": [_text(row.total) for row in months],
    }


def color_variable(stage: Stage) -> str:
    """The CSS custom property that holds the colour of a stage."""
    return f"--stage-{stage.value}"


def _dataset(stage: Stage, months: Sequence[MonthRow]) -> dict[str, Any]:
    return {
        "stage": stage.value,
        "label": TEXTS[stage].label,
        "color": color_variable(stage),
        "values": [float(row.fees[stage].fee) for row in months],
        "texts": [_text(row.fees[stage]) for row in months],
    }


def _text(fee: Fee) -> str:
    return f"≈ {format_amount(fee.fee)}" if fee.estimate else format_amount(fee.fee)
