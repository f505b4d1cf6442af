"""What happens upstream between two pulls: each change takes `count` rows of the right sort, chosen by a seed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from uuid import UUID

from benchmarks.standin.book import Book, Window
from benchmarks.standin.rows import KINDS, NUMBER_OF, UNITS_PER_USD, Row
from sandbox.records import TICKS_PER_SECOND
from sandbox.rendering import date_text

DAY = 86_400 * TICKS_PER_SECOND
MONTH = 30 * DAY
FIRST_DAYS = 8
_STATUSES = ("commissionPaymentStatus", "platformInvoicingStatus", "referralInvoicingStatus")


class Changes:
    """Changes a book, and the fees of each client with it."""

    def __init__(self, book: Book, clients: int) -> None:
        self.book = book
        self.client_fees = [0] * clients
        for row in book:
            self.client_fees[row.client] += row.fee

    def edit(self, count: int, rng: Random) -> None:
        """Another amount: the fees of settled rows anywhere in the past are a tenth higher, and that by a cent at least."""
        for row in self._some(count, rng, lambda row: is_settled(row) and row.fee > UNITS_PER_USD):
            self._swap(row, _with_fees(row, row.fee * 11 // 10 + 1, row.revenue * 11 // 10 + 1))

    def burst(self, count: int, rng: Random) -> None:
        """As `edit`, with all the rows next to each other: one bad day, corrected."""
        settled = [row for row in self.book if is_settled(row)]
        start = rng.randrange(max(1, len(settled) - count))
        for row in settled[start : start + count]:
            self._swap(row, _with_fees(row, row.fee * 11 // 10 + 1, row.revenue * 11 // 10 + 1))

    def settle(self, count: int, rng: Random) -> None:
        """Estimates whose commission was paid: the amounts stay, and are locked."""
        for row in self._some(count, rng, lambda row: KINDS[row.kind][0] == "Unpaid"):
            commission = NUMBER_OF["Paid", KINDS[row.kind][1], KINDS[row.kind][2]]
            text = _set(row.text, "isEstimate", "false")
            text = _set(_set(text, "isRecognized", "true"), "referralFeeRecognizedUsd", usd(row.fee))
            self._swap(row, replace(row, kind=commission, text=_with_statuses(text, commission)))

    def add(self, count: int, rng: Random) -> None:
        """New payments, a minute apart, after the last one; in all else like rows that there are."""
        last = self._last_moment()
        for number, row in enumerate(self._some(count, rng, lambda _: True), start=1):
            key = str(UUID(int=rng.getrandbits(128), version=4))
            text = row.text.replace(row.key.encode(), key.encode())
            self._put(_moved(replace(row, key=key, text=text), last + 60 * number * TICKS_PER_SECOND))

    def delete(self, count: int, rng: Random) -> None:
        """Rows anywhere in the past that are no longer listed."""
        for row in self._some(count, rng, lambda _: True):
            self._take(row)

    def redate(self, count: int, rng: Random) -> None:
        """Settled rows of the first days of a month, the last one or that before it, that were paid at the end of another."""
        since = self._last_moment() - 2 * MONTH + 5 * DAY
        recent = [
            row for row in self.book if is_settled(row) and row.moment > since and _day_of_month(row) <= FIRST_DAYS
        ]
        for row in _chosen(recent, count, rng):
            self._swap(row, _moved(row, row.moment - FIRST_DAYS * DAY))

    def tick(self, count: int, rng: Random) -> None:
        """A new exchange rate: every estimate's USD amounts are a thousandth higher, whatever `count`."""
        for row in [row for row in self.book if not is_settled(row)]:
            self._swap(row, _with_fees(row, row.fee * 1001 // 1000 + 1, row.revenue * 1001 // 1000 + 1))

    def _some(self, count: int, rng: Random, fits: Callable[[Row], bool]) -> list[Row]:
        return _chosen([row for row in self.book if fits(row)], count, rng)

    def _last_moment(self) -> int:
        (row,), _ = self.book.page(Window(), 0, 1, descending=True)
        return row.moment

    def _swap(self, old: Row, new: Row) -> None:
        self._take(old)
        self._put(new)

    def _take(self, row: Row) -> None:
        self.book.remove(row)
        self.client_fees[row.client] -= row.fee

    def _put(self, row: Row) -> None:
        self.book.add(row)
        self.client_fees[row.client] += row.fee


CHANGES: dict[str, Callable[[Changes, int, Random], None]] = {
    "edit": Changes.edit,
    "burst": Changes.burst,
    "settle": Changes.settle,
    "add": Changes.add,
    "delete": Changes.delete,
    "redate": Changes.redate,
    "tick": Changes.tick,
}


def is_settled(row: Row) -> bool:
    return KINDS[row.kind][0] == "Paid"


def _day_of_month(row: Row) -> int:
    return datetime.fromtimestamp(row.moment // TICKS_PER_SECOND, UTC).day


def usd(units: int) -> str:
    """Units as the API writes USD."""
    return f"{Decimal(units) / UNITS_PER_USD:f}"


def _chosen(rows: list[Row], count: int, rng: Random) -> list[Row]:
    if len(rows) < count:
        raise ValueError(f"There are {len(rows)} rows of that sort, not {count}.")
    return rng.sample(rows, count)


def _with_fees(row: Row, fee: int, revenue: int) -> Row:
    text = _set(row.text, "referralFeeAmountUsd", usd(fee))
    text = _set(text, "debituraRevenueUsd", usd(revenue))
    if is_settled(row):
        text = _set(text, "referralFeeRecognizedUsd", usd(fee))
    return replace(row, fee=fee, revenue=revenue, text=text)


def _with_statuses(text: bytes, kind: int) -> bytes:
    for name, status in zip(_STATUSES, KINDS[kind], strict=True):
        text = _set(text, name, "null" if status is None else f'"{status}"')
    return text


def _moved(row: Row, moment: int) -> Row:
    when = f'"{date_text(moment, UUID(row.key).int)}"'
    return replace(row, moment=moment, text=_set(_set(row.text, "date", when), "paymentDate", when))


def _set(text: bytes, name: str, value: str) -> bytes:
    """The row with another value, which holds no comma, in the one field of that name."""
    return re.sub(rb'("%s":)[^,}]*' % name.encode(), lambda found: found[1] + value.encode(), text, count=1)
