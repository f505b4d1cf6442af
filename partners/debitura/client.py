"""Typed calls to Debitura's Referral Partner API."""

import random as dice
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

from . import answers, paging
from .address import checked_base_url, checked_key
from .errors import DebituraError, RateLimited
from .filters import NO_FILTERS, Parameters, TransactionFilters
from .records import CaseRecord, ClientRecord, Me, Page, RecordT, TransactionRecord
from .refusals import refusal
from .retry import DEFAULT_RETRY, FOR_EXTRAS, Past, Retry, RetryPolicy, decide
from .transport import DEFAULT_TIMEOUTS, Timeouts, Transport

Result = TypeVar("Result")
LARGEST_PAGE = 100
SHORTEST_REQUEST = 1.0


class DebituraClient:
    """A context manager around one kept-alive session; use it from one thread, one client a thread.

    Every call returns whole, typed answers or raises a DebituraError. What passes by itself is tried again
    within `retry`, every request is bounded by `timeouts`, and neither errors nor repr() ever hold the key.

    Args:
        base_url: https, or http on this very machine; else InsecureAddress.
        api_key: sent as the header XApiKey; UnusableKey where no header can carry it.
        before_request: called before every HTTP request, retries included; what it raises passes through.
        sleep, monotonic, random: seconds to wait, a clock in seconds, a draw from 0 to 1.

    Attributes:
        requests: HTTP requests sent so far, retries included.
        retries: how many of those repeated a failed one.
        before_request: the hook, which may be set later, too.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        retry: RetryPolicy = DEFAULT_RETRY,
        before_request: Callable[[], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = dice.random,
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._key = checked_key(api_key)
        self._transport = Transport(self._base_url, self._key, timeouts)
        self._retry = retry
        self.before_request = before_request
        self._sleep = sleep
        self._monotonic = monotonic
        self._random = random
        self.requests = 0
        self.retries = 0

    def __repr__(self) -> str:
        return f"<DebituraClient {self._base_url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept-alive connection."""
        self._transport.close()

    def me(self) -> Me:
        """GET /me: the partner whom the key belongs to; the cheapest way to check a key."""
        return self._call("/me", [], answers.me)

    def transaction_pages(
        self,
        *,
        filters: TransactionFilters | None = None,
        page_size: int = LARGEST_PAGE,
        sort: str = "collectionDate:asc",
    ) -> Iterator[Page[TransactionRecord]]:
        """GET /reporting/transactions, page by page to the end; raises rather than stop early.

        Oldest first, so that new payments arrive behind us and not in front.
        """
        query = [*(filters or NO_FILTERS).parameters(), ("Sort", sort)]
        return self._pages(answers.TRANSACTIONS, query, page_size)

    def transaction_page(
        self,
        number: int = 1,
        *,
        filters: TransactionFilters | None = None,
        page_size: int = 1,
        sort: str = "collectionDate:asc",
    ) -> Page[TransactionRecord]:
        """One page of GET /reporting/transactions.

        By default of one row: that costs next to nothing and brings the summary of everything that matches.
        """
        query = [*(filters or NO_FILTERS).parameters(), ("Sort", sort)]
        return self._page(answers.TRANSACTIONS, query, number, page_size, lambda page: page)

    def client_pages(self, *, page_size: int = LARGEST_PAGE) -> Iterator[Page[ClientRecord]]:
        """GET /clients, page by page to the end; archived clients are not listed.

        In Debitura's own order, here and for cases: guide and description differ in how these sorts are written.
        """
        return self._pages(answers.CLIENTS, [], page_size)

    def case_page(self, number: int = 1, *, page_size: int = LARGEST_PAGE) -> Page[CaseRecord]:
        """One page of GET /cases, in Debitura's own order. Nothing depends on it, so it gives up early."""
        return self._page(answers.CASES, [], number, page_size, lambda page: page, FOR_EXTRAS)

    def _pages(self, listing: answers.Listing[RecordT], query: Parameters, size: int) -> Iterator[Page[RecordT]]:
        def fetch(number: int, check: paging.Check[RecordT]) -> Page[RecordT]:
            return self._page(listing, query, number, size, check)

        return paging.pages(fetch)

    def _page(
        self,
        listing: answers.Listing[RecordT],
        query: Parameters,
        number: int,
        size: int,
        check: paging.Check[RecordT],
        retry: RetryPolicy | None = None,
    ) -> Page[RecordT]:
        asked = [*query, ("Page", str(number)), ("PageSize", str(size))]
        return self._call(listing.path, asked, lambda body: check(answers.page(body, listing, number, size)), retry)

    def _call(
        self, path: str, query: Parameters, read: Callable[[bytes], Result], retry: RetryPolicy | None = None
    ) -> Result:
        """One logical call: as many requests as it takes and the policy (the client's own by default) allows."""
        policy = retry or self._retry
        started = self._monotonic()
        failures = rate_limits = 0
        while True:
            try:
                left = policy.overall - (self._monotonic() - started)
                return read(self._answer(path, query, max(left, SHORTEST_REQUEST)))
            except DebituraError as error:
                rate_limits += isinstance(error, RateLimited)
                failures += not isinstance(error, RateLimited)
                wait = self._wait(error, Past(failures, rate_limits, self._monotonic() - started), policy)
            self._sleep(wait)
            self.retries += 1

    def _wait(self, error: DebituraError, past: Past, policy: RetryPolicy) -> float:
        """Seconds until the next try; raises the error where there is none."""
        decision = decide(error, past, policy, self._random())
        if isinstance(decision, Retry):
            return decision.wait
        if decision.reason:
            error.add_reason(decision.reason)
        raise error

    def _answer(self, path: str, query: Parameters, seconds: float) -> bytes:
        if self.before_request is not None:
            self.before_request()
        self.requests += 1
        answer = self._transport.get(path, query, seconds=seconds)
        if answer.status != 200:
            raise refusal(answer, self._key, datetime.now(UTC))
        return answer.body
