"""Paging that ends or raises: it never just stops, because rows not seen may be taken for rows removed."""

from collections.abc import Callable, Iterator
from functools import partial

from .errors import RETRY_LATER, Malformed
from .records import Page, RecordT

# Ten million rows in pages of 100: an end for a server that never comes to one.
MAX_PAGES = 100_000

Check = Callable[[Page[RecordT]], Page[RecordT]]
Fetch = Callable[[int, Check[RecordT]], Page[RecordT]]


def pages(fetch: Fetch[RecordT], *, limit: int = MAX_PAGES) -> Iterator[Page[RecordT]]:
    """Pages 1, 2, … until one holds fewer rows than the page size in force, the provider's stop rule, or is full and
    by its own total the last: an empty page after it would tell nothing new.

    `fetch(number, check)` returns one page, checked against itself and passed through `check`, which raises Malformed
    where it cannot follow the page before; so `fetch` can ask again. Its errors pass through. Raises Malformed after
    `limit` pages. Rows that move between pages, and so come twice or never, are the caller's to notice.
    """
    previous: Page[RecordT] | None = None
    for number in range(1, limit + 1):
        previous = fetch(number, partial(_following, previous))
        yield previous
        if len(previous) < previous.page_size or number * previous.page_size == previous.total_results:
            return
    raise Malformed(f"Debitura's list has not ended after {limit} pages. Ask Debitura's support.")


def _following(previous: Page[RecordT] | None, page: Page[RecordT]) -> Page[RecordT]:
    if previous is None:
        return page
    if page.page_size != previous.page_size:
        raise Malformed(
            f"Debitura changed the page size from {previous.page_size} to {page.page_size} at page "
            f"{page.number}, which would skip or repeat rows. {RETRY_LATER}"
        )
    if page.total_results == 0:
        raise Malformed(f"Page {page.number} says that there is nothing, after pages with rows. {RETRY_LATER}")
    if len(page) >= page.page_size and _repeats(previous, page):
        raise Malformed(
            f"Page {page.number} repeats the rows of the page before: Debitura ignores the page number. {RETRY_LATER}"
        )
    return page


def _repeats(previous: Page[RecordT], page: Page[RecordT]) -> bool:
    """Whether all rows were on the page before. One that was not, commonly the first, saves looking at the others."""
    before = previous.identities
    return all(identity in before for identity in page.each_identity())
