"""JSON read as leniently as it must be: numbers from their text, and NaN and infinities, which JSON proper lacks, as
Decimals: one bad row must not spoil a page.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import simplejson

LONGEST_INTEGER = 40

_BLANK = re.compile(r"[ \t\n\r]*")


def read(text: str) -> Any:
    """The value a text holds; raises ValueError where it is not JSON, RecursionError where it is nested too deeply."""
    return _DECODER.decode(text)


def elements(text: str, name: str) -> list[str]:
    """The text of each element of a list, which is the member `name` of an object; `read` must have read `text`."""
    found: list[str] = []
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, end) + 1)
        if key == name and text[at] == "[":
            found, end = _elements(text, at + 1)
        else:
            _, end = _DECODER.raw_decode(text, at)
        at = _next(text, end)
    return found


def _elements(text: str, start: int) -> tuple[list[str], int]:
    """The texts up to the closing bracket, and where that ends."""
    found = []
    at = _skip(text, start)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        found.append(text[at:end])
        at = _next(text, end)
    return found, at + 1


def _next(text: str, end: int) -> int:
    """Where what follows a value starts: the next one, or the closing bracket."""
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _decimal(written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return Decimal("NaN")


def _integer(written: str) -> int | Decimal:
    """Python refuses to read integers of thousands of digits; no honest number here comes near that."""
    return int(written) if len(written) <= LONGEST_INTEGER else Decimal(written)


_DECODER = simplejson.JSONDecoder(parse_float=_decimal, parse_int=_integer, parse_constant=Decimal, allow_nan=True)
