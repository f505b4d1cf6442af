"""How a value is written into a cell: by Python, and by PostgreSQL to the same bytes.

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

from revenue.stages import TEXTS, Stage

# What a spreadsheet takes for the beginning of a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Expression = Combinable


class Cell(NamedTuple):
    """`write` makes the text of a value; `expression` tells PostgreSQL to make the same of the column at a path."""

    write: Callable[[Any], str]
    expression: Callable[[str], Expression]


def safe_text(value: object) -> str:
    """A text cell that no spreadsheet runs; "" for None."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


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


def made_by(template: str) -> Callable[[str], Expression]:
    """The expression that `template` makes of a column, which stands in it as {}."""
    sql = template.replace("{}", "%(expressions)s")
    return lambda path: Func(F(path), template=sql, output_field=TextField())


def _stage_label(path: str) -> Expression:
    labels = [When(**{path: stage.value}, then=Value(TEXTS[stage].label)) for stage in Stage]
    return Case(*labels, output_field=TextField())


_CODES = ", ".join(str(ord(start)) for start in FORMULA_STARTS)

PLAIN = Cell(plain, F)
NUMBER = Cell(number, F)
TEXT = Cell(safe_text, made_by(f"CASE WHEN ascii({{}}) IN ({_CODES}) THEN '''' || {{}} WHEN {{}} <> '' THEN {{}} END"))
FLAG = Cell(flag, made_by("({})::text"))
UTC_MOMENT = Cell(
    utc_text,
    made_by("""replace(to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')"""),
)
STAGE_LABEL = Cell(lambda stage: TEXTS[Stage(stage)].label, _stage_label)
