import json
from datetime import date
from decimal import Decimal

from revenue.charts import month_chart
from revenue.selectors.trends import EVERY_STAGE, Fee, MonthRow, add_fees
from revenue.stages import STAGES, Stage


def row(first, fees):
    every = dict.fromkeys(EVERY_STAGE, Fee()) | fees
    return MonthRow(first=first, fees=every, total=add_fees(every[stage] for stage in STAGES), count=1)


def test_chart_has_a_dataset_for_every_stage_with_a_fee():
    chart = month_chart(
        [
            row(date(2026, 2, 1), {Stage.PAID: Fee(Decimal("1234.565"))}),
            row(
                date(2026, 3, 1),
                {Stage.PENDING: Fee(Decimal("2.5"), estimate=Decimal("2.5")), Stage.PAID: Fee(Decimal("-3"))},
            ),
        ]
    )
    assert json.loads(json.dumps(chart)) == {
        "labels": ["Feb 2026", "Mar 2026"],
        "unit": "USD",
        "datasets": [
            {
                "stage": "pending",
                "label": "Pending",
                "color": "--stage-pending",
                "values": [0.0, 2.5],
                "texts": ["0.00", "≈ 2.50"],
            },
            {
                "stage": "paid",
                "label": "Paid",
                "color": "--stage-paid",
                "values": [1234.565, -3.0],
                "texts": ["1,234.56", "−3.00"],
            },
        ],
        "totals": ["1,234.56", "≈ −0.50"],
    }


def test_chart_of_nothing():
    assert month_chart([]) == {"labels": [], "unit": "USD", "datasets": [], "totals": []}
