"""The table of the benchmarks."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, Side, at_least, at_most, number, table, within


def test_a_side_is_the_median_of_its_values() -> None:
    assert str(Side([3.0, 1.0, 2.0], "s", "to drain")) == "2 s to drain"


@pytest.mark.parametrize(("ours", "holds"), [(3.0, True), (3.01, False)])
def test_at_most_compares_with_the_limit(ours: float, holds: bool) -> None:
    assert at_most("Load", Side([ours], "s"), Side([2.0], "s"), 1.5).holds is holds


@pytest.mark.parametrize(("ours", "holds"), [(8.0, True), (7.99, False)])
def test_at_least_compares_with_the_limit(ours: float, holds: bool) -> None:
    assert at_least("Load", Side([ours], "rows/s"), Side([2.0], "rows/s"), 4).holds is holds


def test_a_figure_that_was_wrong_does_not_hold_however_fast() -> None:
    assert at_most("Load", Side([1.0], "s"), Side([2.0], "s"), 1.5, holds=False).holds is False


def test_within_compares_with_a_number() -> None:
    found = within("First byte", Side([12.0], "ms"), 50)
    assert found == Figure("First byte", "12 ms", "–", "–", "≤ 50 ms", True)


@pytest.mark.parametrize(
    ("value", "text"), [(0.456, "0.46"), (7.0, "7"), (12.34, "12.3"), (123.4, "123"), (46512.3, "46,512")]
)
def test_number_keeps_what_matters(value: float, text: str) -> None:
    assert number(value) == text


def test_the_table_is_markdown() -> None:
    lines = table([Figure("Load", "1 s", "2 s", "0.50×", "≤ 1×", True), Figure("Rows", "7")]).splitlines()
    assert lines == [
        "| Figure | Feeboard | The other side | Ratio | Wanted | Holds |",
        "| --- | --- | --- | --- | --- | --- |",
        "| Load | 1 s | 2 s | 0.50× | ≤ 1× | yes |",
        "| Rows | 7 | – | – | – | – |",
    ]
