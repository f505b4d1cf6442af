"""What the page's script draws, as plain data. The exact figures travel as text; floats are for the height of a bar alone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from revenue.money import format_amount
from revenue.selectors.trends import EVERY_STAGE, MonthRow
from revenue.stages import TEXTS, Stage


def month_chart(months: Sequence[MonthRow]) -> dict[str, Any]:
    """Fee by month, stacked by stage: {"labels", "unit", "datasets": [{"stage", "label", "color", "values", "texts"}], "totals"}.

    labels: "Mar 2026". color: the CSS variable of the stage. values: USD as numbers for the canvas. texts, totals: the
    exact amounts as the table says them, ≈ before one that holds estimates. A stage without any fee has no dataset.
    """
    return {
        "labels": [f"{row.first:%b %Y}" for row in months],
        "unit": "USD",
        "datasets": [_dataset(stage, months) for stage in EVERY_STAGE if any(row.totals[stage] for row in months)],
        "totals": [_text(row.fee_usd, row.estimate_fee_usd) for row in months],
    }


def color_variable(stage: Stage) -> str:
    """The CSS custom property that holds the colour of a stage."""
    return f"--stage-{stage.value}"


def _dataset(stage: Stage, months: Sequence[MonthRow]) -> dict[str, Any]:
    return {
        "stage": stage.value,
        "label": TEXTS[stage].label,
        "color": color_variable(stage),
        "values": [float(row.totals[stage]) for row in months],
        "texts": [_text(row.totals[stage], row.estimates[stage]) for row in months],
    }


def _text(amount: Decimal, estimate: Decimal) -> str:
    return f"≈ {format_amount(amount)}" if estimate else format_amount(amount)
