"""What each fault does to an answer. Those of the wire (reset, truncate, …) are the server's own business."""

import re
from collections.abc import Callable
from typing import Any

from sandbox.faults import Fault
from sandbox.replies import HTML, Listing, Refused, Reply, rate_limited, to_json

WIRE = frozenset({"reset", "close", "truncate", "slow", "drip"})
NO_ANSWER = Reply(0, b"")
_UNREADABLE = ("baduuid", "nodate", "nan")


def instead(fault: Fault) -> Reply | None:
    """The answer that takes the place of the real one; None where the fault leaves one."""
    make = _INSTEAD.get(fault.kind)
    return make(fault) if make else None


def spoil(listing: Listing, fault: Fault, number: int) -> None:
    """Change a page as the fault says; `number` is the request's, so that `badrow` takes turns."""
    kind = _UNREADABLE[number % len(_UNREADABLE)] if fault.kind == "badrow" else fault.kind
    change = _SPOIL.get(kind)
    if change:
        change(listing)


def _error(status: int, code: str, message: str) -> Callable[[Fault], Reply]:
    return lambda _: Refused(status, code, message).reply()


def _proxy(status: int, title: str) -> Callable[[Fault], Reply]:
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return lambda _: Reply(status, body.encode(), HTML)


def _limited_by_header(fault: Fault) -> Reply:
    body = to_json({"error": "rate_limit_exceeded", "message": "Too many requests."}).encode()
    headers = () if fault.kind == "429bare" else (("Retry-After", f"{fault.seconds(1):g}"),)
    return Reply(429, body, headers=headers)


_INSTEAD: dict[str, Callable[[Fault], Reply]] = {
    "close": lambda _: NO_ANSWER,
    "401": _error(401, "unauthorized", "The API key is missing or wrong."),
    "403": _error(403, "forbidden", "The API key may not be used for this."),
    "404": _error(404, "not_found", "There is nothing here."),
    "429": lambda fault: rate_limited(fault.seconds(1)),
    "429header": _limited_by_header,
    "429bare": _limited_by_header,
    "500": _error(500, "internal_error", "Something went wrong. Try again later."),
    "502": _proxy(502, "502 Bad Gateway"),
    "503": _proxy(503, "503 Service Temporarily Unavailable"),
    "504": _proxy(504, "504 Gateway Time-out"),
    "html": _proxy(200, "Checking your browser"),
    "garbage": lambda _: Reply(200, b'{"data":[{"transactionId":"0f6c'),
}


def _zero(value: Any) -> Any:
    return {name: _zero(item) for name, item in value.items()} if isinstance(value, dict) else 0


def _empty(listing: Listing) -> None:
    listing.rows = []
    listing.summary = _zero(listing.summary)
    listing.page = {**(listing.page or {}), "totalResults": 0, "responseCount": 0, "totalPages": 0}


def _short(listing: Listing) -> None:
    listing.rows = listing.rows[: len(listing.rows) // 2]
    if listing.page:
        listing.page["responseCount"] = len(listing.rows)


def _twice(listing: Listing) -> None:
    listing.rows[-1:] = listing.rows[:1]


def _no_page(listing: Listing) -> None:
    listing.page = None


def _page_data(listing: Listing) -> None:
    listing.page_name = "pageData"


def _no_summary(listing: Listing) -> None:
    listing.summary = None


def _no_disputed(listing: Listing) -> None:
    if listing.summary and "revenue" in listing.summary:
        known = listing.summary["revenue"].items()
        revenue = {name: value for name, value in known if not name.startswith("disputed")}
        listing.summary = {**listing.summary, "revenue": revenue}


def _new_fields(listing: Listing) -> None:
    news = b'{"addedLater":{"note":null,"values":[1,2.5,"x"]},'
    listing.rows = [news + row[1:].replace(b":{", b':{"alsoNew":"\xc3\xa6",', 1) for row in listing.rows]
    listing.extra = {"apiVersion": "2.0", "links": []}


def _in_first_row(pattern: bytes, replacement: bytes) -> Callable[[Listing], None]:
    """Replace what follows each JSON name that `pattern` matches, in the first row of the page."""
    value = re.compile(rb'("(?:%s)":)("[^"]*"|[^,{}\[\]]+)' % pattern)

    def change(listing: Listing) -> None:
        listing.rows[:1] = [value.sub(rb"\g<1>" + replacement, row) for row in listing.rows[:1]]

    return change


_SPOIL: dict[str, Callable[[Listing], None]] = {
    "empty": _empty,
    "short": _short,
    "dup": _twice,
    "nopage": _no_page,
    "pagedata": _page_data,
    "nosummary": _no_summary,
    "nodisputed": _no_disputed,
    "newfields": _new_fields,
    "baduuid": _in_first_row(b"transactionId|id", b'"not-a-uuid"'),
    "nodate": _in_first_row(b"date|paymentDate|dateLinked|dateCreated", b"null"),
    "nan": _in_first_row(b"referralFeeAmountUsd|amount|earningsUsd|grossAmount", b"NaN"),
    "unknownstatus": _in_first_row(b"platformInvoicingStatus|kycStatus|lifecycle", b'"OnHold"'),
}
