"""Numbers as people of a country write them, made from the one text that Feeboard writes (revenue.money)."""

from __future__ import annotations

from decimal import Decimal

from revenue import money
from walls.models import Screen

# No number is broken at a space inside it.
_NO_BREAK = "\N{NARROW NO-BREAK SPACE}"
# What stands for the comma and the point of English.
_SIGNS: dict[str, tuple[str, str]] = {
    Screen.Numbers.ENGLISH: (",", "."),
    Screen.Numbers.DANISH: (".", ","),
    Screen.Numbers.SWEDISH: (_NO_BREAK, ","),
    Screen.Numbers.SWISS: ("’", "."),
}
_TABLES = {style: str.maketrans({",": group, ".": point}) for style, (group, point) in _SIGNS.items()}


def amount_text(value: Decimal, style: str) -> str:
    """An amount of USD to the cent."""
    return money.format_amount(value).translate(_TABLES[style])


def whole_text(value: Decimal | int, style: str) -> str:
    """A whole number with its thousands set apart and a real minus."""
    text = f"{abs(value):,.0f}".translate(_TABLES[style])
    return money.MINUS + text if value < 0 else text
