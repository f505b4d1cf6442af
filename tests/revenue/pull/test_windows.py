"""The algebra of windows: halves add up to the whole, and a comparison never excuses more than roundings can do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from partners.debitura.filters import first_instant, last_instant
from partners.fields import add_exactly
from revenue.pull.reconcile import NO_ROWS, Figure, Figures
from revenue.pull.windows import Told, Window, gap, total_rows
from revenue.stages import STAGES, Stage

moments = st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
fees = st.decimals(0, 10_000, places=6)
rows = st.lists(st.tuples(st.sampled_from(STAGES), fees), max_size=30)
CENT = Decimal("0.01")


def add_figures(one: Figures, other: Figures) -> dict[Stage, Figure]:
    """The figures of two sets of rows together."""
    both = dict(one)
    for stage, figure in other.items():
        before = both.get(stage, NO_ROWS)
        both[stage] = Figure(add_exactly(before.fee_usd, figure.fee_usd), before.count + figure.count)
    return both


def _figures(of: list[tuple[Stage, Decimal]]) -> dict[Stage, Figure]:
    figures: dict[Stage, Figure] = {}
    for stage, fee in of:
        figures = add_figures(figures, {stage: Figure(fee, 1)})
    return figures


def _told(of: list[tuple[Stage, Decimal]]) -> Told:
    """As Debitura says it: each sum rounded to the cent."""
    figures = _figures(of)
    stages = {stage: figures.get(stage, NO_ROWS) for stage in STAGES}
    rounded = {
        stage: Figure(figure.fee_usd.quantize(CENT, ROUND_HALF_EVEN), figure.count) for stage, figure in stages.items()
    }
    return Told(rounded, len(of))


@given(first=rows, second=rows, third=rows)
def test_what_is_left_by_subtraction_agrees_with_the_rows_that_are_left(
    first: list[tuple[Stage, Decimal]], second: list[tuple[Stage, Decimal]], third: list[tuple[Stage, Decimal]]
) -> None:
    left = _told(first + second + third).minus(_told(first)).minus(_told(second))
    assert not gap(_figures(third), left)


@given(of=rows.filter(bool), more=st.decimals("0.02", 100, places=4))
def test_window_with_another_sum_or_another_row_differs(of: list[tuple[Stage, Decimal]], more: Decimal) -> None:
    (stage, fee), *rest = of
    told = _told(of)
    assert gap(_figures([(stage, fee + more), *rest]), told).sums == {stage}
    assert gap(_figures(rest), told).counts
    assert gap(add_figures(_figures(of), {Stage.OUTSIDE: Figure(Decimal(0), 1)}), told).counts


@given(of=rows)
def test_rows_are_counted_in_all_stages_and_in_none(of: list[tuple[Stage, Decimal]]) -> None:
    assert total_rows(_figures(of)) == len(of)


@given(cut=moments, ticks=st.integers(0, 9), away=st.integers(-2, 2))
def test_every_tick_of_debituras_clock_lies_in_exactly_one_of_two_halves(cut: datetime, ticks: int, away: int) -> None:
    before, after = Window().cut(cut)
    moment = cut + timedelta(microseconds=away)
    assert before.holds(moment) is not after.holds(moment)
    text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}{ticks}Z"
    assert before.holds(moment) is (text <= last_instant(cut))
    assert after.holds(moment) is (text >= first_instant(cut))
