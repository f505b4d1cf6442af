"""Reading a query string as the API does: names in any case, bad values refused with 400."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from sandbox.records import TICKS_PER_SECOND
from sandbox.replies import bad_request

_BIGGEST = 2**31 - 1
_DATE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[Tt](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,7}))?(?P<zone>[Zz]|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


class Query:
    """The parameters of one request; an empty value counts as not given."""

    def __init__(self, text: str) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(text):
            self._values.setdefault(name.lower(), []).append(value)

    def text(self, name: str) -> str | None:
        """The last value given; None where there is none."""
        values = self._values.get(name.lower())
        return values[-1] if values else None

    def search(self, name: str) -> str | None:
        """A text of two characters or more, folded for comparison without case."""
        value = self.text(name)
        if value is not None and len(value.strip()) < 2:
            raise bad_request(f"{name} must be at least 2 characters long.")
        return value and value.strip().casefold()

    def whole(self, name: str, default: int, most: int = _BIGGEST) -> int:
        value = self.text(name)
        number = default if value is None else _integer(name, value)
        if not 1 <= number <= most:
            raise bad_request(f"{name} must be between 1 and {most}.")
        return number

    def numbers(self, name: str, below: int = _BIGGEST) -> frozenset[int]:
        """A repeatable whole number from 0 up to, not including, `below`."""
        found = frozenset(_integer(name, value) for value in self._values.get(name.lower(), ()))
        if any(not 0 <= number < below for number in found):
            raise bad_request(f"{name} must be between 0 and {below - 1}.")
        return found

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise bad_request(f"{name} must be true or false.")
        return value.lower() == "true"

    def moment(self, name: str) -> int | None:
        """An ISO 8601 date or date-time as 100-nanosecond ticks since 1970.

        A bare date is that day's 00:00:00; a time without a zone is UTC.
        """
        value = self.text(name)
        return None if value is None else _moment(name, value)

    def sort(self, names: Sequence[str], default: str) -> tuple[str, bool]:
        """(name as listed, descending). A bare name sorts ascending."""
        value = self.text("Sort") or default
        field, _, direction = value.partition(":")
        known = {name.lower(): name for name in names}
        if field.lower() not in known or direction.lower() not in ("asc", "desc", "") or value.endswith(":"):
            allowed = ", ".join(f"{name}:asc, {name}:desc" for name in names)
            raise bad_request(f"Unknown Sort {value!r}. Allowed: {allowed}.")
        return known[field.lower()], direction.lower() == "desc"


def _integer(name: str, value: str) -> int:
    if not re.fullmatch(r"-?\d{1,10}", value, re.ASCII):
        raise bad_request(f"{name} must be a whole number.")
    return int(value)


def _moment(name: str, value: str) -> int:
    match = _DATE.fullmatch(value)
    if match is None:
        raise bad_request(f"{name} is not an ISO 8601 date or date-time: {value!r}.")
    try:
        local = datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}")
    except ValueError:
        raise bad_request(f"{name} is not a valid date: {value!r}.") from None
    # In whole numbers: the seventh digit does not fit a datetime, nor an offset the calendar's ends.
    seconds = (local - datetime(1970, 1, 1)) // timedelta(seconds=1) - _offset(match["zone"])  # noqa: DTZ001
    return seconds * TICKS_PER_SECOND + int((match["fraction"] or "").ljust(7, "0"))


def _offset(zone: str | None) -> int:
    """Seconds east of UTC."""
    if zone is None or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:])
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
