"""Reading everything Debitura lists, and knowing whether that was everything. No database here.

Rows may be added, moved or removed while we page. One traversal is proven complete when the figures of the rows it saw
are those of the last answer's own summary, or when nothing that a summary can tell moved between its first and its last
answer and every row was counted. Where nothing but exchange rates moves, which no traversal can outrun, two in a row
that saw the same rows are proof. Otherwise everything is read again, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from partners.debitura.fields import BadField, identifier
from partners.debitura.records import Page, RevenueSummary, TransactionRecord, Unreadable
from partners.fields import add_exactly
from revenue.pull.reconcile import NO_ROWS, Figure, differences
from revenue.stages import STAGES, Stage, derive_stage

MOST_PASSES = 4

TransactionPage = Page[TransactionRecord]
Listed = dict[UUID, tuple[Stage, Decimal, bool]]


@dataclass(slots=True)
class Listing:
    """The rows of one or more traversals: id → stage, fee in USD (unknown counts as 0, as it does upstream), estimate.

    confirmed: the traversal before it saw the same rows.
    """

    mode: str
    rows: Listed = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    first: TransactionPage | None = None
    last: TransactionPage | None = None
    confirmed: bool = False

    def add(self, page: TransactionPage) -> None:
        self.first = page if self.first is None else self.first
        self.last = page
        for row in page.rows:
            self.rows[row.transaction_id] = (stage_of(row, self.mode), row.fee_usd or Decimal(0), row.is_estimate)
        for broken in page.unreadable:
            self.unreadable[key_of(broken)] = broken

    def merge(self, other: Listing) -> None:
        self.rows |= other.rows
        self.unreadable |= other.unreadable
        # Whether anything moved is a question to all of the time between the first answer and the last.
        self.first = other.first if self.first is None else self.first
        self.last = other.last

    @property
    def summary(self) -> RevenueSummary | None:
        """Debitura's figures as of the last answer; None where it gave none."""
        summary = None if self.last is None else self.last.summary
        return summary if isinstance(summary, RevenueSummary) and summary.stages else None

    @property
    def results(self) -> int | None:
        """How many rows the last answer counted; None where it did not say, or where some could not be read."""
        return None if self.last is None or self.unreadable else self.last.total_results

    @property
    def is_complete(self) -> bool:
        """Whether it is proven that these are the rows that Debitura has, each of them and no other."""
        return self.confirmed or (self._counts_all() and (self._ties_out() or self._nothing_moved()))

    @property
    def tells_what_is_gone(self) -> bool:
        """Whether a row that is not listed is gone: not while one that cannot be read might be any of them."""
        return self.is_complete and all(is_named(row) for row in self.unreadable.values())

    def _counts_all(self) -> bool:
        """Every row of the last answer's total was seen; without a total, only the figures can tell."""
        total = None if self.last is None else self.last.total_results
        if total is None:
            return self.summary is not None and not self.unreadable and self._ties_out()
        return total == len(self.rows) + len(self.unreadable)

    def _ties_out(self) -> bool:
        return not self.unreadable and self.summary is not None and not differences(self.figures(), self.summary)

    @property
    def cannot_be_proven(self) -> bool:
        """Whether reading again would bring no proof either: Debitura sends no summary, and its row counts hold."""
        if self.first is None or self.last is None or self.summary is not None:
            return False
        counted = (None, len(self.rows) + len(self.unreadable))
        return self.first.total_results in counted and self.last.total_results in counted

    @property
    def counts_are_off(self) -> bool:
        """Whether some row was not seen, or seen in another stage than the last summary counts it in."""
        return not self._counts_all() or not self.agrees_in_counts

    @property
    def agrees_in_counts(self) -> bool:
        """Whether the last summary counts the very rows that were seen, stage by stage."""
        said = self.summary.stages if self.summary else {}
        ours = self.figures()
        counted = {stage: said[stage].count for stage in STAGES if stage in said}
        return all(count in (None, ours.get(stage, NO_ROWS).count) for stage, count in counted.items())

    @property
    def contradicts_its_summary(self) -> bool:
        """Whether a summary that stayed the same all the while counts other rows than those that were listed."""
        return not self.unreadable and self._counts_all() and self._nothing_moved() and not self.agrees_in_counts

    def confirms(self, before: Listing) -> bool:
        """Whether two traversals in a row saw the same rows, and nothing but exchange rates moved during either."""
        return self.rows.keys() == before.rows.keys() and self._only_rates_moved() and before._only_rates_moved()

    def _only_rates_moved(self) -> bool:
        """Every row was counted, and what differs from the last summary are sums of stages that hold estimates."""
        if self.unreadable or not self._counts_all() or self.summary is None:
            return False
        moving = {stage for stage, _, is_estimate in self.rows.values() if is_estimate}
        return all(
            difference.stage in moving and difference.ours.count == difference.theirs.count
            for difference in differences(self.figures(), self.summary)
        )

    def _nothing_moved(self) -> bool:
        if self.first is None or self.last is None or self.summary is None:
            return False
        return (self.first.total_results, self.first.summary) == (self.last.total_results, self.last.summary)

    def figures(self) -> Mapping[Stage, Figure]:
        """Count and exact sum in USD of every stage."""
        totals: dict[Stage, Figure] = {}
        for stage, fee_usd, _ in self.rows.values():
            before = totals.get(stage, NO_ROWS)
            totals[stage] = Figure(add_exactly(before.fee_usd, fee_usd), before.count + 1)
        return totals


def is_named(row: Unreadable) -> bool:
    """Whether a row that cannot be read still says which one it is."""
    try:
        identifier(row.identity, "id")
    except BadField:
        return False
    return True


def key_of(row: Unreadable) -> str:
    """What tells a row that cannot be read from the others: its id, or all of its text where that names nothing."""
    return row.identity.lower() if is_named(row) else row.raw


def stage_of(row: TransactionRecord, mode: str) -> Stage:
    """The stage of a row as it came."""
    return derive_stage(
        commission=row.commission_status,
        platform=row.platform_status,
        referral=row.referral_status,
        mode=mode,
    )


def sweep(
    pages: Callable[[], Iterator[TransactionPage]],
    *,
    mode: str,
    keep: Callable[[TransactionPage], None],
    strict: bool = True,
) -> Listing:
    """Read everything, again where rows moved meanwhile, and hand every page to `keep`.

    The listing returned is complete where that could be proven; else it is everything that was seen. Not `strict`: right
    counts are enough, sums may still move; that proves no removal. Raises what `pages` raises: an error never looks like
    the end.
    """
    everything, before = Listing(mode), None
    for _ in range(MOST_PASSES):
        this = Listing(mode)
        for page in pages():
            this.add(page)
            keep(page)
        everything.merge(this)
        this.confirmed = before is not None and this.confirms(before)
        for listing in (this, everything):
            if listing.is_complete or listing.cannot_be_proven or not (strict or listing.counts_are_off):
                return listing
        before = this
    return everything
