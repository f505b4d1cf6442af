"""What each address answers: those of Debitura's API, and those by which a benchmark steers and counts (/_/…)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from urllib.parse import urlsplit

from benchmarks.standin.book import EVERY_KIND, Book, Totals, Window
from benchmarks.standin.changes import CHANGES, Changes
from benchmarks.standin.rows import KINDS, REFERRALS, STAGE_OF, UNITS_PER_USD, Upstream
from sandbox.query import Query
from sandbox.replies import Refused, bad_request, to_json
from sandbox.rules import COMMISSION, PLATFORM, STAGES

STATUSES = frozenset({"commissionpaymentstatuses", "platforminvoicingstatuses", "referralinvoicingstatuses"})
KNOWN = STATUSES | {"fromdate", "todate", "revenuestages", "hasrecognizedrevenue", "page", "pagesize", "sort"}
_CENT = Decimal("0.01")


class StandIn:
    """One partner's upstream. `latency` in seconds; `requests` counts those of the API by path."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.book = Book(upstream.rows)
        self.changes = Changes(self.book, len(upstream.clients))
        self.latency = 0.0
        self.requests: Counter[str] = Counter()
        self._summaries: dict[Window, bytes] = {}
        self._routes: dict[str, Callable[[str], bytes]] = {
            "/me": lambda _: upstream.me,
            "/clients": self._clients,
            "/reporting/transactions": self._transactions,
        }

    def answer(self, target: str) -> tuple[int, bytes, float]:
        """The status, the body, and the seconds to wait before they are sent."""
        parts = urlsplit(target)
        path = parts.path.rstrip("/").lower()
        try:
            if path.startswith("/_/"):
                return 200, self._steer(path.removeprefix("/_/"), Query(parts.query)), 0.0
            self.requests[path] += 1
            route = self._routes.get(path)
            if route is None:
                raise Refused(404, "not_found", f"There is no {path}.")
            return 200, route(parts.query), self.latency
        except Refused as refused:
            return refused.status, refused.reply().body, self.latency

    def _steer(self, order: str, query: Query) -> bytes:
        if order == "count":
            return to_json({"requests": self.requests.total(), "rows": len(self.book)}).encode()
        if order == "reset":
            self.requests.clear()
        elif order == "latency":
            self.latency = query.whole("ms", 1) / 1000 if query.text("ms") != "0" else 0.0
        elif order in CHANGES:
            self._change(order, query)
        else:
            raise Refused(404, "not_found", f"There is no order {order}.")
        return b"{}"

    def _change(self, order: str, query: Query) -> None:
        try:
            CHANGES[order](self.changes, query.whole("rows", 1), Random(query.whole("seed", 1)))
        except ValueError as error:
            raise bad_request(str(error)) from None
        self._summaries.clear()

    def _clients(self, text: str) -> bytes:
        query = Query(text)
        number, size = query.whole("Page", 1), query.whole("PageSize", 50, most=100)
        listed = [place for place, client in enumerate(self.upstream.clients) if client]
        rows = [self._client(place) for place in listed[(number - 1) * size : number * size]]
        page = _page(len(listed), size, number, len(rows))
        return b'{"clients":[%s],"page":%s,"summary":%s}' % (b",".join(rows), page, self.upstream.clients_summary)

    def _client(self, place: int) -> bytes:
        before, mark, after = self.upstream.clients[place].partition(b'"earningsUsd":')
        rest = after[after.index(b"}") :]
        return before + mark + _cents(self.changes.client_fees[place]).encode() + rest

    def _transactions(self, text: str) -> bytes:
        query = Query(text)
        _refuse_unknown(text)
        number, size = query.whole("Page", 1), query.whole("PageSize", 10, most=100)
        _, descending = query.sort(("collectionDate",), "collectionDate:desc")
        window = Window(query.moment("FromDate"), query.moment("ToDate"), _kinds(query))
        shown = window._replace(kinds=window.kinds & _kinds_of_stages(query))
        rows, total = self.book.page(shown, (number - 1) * size, size, descending=descending)
        page = _page(total, size, number, len(rows))
        return b'{"data":[%s],"page":%s,"summary":%s}' % (
            b",".join([row.text for row in rows]),
            page,
            self._summary(window),
        )

    def _summary(self, window: Window) -> bytes:
        found = self._summaries.get(window)
        if found is None:
            if len(self._summaries) > 10_000:
                self._summaries.clear()
            found = self._summaries[window] = summary(self.book.totals(window))
        return found


def summary(totals: Totals) -> bytes:
    """The seven buckets and the platform's own revenue, rounded to the cent only here."""
    buckets = (
        f'"{name}ReferralFeeUsd":{_cents(fee)},"{name}Count":{count}'
        for name, fee, count in zip(STAGES, totals.fees[:-1], totals.counts[:-1], strict=True)
    )
    return f'{{"revenue":{{{",".join(buckets)}}},"totalDebituraRevenueUsd":{_cents(totals.revenue)}}}'.encode()


def _cents(units: int) -> str:
    return f"{(Decimal(units) / UNITS_PER_USD).quantize(_CENT, ROUND_HALF_EVEN):f}"


def _page(total: int, size: int, number: int, shown: int) -> bytes:
    return b'{"totalResults":%d,"pageSize":%d,"currentPage":%d,"responseCount":%d,"totalPages":%d}' % (
        total,
        size,
        number,
        shown,
        -(-total // size),
    )


def _refuse_unknown(text: str) -> None:
    """A filter that is not built here must not look as if it had been honoured."""
    names = {part.partition("=")[0].lower() for part in text.split("&") if part}
    if unknown := names - KNOWN:
        raise bad_request(f"This stand-in does not know {', '.join(sorted(unknown))}.")


def _kinds(query: Query) -> frozenset[int]:
    commission = query.numbers("CommissionPaymentStatuses", len(COMMISSION))
    platform = query.numbers("PlatformInvoicingStatuses", len(PLATFORM))
    referral = query.numbers("ReferralInvoicingStatuses", len(REFERRALS) - 1)
    recognised = query.flag("HasRecognizedRevenue")
    if not (commission or platform or referral or recognised is not None):
        return EVERY_KIND
    return frozenset(
        number
        for number, (paid, issued, billed) in enumerate(KINDS)
        if (not commission or COMMISSION.index(paid) in commission)
        and (not platform or PLATFORM.index(issued) in platform)
        and (not referral or REFERRALS.index(billed or "Pending") in referral)
        and (recognised is None or (paid == "Paid") is recognised)
    )


def _kinds_of_stages(query: Query) -> frozenset[int]:
    stages = query.numbers("RevenueStages", len(STAGES))
    return frozenset(number for number, stage in enumerate(STAGE_OF) if stage in stages) if stages else EVERY_KIND
