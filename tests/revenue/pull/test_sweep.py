"""Rows that are added, moved or removed upstream while a pull is paging."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from partners.debitura import parsing
from partners.debitura.reader import Reader
from partners.debitura.records import Page, RevenueSummary, StageFigure, TransactionRecord, Unreadable
from partners.models import PartnerAccount
from revenue.models import PullRun, TransactionChange
from revenue.pull.sweep import MOST_PASSES, Listing, TransactionPage, sweep
from sandbox.records import Payment
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull.support import pull_now, pull_plainly, rows_stored, rows_upstream

ROWS = 35

Change = Callable[[World, list[Payment]], object]


def _fill(world: World) -> list[Payment]:
    """Rows of different amounts and dates, the earliest first."""
    client = world.add_client()
    return [world.add_payment(client, amount=Decimal(1000 + 7 * number)) for number in range(ROWS)]


def _between_pages(upstream: SandboxServer, *changes: Callable[[], object], before_page: int = 3) -> None:
    """Let the changes happen, one a traversal, just before its given page is answered."""
    left = list(changes)

    def change(server: SandboxServer, number: int, target: str) -> None:
        if target.startswith("/reporting/transactions") and f"&Page={before_page}&" in target and left:
            left.pop(0)()

    upstream.on_request = change


def _add_behind(world: World, rows: list[Payment]) -> None:
    world.add_payment(amount=Decimal("333.33"), paid_at=rows[0].paid_at - timedelta(days=1))


def _add_ahead(world: World, rows: list[Payment]) -> None:
    world.add_payment(amount=Decimal("333.33"), paid_at=rows[-1].paid_at + timedelta(days=1))


def _delete_seen(world: World, rows: list[Payment]) -> None:
    world.delete(rows[4].id)


def _delete_unseen(world: World, rows: list[Payment]) -> None:
    world.delete(rows[30].id)


def _swap(world: World, rows: list[Payment]) -> None:
    """The counts stay equal, the rows do not."""
    _delete_seen(world, rows)
    _add_behind(world, rows)


def _swap_ahead(world: World, rows: list[Payment]) -> None:
    _delete_seen(world, rows)
    _add_ahead(world, rows)


def _move_back(world: World, rows: list[Payment]) -> None:
    """A row not yet seen gets a date that was already read."""
    world.edit(rows[30].id, paid_at=rows[0].paid_at - timedelta(days=2))


def _move_forth(world: World, rows: list[Payment]) -> None:
    """A row already seen gets a date still to be read."""
    world.edit(rows[2].id, paid_at=rows[-1].paid_at + timedelta(days=2))


def _advance_seen(world: World, rows: list[Payment]) -> None:
    world.edit(rows[3].id, commission="Paid")


def _tick(world: World, rows: list[Payment]) -> None:
    world.tick_rates(Decimal("1.01"))


CHANGES: list[Change] = [
    _add_behind,
    _add_ahead,
    _delete_seen,
    _delete_unseen,
    _swap,
    _swap_ahead,
    _move_back,
    _move_forth,
    _advance_seen,
    _tick,
]


@pytest.mark.either
@pytest.mark.parametrize("page", [1, 2, 4])
@pytest.mark.parametrize("change", CHANGES)
def test_pull_ties_out_when_rows_change_before_a_page(
    account: PartnerAccount, world: World, upstream: SandboxServer, change: Change, page: int
) -> None:
    rows = _fill(world)
    _between_pages(upstream, lambda: change(world, rows), before_page=page)
    run = pull_plainly(account)
    assert (run.status, run.differences) == (PullRun.Status.OK, [])
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("change", CHANGES)
def test_known_rows_are_neither_lost_nor_doubled_when_rows_change_while_paging(
    account: PartnerAccount, world: World, upstream: SandboxServer, change: Change
) -> None:
    rows = _fill(world)
    pull_now(account)
    _between_pages(upstream, lambda: change(world, rows))
    run = pull_plainly(account)
    gone = {payment.id for payment in world.deleted}
    assert run.status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)
    removed = TransactionChange.objects.filter(kind=TransactionChange.Kind.REMOVED)
    assert {line.transaction.transaction_id for line in removed.select_related("transaction")} == gone


def test_pull_goes_over_it_again_until_nothing_moves(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    rows = _fill(world)
    changes = [lambda: _swap(world, rows), lambda: _move_back(world, rows), lambda: _advance_seen(world, rows)]
    _between_pages(upstream, *changes)
    run = pull_plainly(account)
    assert (run.status, rows_stored(account)) == (PullRun.Status.OK, rows_upstream(world))


def test_change_that_is_taken_back_while_paging_is_not_written(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    rows = _fill(world)
    pull_now(account)
    world.edit(rows[1].id, referral="Disputed")
    _between_pages(upstream, lambda: world.edit(rows[1].id, referral="Pending"))
    run = pull_plainly(account)
    assert (run.status, run.transactions_updated, run.transactions_unchanged) == (PullRun.Status.OK, 0, ROWS)
    assert rows_stored(account) == rows_upstream(world)


def test_pull_that_can_never_hold_still_ends_says_so_and_removes_nothing(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    rows = _fill(world)
    pull_now(account)
    world.delete(rows[20].id)
    _between_pages(upstream, *[lambda n=n: world.edit(rows[n].id, commission="Paid") for n in range(2 * MOST_PASSES)])
    run = pull_plainly(account)
    assert (run.status, run.ties_out, run.transactions_removed) == (PullRun.Status.DIFFERS, False, 0)
    assert pull_now(account).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


def test_rates_that_move_at_every_request_hide_no_removal(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    """No traversal can tie out then, but two in a row see the same rows: that is proof enough, and enough reading."""
    rows = _fill(world)
    settled = world.add_payment(rows[0].client, commission="Paid", amount=Decimal(77))
    pull_plainly(account)
    world.delete(rows[20].id)
    world.delete(settled.id)
    pages_of_a_traversal = -(-len(world.payments) // 10)
    upstream.on_request = lambda server, number, target: world.tick_rates(Decimal("1.01"))
    run = pull_plainly(account)
    upstream.on_request = None
    assert (run.status, run.transactions_removed) == (PullRun.Status.DIFFERS, 2)
    assert run.requests <= 2 + 2 * (pages_of_a_traversal + 1)
    assert pull_now(account).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("count", [0, 1, 10, 20, 99, 100, 101])
def test_pull_reads_all_rows_whatever_the_last_page_holds(account: PartnerAccount, world: World, count: int) -> None:
    world.add_client()
    for number in range(count):
        world.add_payment(amount=Decimal(100 + number))
    run = pull_plainly(account)
    assert (run.status, run.transactions_seen, run.transactions_created) == (PullRun.Status.OK, count, count)
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("faults", ["transactions/nopage", "transactions/pagedata", "transactions/newfields"])
def test_pull_reads_other_forms_of_the_answer(
    account: PartnerAccount, world: World, upstream: SandboxServer, faults: str
) -> None:
    rows = _fill(world)
    upstream.faults = faults
    assert pull_plainly(account).status == PullRun.Status.OK
    world.delete(rows[7].id)
    run = pull_plainly(account)
    assert (run.status, run.transactions_removed) == (PullRun.Status.OK, 1)
    assert rows_stored(account) == rows_upstream(world)


def test_row_that_no_summary_counts_is_not_believed_when_only_its_page_lost_it(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    """A page that shows one row twice hides another; no stage's total misses it, but the number of results does."""
    rows = _fill(world)
    for last_of_a_page in (9, 19, 29, 34):
        world.edit(rows[last_of_a_page].id, platform="InvoiceCredited")
    upstream.faults = "transactions/dup"
    run = pull_plainly(account)
    assert (run.status, run.ties_out) == (PullRun.Status.DIFFERS, False)
    upstream.faults = ""
    run = pull_plainly(account)
    assert (run.status, rows_stored(account)) == (PullRun.Status.OK, rows_upstream(world))


# --- The rule by itself ------------------------------------------------------------------------------


def _row(number: int, fee: str = "30") -> TransactionRecord:
    row = {
        "transactionId": str(UUID(int=number)),
        "date": "2026-03-01T00:00:00Z",
        "earnings": {"referralFeeAmountUsd": Decimal(fee)},
        "status": {"commissionPaymentStatus": "Unpaid", "platformInvoicingStatus": "NotInvoiced"},
    }
    return parsing.transaction(Reader(row), parsing.as_json(row))


def _summary(fee: str, count: int) -> RevenueSummary:
    figures = {stage: StageFigure(Decimal(0), 0) for stage in ("confirmed_pending_invoice", "paid", "disputed")}
    for stage in ("awaiting_collection_partner_payment", "ready_to_invoice_debitura", "awaiting_debitura_payment"):
        figures[stage] = StageFigure(Decimal(0), 0)
    return RevenueSummary(figures | {"pending": StageFigure(Decimal(fee), count)}, None)


def _page(*rows: TransactionRecord, total: int | None, summary: RevenueSummary | None) -> TransactionPage:
    return Page(1, rows, (), total, 100, summary)


def _sweep(*passes: list[TransactionPage]) -> Listing:
    left = list(passes)

    def pages() -> Iterator[TransactionPage]:
        return iter(left.pop(0) if len(left) > 1 else left[0])

    return sweep(pages, mode="PayWhenPaid", keep=lambda page: None)


def test_sweep_is_complete_when_the_figures_agree() -> None:
    listing = _sweep([_page(_row(1), _row(2), total=2, summary=_summary("60", 2))])
    assert listing.is_complete


def test_sweep_is_complete_when_nothing_moved_though_the_figures_do_not_agree() -> None:
    listing = _sweep([_page(_row(1), _row(2), total=2, summary=_summary("61", 2))])
    assert listing.is_complete


def test_sweep_is_not_complete_when_fewer_rows_came_than_were_counted() -> None:
    listing = _sweep([_page(_row(1), total=2, summary=_summary("30", 1))])
    assert not listing.is_complete


def test_sweep_is_not_complete_without_a_summary() -> None:
    listing = _sweep([_page(_row(1), total=1, summary=None)])
    assert not listing.is_complete


def test_sweep_is_not_complete_by_a_summary_that_says_nothing() -> None:
    listing = _sweep([_page(_row(1), total=1, summary=RevenueSummary({}, None))])
    assert not listing.is_complete


def test_sweep_joins_passes_of_which_each_missed_a_row() -> None:
    summary = _summary("90", 3)
    first = [_page(_row(1), _row(2), total=3, summary=summary)]
    second = [_page(_row(2), _row(3), total=3, summary=summary)]
    listing = _sweep(first, second)
    assert (listing.is_complete, len(listing.rows)) == (True, 3)


def test_sweep_does_not_join_passes_between_which_something_moved() -> None:
    """Row 1 (30) went, row 4 (70) came, and then an unsteady order hid row 3 (35): the number is right, the rows are not."""
    before, after = _summary("95", 3), _summary("135", 3)
    first = [_page(_row(1), _row(2), total=3, summary=before)]
    second = [_page(_row(2), _row(4, "70"), total=3, summary=after)]
    assert not _sweep(first, second).is_complete


def test_listing_with_a_row_that_nobody_can_identify_counts_it() -> None:
    broken = Unreadable(raw="null", reason="The row is null, not an object.", identity="d1")
    page = replace(_page(_row(1), total=2, summary=_summary("60", 2)), unreadable=(broken,))
    assert _sweep([page]).is_complete
