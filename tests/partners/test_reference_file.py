"""Files of references: how they are read, and that what was written is what is read."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from partners.reference_file import HEADINGS, BadLine, Line, UnreadableFile, decoded, harmless, lines, meant
from partners.spreadsheets import FORMULA_STARTS

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NASTY = st.text(alphabet=[*"'=+-@\t\r\n,;\" aæ🧾\u2028\x85\ufeff"], max_size=8)
QUOTES = "The quotes do not match. Put a cell between two quotes, and write a quote inside it twice."


def pairs(text: str) -> list[tuple[str, str]]:
    """The references of a file of which every line can be used."""
    return [(line.debitura, line.partner) for line in lines(text) if isinstance(line, Line)]


def told(text: str) -> list[tuple[int, str, str]]:
    return [(line.number, line.text, line.message) for line in lines(text) if isinstance(line, BadLine)]


# --- Columns, quotes, ends of lines -----------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("headings", ["", "Debitura reference{}Partner reference", "DEBITURA_REF{}partner-ref"])
def test_columns_are_read_by_any_separator_and_end_of_line(separator: str, end: str, headings: str) -> None:
    rows = [headings.format(separator), f"Q1{separator}A & B", "", f'Q2{separator}"x{separator}""y"""', separator]

    assert pairs(end.join(rows)) == [("Q1", "A & B"), ("Q2", f'x{separator}"y"')]


def test_line_break_between_quotes_is_kept_and_the_lines_after_it_are_counted_on() -> None:
    text = 'Q1,"one\r\ntwo\nthree"\r\nQ2,x\r\n"Q3"junk,y'

    assert pairs(text) == [("Q1", "one\r\ntwo\nthree"), ("Q2", "x")]
    assert told(text) == [(5, '"Q3"junk,y', QUOTES)]


def test_quote_that_is_never_closed_spoils_its_own_line_alone() -> None:
    text = 'Q1,"open\nQ2,x\nQ3,y'

    assert told(text) == [(1, 'Q1,"open', QUOTES)]
    assert pairs(text) == [("Q2", "x"), ("Q3", "y")]


def test_blanks_around_a_quoted_cell_are_no_part_of_it() -> None:
    assert pairs('Q1, "A, B" \n') == [("Q1", "A, B")]


def test_quote_inside_a_bare_cell_stands_for_itself() -> None:
    assert pairs('Q1,12" pipe\n') == [("Q1", '12" pipe')]


def test_second_column_with_nothing_is_read_as_nothing() -> None:
    assert pairs('Q1,\nQ2,""\nQ3,  ') == [("Q1", ""), ("Q2", ""), ("Q3", "")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Q2", "There is one column only. Write the Debitura reference, a semicolon, and the partner reference."),
        ("Q2;a;b", "There are 3 columns instead of 2. Put a reference that holds a semicolon between quotes."),
        (";a", "There is no Debitura reference. Write it into the first column."),
    ],
)
def test_line_that_cannot_be_used_says_what_to_do(line: str, message: str) -> None:
    text = f"Q1;x\n\n{line}\nQ3;z"

    assert told(text) == [(3, line, message)]
    assert pairs(text) == [("Q1", "x"), ("Q3", "z")]


# --- Headings ---------------------------------------------------------------------------------------


def test_columns_that_have_a_heading_after_the_two_are_not_looked_at() -> None:
    text = "Debitura reference,Partner reference,Client\nQ1,A,Acme\nQ2,B\nQ3,C,Acme,more"

    assert pairs(text) == [("Q1", "A"), ("Q2", "B")]
    assert told(text) == [
        (4, "Q3,C,Acme,more", "There are 4 columns instead of 3. Put a reference that holds a comma between quotes.")
    ]


@pytest.mark.parametrize("headings", ["Debitura reference,Client,Partner reference", "Case reference"])
def test_headings_that_name_another_column_are_refused_with_the_whole_file(headings: str) -> None:
    with pytest.raises(UnreadableFile, match="its second column is not called “Partner reference”"):
        list(lines(f"{headings}\nQ1,Acme,A"))


@pytest.mark.parametrize("nothing", ["", "\ufeff", " \n,,\n\t\n", "Debitura reference,Partner reference\n"])
def test_file_without_a_line_is_refused(nothing: str) -> None:
    with pytest.raises(UnreadableFile, match="There is no line in it"):
        list(lines(nothing))


# --- Bytes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_is_read_in_utf8_and_in_utf16_with_its_mark(encoding: str) -> None:
    assert pairs(decoded("Q1,Ærø 🧾\n".encode(encoding))) == [("Q1", "Ærø 🧾")]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("Q1,a\r\nQ2,Ærø".encode("latin-1"), "The file is not in UTF-8: line 2 holds other bytes."),
        ("Q1,a\r\nQ2,".encode("utf-16") + b"\x00\xd8", "The file is not in UTF-16: line 2 holds other bytes."),
        (b"PK\x03\x04\x14\x00", "This is an Excel workbook."),
    ],
)
def test_other_bytes_are_refused_with_what_to_do(data: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        decoded(data)

    assert str(refused.value) == f"{sentence} Save it as “CSV UTF-8” and choose that file."


# --- There and back again ---------------------------------------------------------------------------


@given(TEXTS | NASTY)
@example("=1+1")
@example("'=1")
@example("''=1")
@example("'quoted'")
def test_every_text_is_written_harmless_and_read_as_it_was(text: str) -> None:
    assert not harmless(text).startswith(FORMULA_STARTS)
    assert meant(harmless(text)) == text


@given(st.lists(st.tuples(TEXTS | NASTY, TEXTS | NASTY).filter(lambda pair: pair[0].strip() != ""), min_size=1))
def test_every_pair_of_references_is_read_as_it_was_written(written: list[tuple[str, str]]) -> None:
    """As references are stored: trimmed."""
    trimmed = [(debitura, partner.strip()) for debitura, partner in written]
    file = io.StringIO(newline="")
    csv.writer(file).writerows([HEADINGS, *(map(harmless, pair) for pair in trimmed)])

    assert pairs(file.getvalue()) == trimmed


@given(NASTY | TEXTS)
def test_any_text_is_read_to_its_end_with_every_line_told_once(text: str) -> None:
    try:
        found = list(lines(text))
    except UnreadableFile:
        return
    numbers = [line.number for line in found]
    assert numbers == sorted(set(numbers))
    assert all(line.text in text for line in found)
