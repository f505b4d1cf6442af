"""How a value is written into a cell of a text file: by Python, and by PostgreSQL to the same bytes; and into a workbook's.

PostgreSQL writes an unknown value (NULL) as an empty cell without quotes, and quotes what csv.writer quotes; only the empty
text it would quote, too, so that expressions here make it unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Case, F, Func, TextField, Value, When
from django.db.models.expressions import Combinable

from partners.spreadsheets import FORMULA_STARTS, safe_text
from revenue.stages import TEXTS, Stage

Expression = Combinable


# What a cell of a workbook holds: a text, an exact number, yes or no (bool is an int), or what clocks of some zone show.
Typed = str | Decimal | int | datetime | None


class Cell(NamedTuple):
    """How one kind of value is written.

    write: makes the text of a value. expression: tells PostgreSQL to make the same of the column at a path. typed: what
    stands in a workbook. width: of a workbook's column, in characters.
    """

    write: Callable[[Any], str]
    expression: Callable[[str], Expression]
    typed: Callable[[Any], Typed]
    width: int = 18


def plain(value: object) -> str:
    """A text that is never a formula (an id, a name of ours); "" for None."""
    return "" if value is None else str(value)


def number(value: Decimal | int | None) -> str:
    """A number cell with every digit and a plain minus; "" where it is unknown, never 0."""
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def utc_text(moment: datetime | None) -> str:
    """ISO 8601 in UTC with Z; "" where it is unknown."""
    return "" if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def flag(value: bool | None) -> str:
    """true, false, or "" where it is unknown."""
    return "" if value is None else str(value).lower()


def text(value: object) -> str | None:
    """A text of a workbook, where no text is ever a formula; nothing for "" and None."""
    return None if value is None or value == "" else str(value)


def same(value: Typed) -> Typed:
    """What a workbook has a type for."""
    return value


def utc_clock(moment: datetime | None) -> datetime | None:
    """What clocks show in UTC."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def made_by(template: str) -> Callable[[str], Expression]:
    """The expression that `template` makes of a column, which stands in it as {}."""
    sql = template.replace("{}", "%(expressions)s")
    return lambda path: Func(F(path), template=sql, output_field=TextField())


def _label_of(stage: str) -> str:
    return TEXTS[Stage(stage)].label


def _stage_label(path: str) -> Expression:
    labels = [When(**{path: stage.value}, then=Value(TEXTS[stage].label)) for stage in Stage]
    return Case(*labels, output_field=TextField())


_CODES = ", ".join(str(ord(start)) for start in FORMULA_STARTS)

PLAIN = Cell(plain, F, text)
ID = Cell(plain, F, text, width=38)
NUMBER = Cell(number, F, same)
TEXT = Cell(
    safe_text,
    made_by(f"CASE WHEN ascii({{}}) IN ({_CODES}) THEN '''' || {{}} WHEN {{}} <> '' THEN {{}} END"),
    text,
    width=28,
)
FLAG = Cell(flag, made_by("({})::text"), same)
UTC_MOMENT = Cell(
    utc_text,
    made_by("""replace(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')"""),
    utc_clock,
)
STAGE_LABEL = Cell(_label_of, _stage_label, _label_of, width=36)
