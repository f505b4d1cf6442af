"""Reading the JSON object that a request brings, as the API does: bad values refused with 400."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.replies import bad_request


class Members:
    """The members of one request's body; null counts as not given, texts are trimmed."""

    def __init__(self, body: bytes) -> None:
        try:
            members = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
        except (ValueError, InvalidOperation, RecursionError):
            raise bad_request("The body is not readable JSON.") from None
        if not isinstance(members, dict):
            raise bad_request("The body must be a JSON object.")
        self._members: dict[str, Any] = members

    def text(self, name: str, *, least: int = 0, most: int | None = None) -> str | None:
        """The trimmed text, of `least` to `most` characters; None where it is not given and need not be."""
        value = self._members.get(name)
        if value is None and not least:
            return None
        if not isinstance(value, str) or len(value.strip()) < least:
            raise bad_request(f"{name} must be a text{' that is not empty' if least else ''}.")
        if most is not None and len(value.strip()) > most:
            raise bad_request(f"{name} must have at most {most} characters.")
        return value.strip()

    def check_email(self, name: str, *, required: bool = False) -> None:
        """A text with an @ in it."""
        value = self.text(name, least=int(required))
        if value is not None and "@" not in value:
            raise bad_request(f"{name} must be an e-mail address.")

    def check_fee(self, name: str) -> None:
        """A number from 0, or not given."""
        value = self._members.get(name, 0)
        if value is not None and (type(value) not in (int, Decimal) or value < 0):
            raise bad_request(f"{name} must be a number, 0 or more.")


def _no_number(written: str) -> None:
    raise ValueError(written)
