"""One field of a JSON row at a time: each function returns a Python value or raises BadField.

`field` is the dotted name that a reader of the message will look for, e.g. "payment.paymentDate".
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import simplejson

Row = Mapping[str, Any]

FIRST_YEAR, LAST_YEAR = 1900, 2200
MAX_INTEGER_DIGITS = 15
MAX_DECIMALS = 28
MAX_COUNT = 2**31 - 1

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d{1,60}(\.\d{1,60})?([eE][+-]?\d{1,3})?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>[Zz]|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>[0-5]\d))?)?",
    re.ASCII,
)


class BadField(ValueError):
    """A field's value cannot be used; the text is a sentence naming the field and the problem."""


def shown(value: Any) -> str:
    """The value as short ASCII JSON, for messages."""
    written = simplejson.dumps(value, allow_nan=True, use_decimal=True)
    return written if len(written) <= 60 else f"{written[:57]}..."


def storable(value: str) -> str:
    """The text with each NUL and lone surrogate replaced, which PostgreSQL cannot store."""
    return _UNSTORABLE.sub("\ufffd", value)


def text(value: Any, field: str) -> str:
    """A text, "" for null; a number is taken as it is written."""
    if value is None:
        return ""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise BadField(f"{field} is {shown(value)}, not a text.")


def amount(value: Any, field: str) -> Decimal | None:
    """A decimal as the JSON text has it, None for null; a text that holds a plain number counts as one.

    Raises BadField for NaN, infinities, 10^15 and more, and more than 28 decimals.
    """
    if value is None:
        return None
    number = _number(value)
    if number is None or not number.is_finite():
        raise BadField(f"{field} is {shown(value)}, not an amount.")
    if number and number.adjusted() >= MAX_INTEGER_DIGITS:
        raise BadField(f"{field} is {shown(value)}: amounts of 10^15 and more are not believed.")
    if -int(number.as_tuple().exponent) > MAX_DECIMALS:
        raise BadField(f"{field} is {shown(value)}, which has more than {MAX_DECIMALS} decimals.")
    return number


def _number(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None


def count(value: Any, field: str) -> int | None:
    """A number of things, None for null. Raises BadField unless it is a whole number from 0 to 2^31 − 1."""
    if value is None:
        return None
    number = _number(value)
    if number is None or not number.is_finite() or not 0 <= number <= MAX_COUNT or number % 1:
        raise BadField(f"{field} is {shown(value)}, not a count.")
    return int(number)


def flag(value: Any, field: str, *, default: bool) -> bool:
    """True or False; `default` for null."""
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise BadField(f"{field} is {shown(value)}, neither true nor false.")


def identifier(value: Any, field: str) -> UUID:
    """A UUID in its usual form of 36 characters; the empty one (all zeros) names nothing and is refused."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise BadField(f"{field} is {shown(value)}, not a UUID.")
    found = UUID(value)
    if not found.int:
        raise BadField(f"{field} is the empty UUID, which identifies nothing.")
    return found


def moment(value: Any, field: str) -> datetime | None:
    """An ISO 8601 date or date-time as an aware UTC datetime; None for null and "".

    `Z`, an offset, or neither, which means UTC; a bare date is its midnight in UTC; fractions beyond the
    microsecond are cut off. Raises BadField for anything else and for years outside 1900–2200.
    """
    if value is None or value == "":
        return None
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadField(f"{field} is {shown(value)}, not a date.")
    try:
        local = datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00'}")
        zone = _zone(match)
    except ValueError:
        raise BadField(f"{field} is {shown(value)}, a date that does not exist.") from None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise BadField(f"{field} is {shown(value)}, outside the years {FIRST_YEAR}–{LAST_YEAR}.")
    fraction = timedelta(microseconds=int((match["fraction"] or "")[:6].ljust(6, "0")))
    return (local.replace(tzinfo=zone) + fraction).astimezone(UTC)


def _zone(match: re.Match[str]) -> timezone:
    if match["sign"] is None:
        return UTC
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    return timezone(-offset if match["sign"] == "-" else offset)


def optional_moment(value: Any, field: str) -> datetime | None:
    """As `moment`; the year 0001, which .NET writes for a date that was never set, is None too."""
    if isinstance(value, str) and value.startswith("0001-01-01"):
        return None
    return moment(value, field)


def link(value: Any, field: str) -> str:
    """An http or https address; "" for null and for every other scheme, which must never become a link."""
    address = text(value, field).strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    plain = address.isprintable() and " " not in address
    return address if plain and parts.scheme in ("http", "https") and parts.hostname else ""
