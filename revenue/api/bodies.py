"""What is sent: JSON with numbers of every digit, read once and checked key by key.

The keys are those of Debitura's own API (camelCase), so that what was written for one can be sent to the other.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.status import HTTP_413_REQUEST_ENTITY_TOO_LARGE

# A hundred references of 128 characters, each of them written as \ud83e\uddfe, are a sixth of it.
LONGEST_BODY = 1_000_000
MOST_REFERENCES = 100
REFERENCE = "collectionPartnerReference"
_TEXTS = ("welcomeMessage", "userEmail", REFERENCE, "assignedUserEmail")
_FEES = ("interestFees", "reminderFees", "collectionFees")


class InvalidBody(Exception):
    """JSON that is not what is asked for. `fields`: key -> a sentence that says what to do."""

    def __init__(self, message: str = "", fields: Mapping[str, str] | None = None) -> None:
        self.fields = dict(fields or {})
        super().__init__(message or " ".join(self.fields.values()))


class BodyTooLarge(APIException):
    status_code = HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = f"The body is too large; send at most {LONGEST_BODY:,} bytes."


class ExactJSONParser(JSONParser):
    """JSON whose numbers keep their digits (Decimal), and that holds nothing which no answer could repeat."""

    def parse(self, stream: IO[bytes], media_type: Any = None, parser_context: Any = None) -> Any:
        """Raises ParseError and BodyTooLarge."""
        content = stream.read(LONGEST_BODY + 1)
        if len(content) > LONGEST_BODY:
            raise BodyTooLarge
        try:
            body = json.loads(content, parse_float=Decimal, parse_constant=_refuse)
            json.dumps(body, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as error:
            raise ParseError("The body holds half of a character, such as \\ud83e alone.") from error
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        return body


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def reference_of(data: Any) -> str | None:
    """The partner reference that is to be set; None clears it. Raises InvalidBody."""
    body = _object(data, (REFERENCE,))
    if REFERENCE not in body:
        raise InvalidBody(fields={REFERENCE: "This key is missing; send a text, or null to clear the reference."})
    return _text(body, REFERENCE)


def references_of(data: Any) -> list[str]:
    """The references that are looked for. Raises InvalidBody."""
    body = _object(data, ("references",))
    references = body.get("references")
    if not isinstance(references, list) or not all(isinstance(reference, str) for reference in references):
        raise InvalidBody(fields={"references": "Send a list of texts."})
    return references


def welcome_of(data: Any, *, email: str) -> dict[str, str | None]:
    """What is sent along when a case is activated, each value as text, unchecked; `email` acts where nobody is named.

    Raises InvalidBody.
    """
    body = _object(data, (*_TEXTS, *_FEES))
    values = {name: _text(body, name) for name in _TEXTS} | {name: _number(body, name) for name in _FEES}
    return values | {"userEmail": values["userEmail"] or email}


def _object(data: Any, known: Collection[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InvalidBody(f"Send a JSON object with {', '.join(known)}.")
    unknown = [name for name in data if name not in known]
    if unknown:
        raise InvalidBody(fields={name: f"{name} is no key here; there is {', '.join(known)}." for name in unknown})
    return data


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidBody(fields={name: "Send a text, or null."})
    return value


def _number(body: dict[str, Any], name: str) -> str | None:
    """The digits of a number, or of a text that holds one."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str | None):
        raise InvalidBody(fields={name: "Send a number, or null."})
    return None if value is None else str(value)
