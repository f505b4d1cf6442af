"""Typed calls to Debitura's Referral Partner API."""

from collections.abc import Iterator

from . import answers, paging
from .calls import ApiClient
from .filters import NO_FILTERS, Parameters, TransactionFilters
from .records import CaseRecord, ClientRecord, Me, Page, RecordT, TransactionRecord
from .retry import FOR_EXTRAS, RetryPolicy
from .transport import Request

LARGEST_PAGE = 100


class DebituraClient(ApiClient):
    """The figures: who we are, our clients, their cases, and what was paid on them."""

    def me(self) -> Me:
        """GET /me: the partner whom the key belongs to; the cheapest way to check a key."""
        return self._call(Request("/me"), answers.me)

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
        request = Request(listing.path, asked)
        return self._call(request, lambda body: check(answers.page(body, listing, number, size)), retry)
