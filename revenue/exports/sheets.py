"""The sheets of an Excel workbook (ISO/IEC 29500, SpreadsheetML), written a row at a time.

Written by hand because nothing else writes into a stream: packages that make workbooks put every sheet into a file first,
two gigabytes for a million rows. A text is always an inline string, which Excel takes for neither a formula nor a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count, islice
from typing import NamedTuple

from revenue.exports.archive import MOST_BYTES, Member, Members
from revenue.exports.cells import Typed

# What a sheet holds beside its header.
MOST_ROWS = (1 << 20) - 1
# UTF-16 units of a text; a workbook with a longer one counts as damaged.
LONGEST_TEXT = 32_767
# Rows that are handed on at once, and what they may come to when a sheet is all but full.
_PIECE = 200
_LAST_PIECE_BYTES = 1 << 28
# The day before is day 0 of Excel, which takes 1900 for a leap year: from here on its days are right.
_FIRST_MOMENT = datetime.fromisoformat("1900-03-01")
_DAY_ZERO = datetime.fromisoformat("1899-12-30")
_DAY = Decimal(86_400_000_000)
_LARGEST = Decimal("1E307")
_NAMESPACE = "http://schemas.openxmlformats.org"
_MAIN = f"{_NAMESPACE}/spreadsheetml/2006/main"
_RELATIONS = f"{_NAMESPACE}/package/2006/relationships"
_OFFICE = f"{_NAMESPACE}/officeDocument/2006/relationships"
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# What XML has names for; what it has no way to write, and what would be read as Excel's own way to write that.
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPED = re.compile("[&<>\0-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
# The places of these in _STYLES.
_MOMENT, _NUMBER, _BOLD = 1, 2, 3
_STYLES = f"""{_HEAD}<styleSheet xmlns="{_MAIN}">
<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>
<numFmt numFmtId="165" formatCode="#,##0.00####"/></numFmts>
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>
</styleSheet>"""


class Heading(NamedTuple):
    """The head of a column; its width in characters."""

    text: str
    width: int


def workbook(
    payments: Iterator[Sequence[Typed]], headings: Sequence[Heading], facts: Iterable[Sequence[Typed]]
) -> Members:
    """The parts of a workbook: the payments, on as many sheets as they need, and a sheet "About" with the facts.

    The parts that name the sheets come last: only then their number is known.
    """
    yield _part("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
    yield _part("xl/styles.xml", _STYLES)
    lines = _Lines(payments)
    sheets = []
    for number in count(1):
        sheets.append("Payments" if number == 1 else f"Payments {number}")
        yield Member(_sheet_path(number), _sheet(headings, lines))
        if lines.are_over:
            break
    sheets.append("About")
    about = _Lines(iter(facts))
    yield Member(_sheet_path(len(sheets)), _sheet([Heading("About this file", 60), Heading("", 60)], about))
    yield from _frame(sheets)


class _Lines:
    """Rows as XML, shared out to one sheet after the other."""

    def __init__(self, rows: Iterator[Sequence[Typed]]) -> None:
        self._rows = rows
        self._ahead = list(islice(rows, _PIECE))

    @property
    def are_over(self) -> bool:
        return not self._ahead

    def of_a_sheet(self) -> Iterator[bytes]:
        """As many rows as fit on a sheet, from its second row on."""
        number, room = 2, MOST_BYTES - _LAST_PIECE_BYTES
        while self._ahead and number < MOST_ROWS + 2 and room > 0:
            rows = self._ahead[: MOST_ROWS + 2 - number]
            piece = "".join([_row(place, values) for place, values in enumerate(rows, start=number)]).encode()
            self._ahead = self._ahead[len(rows) :] or list(islice(self._rows, _PIECE))
            number += len(rows)
            room -= len(piece)
            yield piece


def _sheet(headings: Sequence[Heading], lines: _Lines) -> Iterator[bytes]:
    """A sheet with its header frozen. Its rows are read while it is written."""
    columns = "".join(
        f'<col min="{place}" max="{place}" width="{heading.width}" customWidth="1"/>'
        for place, heading in enumerate(headings, start=1)
    )
    header = "".join(
        _text_cell(f"{column_name(place)}1", heading.text, _BOLD) for place, heading in enumerate(headings)
    )
    yield (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols>{columns}</cols><sheetData><row r="1">{header}</row>'
    ).encode()
    yield from lines.of_a_sheet()
    yield b"</sheetData></worksheet>"


def column_name(place: int) -> str:
    """A, B … Z, AA …, counted from 0."""
    before, last = divmod(place, 26)
    return (column_name(before - 1) if before else "") + chr(ord("A") + last)


_NAMES = [column_name(place) for place in range(100)]


def _row(number: int, values: Sequence[Typed]) -> str:
    cells = [_cell(f"{name}{number}", value) for name, value in zip(_NAMES, values, strict=False) if value is not None]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _cell(place: str, value: Typed) -> str:
    if isinstance(value, str):
        return _text_cell(place, value)
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, datetime) and value >= _FIRST_MOMENT:
        return f'<c r="{place}" s="{_MOMENT}"><v>{days(value)}</v></c>'
    # All digits stand in the file, of which Excel keeps 15. As a text the number would be missing from every sum.
    if isinstance(value, Decimal) and value.copy_abs() < _LARGEST:
        return f'<c r="{place}" s="{_NUMBER}"><v>{value:f}</v></c>'
    return f'<c r="{place}"><v>{value}</v></c>' if isinstance(value, int) else _text_cell(place, str(value))


def days(moment: datetime) -> str:
    """A moment as Excel counts: in days since the end of 1899, to 0.1 microseconds."""
    since = (moment - _DAY_ZERO) // timedelta(microseconds=1)
    return f"{(since / _DAY).quantize(Decimal('1E-12')).normalize():f}"


def _text_cell(place: str, text: str, style: int = 0) -> str:
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{written_text(text)}</t></is></c>'


def written_text(text: str) -> str:
    """A text as it stands in the XML; what Excel has no room for is cut off."""
    if len(text) > LONGEST_TEXT // 2:
        text = text.encode("utf-16-le")[: 2 * LONGEST_TEXT].decode("utf-16-le", "ignore")
    return _ESCAPED.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return _NAMED.get(found[0]) or f"_x{ord(found[0]):04X}_"


def _frame(sheets: Sequence[str]) -> Members:
    """The parts that hold the sheets together."""
    places = range(1, len(sheets) + 1)
    named = "".join(
        f'<sheet name="{name}" sheetId="{place}" r:id="rId{place}"/>'
        for place, name in zip(places, sheets, strict=True)
    )
    relations = [("worksheet", _sheet_path(place).removeprefix("xl/")) for place in places]
    yield _part(
        "xl/workbook.xml",
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{named}</sheets></workbook>",
    )
    yield _part("xl/_rels/workbook.xml.rels", _relations([*relations, ("styles", "styles.xml")]))
    contents = {
        "xl/workbook.xml": "sheet.main",
        "xl/styles.xml": "styles",
        **{_sheet_path(place): "worksheet" for place in places},
    }
    overrides = "".join(
        f'<Override PartName="/{path}" ContentType="{_CONTENT}.{kind}+xml"/>' for path, kind in contents.items()
    )
    yield _part(
        "[Content_Types].xml",
        f'{_HEAD}<Types xmlns="{_NAMESPACE}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
    )


def _sheet_path(number: int) -> str:
    return f"xl/worksheets/sheet{number}.xml"


def _relations(targets: Iterable[tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{_HEAD}<Relationships xmlns="{_RELATIONS}">{lines}</Relationships>'


def _part(name: str, text: str) -> Member:
    return Member(name, [text.encode()])
