"""From the bytes of an answer to a Page that agrees with itself, or Malformed."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Generic

import simplejson

from . import parsing, summaries
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

LONGEST_INTEGER = 40


@dataclass(frozen=True, slots=True)
class Listing(Generic[RecordT]):
    """One paged endpoint: where it is, what its rows are called, and how they are read."""

    path: str
    rows_name: str
    id_path: tuple[str, ...]
    parse: Callable[[Reader, str], RecordT]
    summarise: Callable[[Any], Summary | None]


TRANSACTIONS: Listing[TransactionRecord] = Listing(
    "/reporting/transactions", "data", ("transactionId",), parsing.transaction, summaries.revenue
)
CLIENTS: Listing[ClientRecord] = Listing("/clients", "clients", ("client", "id"), parsing.client, summaries.clients)
CASES: Listing[CaseRecord] = Listing("/cases", "cases", ("id",), parsing.case, summaries.cases)


def decode(body: bytes) -> Row:
    """The JSON object of an answer, its numbers read from the text; raises Malformed.

    NaN and infinities, which JSON proper lacks, come through as Decimals: one bad row must not spoil a page.
    """
    if body.lstrip()[:1] == b"<":
        raise Malformed(
            f"Debitura answered with a web page instead of JSON, as a proxy in trouble does. {RETRY_LATER}",
            status=200,
        )
    try:
        answer = simplejson.loads(
            body.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=Decimal,
            allow_nan=True,
        )
    except (ValueError, RecursionError):
        raise Malformed(f"Debitura's answer is not readable JSON. {RETRY_LATER}", status=200) from None
    if not isinstance(answer, dict):
        raise Malformed(f"Debitura's answer is not a JSON object. {RETRY_LATER}", status=200)
    return answer


def _decimal(written: str) -> Decimal:
    try:
        return Decimal(written)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return Decimal("NaN")


def _integer(written: str) -> int | Decimal:
    """Python refuses to read integers of thousands of digits; no honest number here comes near that."""
    return int(written) if len(written) <= LONGEST_INTEGER else Decimal(written)


def me(answer: Row) -> Me:
    """The partner of GET /me; raises Malformed."""
    try:
        return parsing.me(Reader(answer))
    except BadField as problem:
        raise Malformed(f"Debitura's answer about the partner is unusable: {problem}", status=200) from None


def page(answer: Row, listing: Listing[RecordT], number: int, asked_size: int) -> Page[RecordT]:
    """Page `number` of a listing, its row count held against its own totalResults; raises Malformed."""
    info = _info(answer)
    total = _stated(info, "totalResults")
    size = _stated(info, "pageSize") or asked_size
    try:
        found = [parsing.read_row(row, listing.parse, listing.id_path) for row in _rows(answer, listing, total)]
    except RecursionError:
        raise Malformed(f"Debitura's answer is nested too deeply to be read. {RETRY_LATER}", status=200) from None
    _check(len(found), number, size, total)
    return Page(
        number=number,
        rows=tuple(row for row in found if not isinstance(row, Unreadable)),
        unreadable=tuple(row for row in found if isinstance(row, Unreadable)),
        total_results=total,
        page_size=size,
        summary=listing.summarise(answer.get("summary")),
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


def _rows(answer: Row, listing: Listing[RecordT], total: int | None) -> list[Any]:
    missing = object()
    rows = answer.get(listing.rows_name, missing)
    if isinstance(rows, list):
        return rows
    if rows is None and total == 0:
        return []
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
