"""What an endpoint answers: a `Reply` as sent, or a `Listing` that still knows its parts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Listing:
    """One page of a list. `rows` are finished JSON objects; `page` and `summary` None are left out."""

    name: str
    rows: list[bytes]
    page: dict[str, Any] | None
    summary: dict[str, Any] | None
    page_name: str = "page"
    extra: dict[str, Any] = field(default_factory=dict)

    def reply(self) -> Reply:
        members = [b'"%s":[%s]' % (self.name.encode(), b",".join(self.rows))]
        rest = {self.page_name: self.page, "summary": self.summary} | self.extra
        members += [_member(name, value) for name, value in rest.items() if value is not None]
        return Reply(200, b"{%s}" % b",".join(members))


class Refused(Exception):
    """A request that is answered with an error body: `status`, `code` and a sentence for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def reply(self) -> Reply:
        body = {"error": self.code, "message": self.message, "businessErrors": None}
        return Reply(self.status, to_json(body).encode())


def bad_request(message: str) -> Refused:
    return Refused(400, "invalid_parameter", message)


def rate_limited(wait: float) -> Reply:
    """429 with the wait in seconds in the BODY, as documented; there is no header."""
    message = f"Too many requests. Try again in {wait:g} seconds."
    return Reply(429, to_json({"error": "rate_limit_exceeded", "message": message, "retryAfter": wait}).encode())


def to_json(value: Any) -> str:
    """JSON text with Decimals written digit by digit, never through a binary float."""
    if isinstance(value, dict):
        members = (f"{encode_basestring(name)}:{to_json(item)}" for name, item in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(to_json, value))}]"
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def paged(name: str, rows: Iterable[bytes], summary: dict[str, Any], total: int, number: int, size: int) -> Listing:
    """Page `number` (from 1) of `total` results, `size` to a page; `rows` are that page's."""
    shown = list(rows)
    page = {
        "totalResults": total,
        "pageSize": size,
        "currentPage": number,
        "responseCount": len(shown),
        "totalPages": -(-total // size),
    }
    return Listing(name, shown, page, summary)


def _member(name: str, value: Any) -> bytes:
    return f'"{name}":{to_json(value)}'.encode()
