import io
from datetime import datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import unescape

from revenue.exports import sheets
from revenue.exports.archive import zipped
from revenue.exports.sheets import Heading, column_name, days, workbook, written_text
from tests.factories import NOW

# What clocks show, of whatever zone.
clock = datetime.fromisoformat


def opened(rows, facts=()):
    data = b"".join(zipped(workbook(iter(rows), [Heading("first", 20), Heading("second", 30)], facts), now=NOW))
    return openpyxl.load_workbook(io.BytesIO(data))


def values(sheet):
    return [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)]


def test_cells_keep_their_types():
    moment = clock("2026-03-29 01:59:59")
    rows = [["=1+1", Decimal("-1234.50")], [True, False], [moment, 3], [None, "http://example.com"]]
    sheet = opened(rows)["Payments"]
    assert values(sheet) == rows
    assert [sheet["A2"].data_type, sheet["B2"].data_type, sheet["A3"].data_type, sheet["A4"].data_type] == [*"snbd"]
    assert (sheet["B5"].data_type, sheet["B5"].hyperlink) == ("s", None)
    assert (sheet.freeze_panes, sheet.column_dimensions["B"].width) == ("A2", 30)


def test_workbook_without_rows_has_its_header_and_its_facts():
    book = opened([], [("Payments", 0), ("Fees (USD)", Decimal("0.00"))])
    assert [[cell.value for cell in row] for row in book["Payments"]] == [["first", "second"]]
    assert values(book["About"]) == [["Payments", 0], ["Fees (USD)", 0]]


@pytest.mark.parametrize(("count", "counts"), [(3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_rows_that_do_not_fit_go_to_further_sheets(monkeypatch, count, counts):
    monkeypatch.setattr(sheets, "MOST_ROWS", 3)
    book = opened([[str(number), number] for number in range(count)])
    found = [sheet for sheet in book if sheet.title != "About"]
    assert [sheet.title for sheet in found] == ["Payments", "Payments 2", "Payments 3"][: len(counts)]
    assert [len(values(sheet)) for sheet in found] == counts
    assert [row[1] for sheet in found for row in values(sheet)] == list(range(count))
    assert {sheet["A1"].value for sheet in found} == {"first"}


def test_sheet_ends_before_it_is_too_large_for_its_entry(monkeypatch):
    monkeypatch.setattr(sheets, "MOST_BYTES", sheets._LAST_PIECE_BYTES + 1)
    book = opened([["x", number] for number in range(450)])
    assert [sheet.max_row - 1 for sheet in book if sheet.title != "About"] == [200, 200, 50]


def test_excel_itself_holds_as_many_rows():
    assert sheets.MOST_ROWS == 1_048_575


@pytest.mark.parametrize(
    "amount", ["12.345678901234567890", "0.000000000000000000001", "9" * 40, "-0", "1E+20", "1E-20"]
)
def test_number_is_written_with_every_digit(amount):
    assert f"<v>{Decimal(amount):f}</v>" in sheets._cell("A1", Decimal(amount))


def test_number_that_excel_has_no_room_for_is_a_text():
    assert values(opened([[Decimal("1E+400"), 1]])["Payments"]) == [["1E+400", 1]]


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (clock("1900-03-01 00:00:00"), "61"),
        (clock("2026-03-05 12:00:00"), "46086.5"),
        (clock("2026-03-05 00:00:00.000001"), "46086.000000000012"),
    ],
)
def test_days(moment, day):
    assert days(moment) == day


def test_moment_before_excel_counts_right_is_a_text():
    assert values(opened([[clock("1900-02-28 12:00:00"), None]])["Payments"]) == [["1900-02-28 12:00:00", None]]


@given(st.datetimes(clock("1900-03-01 00:00:00"), clock("2200-01-01 00:00:00")))
def test_moment_comes_back_to_the_second(moment):
    [[back, _]] = values(opened([[moment, None]])["Payments"])
    assert abs(back - moment) < timedelta(milliseconds=1)


@given(st.text(max_size=40) | st.text(alphabet="_x0041\r\n\t\0\ufffe<&> ", max_size=12))
def test_text_comes_back_whatever_it_holds(text):
    [[back, _]] = values(opened([[text, 1]])["Payments"])
    assert unescape(back or "") == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("_x0041_", "_x005F_x0041_"),
        ("\r\n", "_x000D_\n"),
        ("a<b>&c", "a&lt;b&gt;&amp;c"),
        ("x" * 40_000, "x" * 32_767),
        ("🙂" * 20_000, "🙂" * 16_383),
    ],
)
def test_written_text(text, written):
    assert written_text(text) == written


@pytest.mark.parametrize("place", [0, 25, 26, 27, 51, 52, 701, 702])
def test_column_name(place):
    assert column_name(place) == get_column_letter(place + 1)
