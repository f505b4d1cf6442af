"""The file of references: a case a line, Debitura's reference first, the partner's own second. Plain: no database.

It is read as people write it and spreadsheets save it: by commas, semicolons or tabs, with quotes as RFC 4180 has them,
with or without a line of headings. What `harmless` wrote, `meant` reads, whatever it was.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

HEADINGS = ("Debitura reference", "Partner reference")
_DEBITURA_HEADINGS = frozenset({"debitura reference", "debitura ref", "case reference", "case", "case id", "reference"})
_PARTNER_HEADINGS = frozenset({"partner reference", "partner ref", "collection partner reference"})
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_NEWLINE = re.compile(r"\r\n|\n|\r")
_QUOTED = r'"((?:[^"]++|"")*+)"'
# The separator is what ends the first cell that has something in it and something behind it.
_FIRST_CELL = re.compile(rf"(?<![^\r\n])(?: *{_QUOTED} *|[^\"\t;,\r\n]++)([\t;,])")
# As partners.spreadsheets knows them; behind apostrophes, too, so that each text is written in a way of its own.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


# A cell between quotes, or a bare one, by separator.
_CELLS = {
    separator: re.compile(rf' *{_QUOTED} *(?=[{separator}\r\n]|\Z)|(?! *")([^{separator}\r\n]*+)')
    for separator in _SEPARATORS
}


class UnreadableFile(ValueError):
    """Nothing of the file can be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of two references as they are meant, the second one not trimmed.

    number: where in the file it begins, from 1. text: as it stands there.
    """

    number: int
    text: str
    debitura: str
    partner: str

    def bad(self, message: str) -> BadLine:
        """The same line as one that cannot be used."""
        return BadLine(self.number, self.text, message, self.debitura, self.partner)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used; `message` says what to do.

    debitura, partner: its references, to be mended. Where they cannot be told apart, the whole line is the second of them:
    one that is sent again as it is stays a bad line, and clears nothing.
    """

    number: int
    text: str
    message: str
    debitura: str
    partner: str


@dataclass(frozen=True, slots=True)
class _Record:
    """The cells of a line; None where its quotes match nothing."""

    number: int
    text: str
    cells: list[str] | None


def harmless(text: str) -> str:
    """A cell that no spreadsheet runs as a formula: with an apostrophe before what would be one."""
    return f"'{text}" if _FORMULA.match(text) else text


def meant(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its byte order mark. Raises UnreadableFile."""
    if data.startswith(b"PK\x03\x04"):
        raise UnreadableFile("This is an Excel workbook. Save it as “CSV UTF-8” and choose that file.")
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        number = len(_NEWLINE.findall(data[: error.start].decode(encoding, "ignore"))) + 1
        raise UnreadableFile(
            f"The file is not in {encoding.upper()}: line {number} holds other bytes. "
            "Save it as “CSV UTF-8” and choose that file."
        ) from error


def lines(text: str) -> Iterator[Line | BadLine]:
    """The lines of a file without its headings and without blank ones. Raises UnreadableFile."""
    text = text.removeprefix("\ufeff")
    separator = _separator(text)
    found = (record for record in _records(text, separator) if not _is_blank(record))
    first, width = next(found, None), len(HEADINGS)
    if first is not None and _is_headings(first):
        # Columns that have a heading may follow the two; they are not looked at.
        width = max(width, len(first.cells or ()))
        first = next(found, None)
    if first is None:
        raise UnreadableFile("There is no line in it. Write a Debitura reference and a partner reference in each.")
    for record in chain([first], found):
        yield _line(record, width, _SEPARATORS[separator])


def _separator(text: str) -> str:
    found = _FIRST_CELL.search(text)
    return found[2] if found else next(iter(_SEPARATORS))


def _records(text: str, separator: str) -> Iterator[_Record]:
    """Every line; one whose quotes match nothing ends where it ends for the eye, so that the next ones are not lost."""
    position, number = 0, 1
    while position < len(text):
        cells, end = _cells(text, position, separator)
        if cells is None:
            newline = _NEWLINE.search(text, position)
            end = newline.start() if newline else len(text)
        yield _Record(number, text[position:end], cells)
        after = _NEWLINE.match(text, end)
        after_end = after.end() if after else end
        number += len(_NEWLINE.findall(text, position, after_end))
        position = after_end


def _cells(text: str, position: int, separator: str) -> tuple[list[str] | None, int]:
    """The cells of the line that begins at `position`, and where it ends; None where its quotes match nothing."""
    pattern, cells = _CELLS[separator], []
    while found := pattern.match(text, position):
        quoted, bare = found.groups()
        cells.append(bare if quoted is None else quoted.replace('""', '"'))
        position = found.end()
        if text[position : position + 1] != separator:
            return cells, position
        position += 1
    return None, position


def _is_blank(record: _Record) -> bool:
    return record.cells is not None and not any(cell.strip() for cell in record.cells)


def _is_headings(record: _Record) -> bool:
    """Whether the line names the columns. Raises UnreadableFile where it names the second one something else."""
    names = [" ".join(re.split(r"[\W_]+", cell)).strip().casefold() for cell in record.cells or ()]
    if not names or names[0] not in _DEBITURA_HEADINGS:
        return False
    if len(names) == 1 or names[1] not in _PARTNER_HEADINGS:
        raise UnreadableFile(
            f"Line {record.number} is a line of headings, and its second column is not called “{HEADINGS[1]}”. "
            f"Put the Debitura reference into the first column and the partner reference into the second."
        )
    return True


def _line(record: _Record, width: int, separator: str) -> Line | BadLine:
    """separator: what it is called."""

    def bad(message: str) -> BadLine:
        return BadLine(record.number, record.text, message, "", record.text)

    if record.cells is None:
        return bad("The quotes do not match. Put a cell between two quotes, and write a quote inside it twice.")
    if len(record.cells) == 1:
        return bad(f"There is one column only. Write the Debitura reference, a {separator}, and the partner reference.")
    if len(record.cells) > width:
        many = f"There are {len(record.cells)} columns instead of {width}."
        return bad(f"{many} Put a reference that holds a {separator} between quotes.")
    # White space around the partner's own is no part of it, and would hide the apostrophe.
    line = Line(record.number, record.text, meant(record.cells[0]), meant(record.cells[1].strip()))
    return (
        line if line.debitura.strip() else line.bad("There is no Debitura reference. Write it into the first column.")
    )
