"""How figures are written on a screen."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from walls.boards import Amount, Base, Board, Count, Figure, Since
from walls.models import BoardKey, Privacy
from walls.numbers import amount_text, whole_text
from walls.privacy import allowed
from walls.tiles import LONGEST_NAME, Tile, sheet_of, shortened


def tile(figure: Figure, style: str = "en") -> Tile:
    return sheet_of(Board(BoardKey.CASH, "Cash", (figure,)), style).tiles[0]


def usd(value: str, estimate: str = "0") -> Amount:
    return Amount(Decimal(value), Decimal(estimate))


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("en", "−1,234,567.89"),
        ("da", "−1.234.567,89"),
        ("sv", "−1\u202f234\u202f567,89"),
        ("ch", "−1’234’567.89"),
    ],
)
def test_numbers_in_the_language_of_the_screen(style, text):
    assert amount_text(Decimal("-1234567.89"), style) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (-1234, "−1.234"), (Decimal(1234567), "1.234.567")])
def test_whole_numbers(value, text):
    assert whole_text(value, "da") == text


def test_unknown_amount_is_a_dash_and_never_zero():
    assert tile(Figure(label="x")).value == "—"
    assert tile(Figure(label="x", amount=usd("0"))).value == "0.00"


def test_estimates_are_marked_and_told_apart_to_the_cent():
    found = tile(Figure(label="x", amount=usd("10.005", "3.005")))
    assert (found.value, found.parts, found.is_estimate) == ("≈\u00a010.00", "7.00 firm + ≈\u00a03.00", True)
    assert tile(Figure(label="x", amount=usd("3", "3"))).parts == "all of it estimated"
    assert tile(Figure(label="x", amount=usd("3"))).parts == ""


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        ("150", "100", "50.00 more than May (+50 %)"),
        ("50", "200", "150.00 less than May (−75 %)"),
        ("50", "99.99", "49.99 less than May"),
        ("50", "-200", "250.00 more than May"),
        ("7", "7", "as much as May"),
    ],
)
def test_comparison_in_words_without_a_percentage_on_a_small_base(now, before, words):
    assert tile(Figure(label="x", amount=usd(now), since=Since(usd(before), "May"))).change == words


def test_change_is_the_difference_of_what_is_shown():
    figure = Figure(label="x", amount=usd("10.004"), since=Since(usd("3.006", "1"), "May"), is_change=True)
    found = tile(figure)
    assert (found.value, found.change, found.trend) == ("≈\u00a0+6.99", "from 3.01 to 10.00", "more")


def test_figures_of_a_board_are_sized_by_the_longest():
    figures = (Figure(label="a", count=Count(1, "pulls")), Figure(label="b", amount=usd("123456789.01")))
    # Eleven digits, and three signs that take half of one.
    assert sheet_of(Board(BoardKey.CASH, "Cash", figures), "en").room == 13


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a" * LONGEST_NAME, "a" * LONGEST_NAME),
        ("a" * 201, "a" * 199 + "…"),
        ("株" * 101, "株" * 99 + "…"),
        ("e\u0301" * 200, "e\u0301" * 200),
        ("two\nlines\x00 and\u2028 more", "two lines and more"),
    ],
)
def test_names_are_shortened_by_their_width_only_where_they_are_very_long(name, shown):
    assert shortened(name) == shown


def test_index_is_in_whole_points_and_tells_no_parts():
    board = Board(
        BoardKey.CASH, "Cash", (Figure(label="x", amount=usd("123.45", "23.45"), since=Since(usd("50"), "May")),)
    )
    [indexed] = allowed([board], Privacy.INDEX, Base(date(2026, 2, 1), Decimal("300")))
    [found] = sheet_of(indexed, "en").tiles
    assert (found.value, found.parts, found.change) == ("≈\u00a041", "", "24 more than May (+141 %)")
