"""From the bytes of an answer to a Page that agrees with itself, or Malformed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from . import lenient, parsing, summaries, usual
from .envelope import Envelope, opened
from .errors import RETRY_LATER, Malformed
from .fields import BadField, Row, count, shown
from .reader import Reader
from .records import (
    CaseRecord,
    ClientRecord,
    Me,
    Page,
    RecordT,
    Summary,
    TransactionRecord,
    Unreadable,
)

NOT_JSON = f"Debitura's answer is not readable JSON. {RETRY_LATER}"


@dataclass(frozen=True, slots=True)
class Listing(Generic[RecordT]):
    """One paged endpoint: where it is, what its rows are called, and how one row's JSON and the summary are read."""

    path: str
    rows_name: str
    read: Callable[[bytes], RecordT | Unreadable]
    summarise: Callable[[Any], Summary | None]


def _transaction(raw: bytes) -> TransactionRecord | Unreadable:
    return usual.transaction(raw) or parsing.read_row(str(raw, "utf-8"), parsing.transaction, ("transactionId",))


def _client(raw: bytes) -> ClientRecord | Unreadable:
    return parsing.read_row(str(raw, "utf-8"), parsing.client, ("client", "id"))


def _case(raw: bytes) -> CaseRecord | Unreadable:
    return parsing.read_row(str(raw, "utf-8"), parsing.case, ("id",))


TRANSACTIONS = Listing("/reporting/transactions", "data", _transaction, summaries.revenue)
CLIENTS = Listing("/clients", "clients", _client, summaries.clients)
CASES = Listing("/cases", "cases", _case, summaries.cases)


def decode(body: bytes) -> Row:
    """The JSON object of an answer, its numbers read from the text; raises Malformed."""
    if body.lstrip()[:1] == b"<":
        raise Malformed(
            f"Debitura answered with a web page instead of JSON, as a proxy in trouble does. {RETRY_LATER}",
            status=200,
        )
    try:
        answer = lenient.read(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Malformed(NOT_JSON, status=200) from None
    if not isinstance(answer, dict):
        raise Malformed(f"Debitura's answer is not a JSON object. {RETRY_LATER}", status=200)
    return answer


def me(body: bytes) -> Me:
    """The partner of GET /me; raises Malformed."""
    try:
        return parsing.me(Reader(decode(body)))
    except BadField as problem:
        raise Malformed(f"Debitura's answer about the partner is unusable: {problem}", status=200) from None


def page(body: bytes, listing: Listing[RecordT], number: int, asked_size: int) -> Page[RecordT]:
    """Page `number` of a listing, its row count held against its own totalResults; raises Malformed."""
    envelope = opened(body, listing.rows_name) or _opened_leniently(body, listing.rows_name)
    info = _info(envelope.members)
    total = _stated(info, "totalResults")
    size = _stated(info, "pageSize") or asked_size
    rows, unreadable = _read(_rows(envelope, listing, total), listing)
    _check(len(rows) + len(unreadable), number, size, total)
    return Page(
        number=number,
        rows=rows,
        unreadable=unreadable,
        total_results=total,
        page_size=size,
        summary=listing.summarise(envelope.members.get("summary")),
    )


def _opened_leniently(body: bytes, rows_name: str) -> Envelope:
    """Also what is not JSON proper: NaN in one row must not spoil a page."""
    members = decode(body)
    if not isinstance(members.get(rows_name), list):
        return Envelope(members, None)
    return Envelope(members, [row.encode() for row in lenient.elements(body.decode("utf-8-sig"), rows_name)])


def _read(rows: Sequence[bytes], listing: Listing[RecordT]) -> tuple[tuple[RecordT, ...], tuple[Unreadable, ...]]:
    try:
        found = [listing.read(row) for row in rows]
    except (ValueError, RecursionError):
        raise Malformed(NOT_JSON, status=200) from None
    return (
        tuple(row for row in found if not isinstance(row, Unreadable)),
        tuple(row for row in found if isinstance(row, Unreadable)),
    )


def _info(answer: Row) -> Row:
    """The paging member goes by two names, and may be missing."""
    for name in ("page", "pageData"):
        info = answer.get(name)
        if isinstance(info, dict):
            return info
    return {}


def _stated(info: Row, name: str) -> int | None:
    try:
        return count(info.get(name), name)
    except BadField as problem:
        raise Malformed(f"Debitura's page information contradicts itself: {problem} {RETRY_LATER}") from None


def _rows(envelope: Envelope, listing: Listing[RecordT], total: int | None) -> Sequence[bytes]:
    if envelope.rows is not None:
        return envelope.rows
    missing = object()
    rows = envelope.members.get(listing.rows_name, missing)
    if rows is None and total == 0:
        return ()
    found = "missing" if rows is missing else shown(rows)
    raise Malformed(
        f"Debitura's answer lacks its list of rows: {listing.rows_name} is {found}. {RETRY_LATER}", status=200
    )


def _check(found: int, number: int, size: int, total: int | None) -> None:
    """Rows come and go upstream between two requests, but within one answer the figures must agree."""
    if total is None:
        return
    expected = min(max(total - (number - 1) * size, 0), size)
    if found != expected:
        raise Malformed(
            f"Page {number} holds {found} rows where {total} results in pages of {size} call for {expected}. "
            f"{RETRY_LATER}",
            status=200,
        )
