"""What a spreadsheet would take for a formula, in a file that people open with one."""

from __future__ import annotations

# What a formula begins with.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_text(value: object) -> str:
    """A text cell that no spreadsheet runs; "" for None."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
