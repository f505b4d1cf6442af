"""Reading GET /clients whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from partners.debitura.records import ClientRecord, ClientsSummary, Page, Unreadable
from revenue.pull.sweep import MOST_PASSES, is_named, key_of

ClientPage = Page[ClientRecord]


@dataclass(frozen=True, slots=True)
class ClientListing:
    """creditorId → record, what could not be read by its key, Debitura's counts, and whether this is proven to be all."""

    rows: dict[UUID, ClientRecord]
    unreadable: dict[str, Unreadable]
    summary: ClientsSummary | None
    totals: frozenset[int | None]

    @property
    def is_complete(self) -> bool:
        """Every client that the first and the last answer counted was seen."""
        return self.totals == {len(self.rows) + len(self.unreadable)}

    @property
    def tells_who_is_gone(self) -> bool:
        """Whether a client that is not listed is archived: not while one that cannot be read might be any of them."""
        return self.is_complete and all(is_named(row) for row in self.unreadable.values())

    @property
    def cannot_be_proven(self) -> bool:
        return self.totals == {None}


def read_clients(pages: Callable[[], Iterator[ClientPage]]) -> ClientListing:
    """Read every client, again where the list moved meanwhile, a bounded number of times."""
    for _ in range(MOST_PASSES):
        listing = _listing(list(pages()))
        if listing.is_complete or listing.cannot_be_proven:
            break
    return listing


def _listing(pages: list[ClientPage]) -> ClientListing:
    summary = pages[-1].summary
    return ClientListing(
        rows={row.creditor_id: row for page in pages for row in page.rows},
        unreadable={key_of(row): row for page in pages for row in page.unreadable},
        summary=summary if isinstance(summary, ClientsSummary) else None,
        totals=frozenset(_total(page) for page in (pages[0], pages[-1])),
    )


def _total(page: ClientPage) -> int | None:
    """What an answer says there is; its summary always speaks of the whole base."""
    if page.total_results is None and isinstance(page.summary, ClientsSummary):
        return page.summary.total_clients
    return page.total_results
