"""What a pull writes: only what changed, and a removal only where it is proven."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from partners.models import PartnerAccount
from revenue.models import DayEstimate, PullRun, Transaction, TransactionChange
from sandbox import rendering
from sandbox.query import Query
from sandbox.records import Payment
from sandbox.replies import Listing
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull.support import KEPT, everything, pull_now, rows_stored, rows_upstream

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments(world: World) -> list[Payment]:
    """Rows in several stages, on two clients, the earliest first."""
    clients = [world.add_client(), world.add_client()]
    made = [world.add_payment(clients[n % 2], amount=Decimal(100 + 10 * n)) for n in range(6)]
    world.edit(made[1].id, commission="Paid")
    world.edit(made[2].id, commission="Paid", platform="PaymentReceived", referral="Invoiced")
    world.edit(made[3].id, platform="InvoiceCredited", commission="Credited")
    return made


def spoil(payment: Payment, old: str, new: str) -> None:
    """Make the row's JSON say something else, until the row changes again."""
    text = rendering.transaction(payment)
    assert old.encode() in text
    payment.text = text.replace(old.encode(), new.encode())


# --- Only what changed -------------------------------------------------------------------------------


def test_pull_of_the_same_data_writes_nothing(account: PartnerAccount, world: World, payments: list[Payment]) -> None:
    first = pull_now(account)
    before = everything(), _versions()
    second = pull_now(account)
    assert (first.status, first.transactions_created) == (PullRun.Status.OK, 6)
    assert (second.status, second.transactions_seen, second.transactions_unchanged) == (PullRun.Status.OK, 6, 6)
    assert (second.transactions_created, second.transactions_updated, second.clients_updated) == (0, 0, 0)
    assert (everything(), _versions()) == before


def _versions() -> list[object]:
    """On PostgreSQL, which transaction wrote each row: a write of the same values shows too."""
    if connection.vendor != "postgresql":
        return []
    found: list[object] = []
    with connection.cursor() as cursor:
        for model in KEPT:
            cursor.execute(f'SELECT ctid, xmin FROM "{model._meta.db_table}" ORDER BY id')
            found.append(cursor.fetchall())
    return found


def test_pull_writes_only_the_row_that_changed(account: PartnerAccount, world: World, payments: list[Payment]) -> None:
    pull_now(account)
    world.edit(payments[0].id, commission="Paid")
    run = pull_now(account)
    assert (run.transactions_updated, run.transactions_unchanged, run.transactions_created) == (1, 5, 0)
    assert TransactionChange.objects.filter(run=run).count() == 1


def test_row_whose_text_changes_but_whose_facts_do_not_has_no_new_history(
    account: PartnerAccount, world: World, payments: list[Payment]
) -> None:
    """Debitura writes 110 where it wrote 110.00, or adds a field: the raw text is kept, nothing happened to the row."""
    pull_now(account)
    spoil(payments[1], '"amount":110,', '"amount":110.000,"new":true,')
    run = pull_now(account)
    row = Transaction.objects.get(transaction_id=payments[1].id)
    assert (run.status, run.transactions_updated) == (PullRun.Status.OK, 1)
    assert json.loads(row.raw)["payment"]["new"] is True
    assert TransactionChange.objects.filter(run=run).count() == 0
    assert DayEstimate.objects.count() == 0


def test_switch_of_the_invoicing_mode_takes_every_row_anew(
    account: PartnerAccount, world: World, payments: list[Payment]
) -> None:
    pull_now(account)
    world.mode = "ConfirmedPipeline"
    run = pull_now(account)
    account.refresh_from_db()
    assert (run.status, run.ties_out, account.invoicing_trigger_mode) == (PullRun.Status.OK, True, "ConfirmedPipeline")
    assert rows_stored(account) == rows_upstream(world)
    changed = TransactionChange.objects.filter(run=run).select_related("transaction")
    assert [(line.transaction.transaction_id, line.stage) for line in changed] == [
        (payments[1].id, "ready_to_invoice_debitura")
    ]


def test_accounts_do_not_touch_each_others_rows(account: PartnerAccount, world: World, payments: list[Payment]) -> None:
    pull_now(account)
    with SandboxServer(World.empty()) as elsewhere:
        elsewhere.world.add_payment()
        other = PartnerAccount(slug="other", name="Other", base_url=elsewhere.address)
        other.api_key = elsewhere.key
        other.save()
        run = pull_now(other)
    assert (run.transactions_created, run.transactions_removed, run.clients_archived) == (1, 0, 0)
    assert rows_stored(account) == rows_upstream(world)


# --- Removal -----------------------------------------------------------------------------------------


def test_row_that_is_deleted_upstream_is_marked_and_kept(
    account: PartnerAccount, world: World, payments: list[Payment]
) -> None:
    pull_now(account)
    world.delete(payments[2].id)
    run = pull_now(account)
    row = Transaction.objects.get(transaction_id=payments[2].id)
    assert (run.status, run.transactions_removed, row.removed_at) == (PullRun.Status.OK, 1, run.as_of)
    assert rows_stored(account) == rows_upstream(world)


NOT_PROVEN = [
    "transactions/empty",
    "transactions/short",
    "transactions/nosummary",
    "transactions/dup",
    "transactions/500",
    "transactions/truncate",
    "transactions/html",
]


@pytest.mark.parametrize("faults", NOT_PROVEN)
def test_nothing_is_removed_when_the_listing_is_not_proven(
    account: PartnerAccount, world: World, upstream: SandboxServer, payments: list[Payment], faults: str
) -> None:
    pull_now(account)
    world.delete(payments[0].id)
    upstream.faults = faults
    run = pull_now(account)
    assert (run.ties_out or False, run.transactions_removed) == (False, 0)
    assert Transaction.objects.filter(removed_at=None).count() == 6
    upstream.faults = ""
    assert pull_now(account).transactions_removed == 1


@pytest.mark.parametrize("faults", ["transactions/empty", "clients/empty", "empty"])
def test_empty_answer_where_there_was_something_is_a_failure(
    account: PartnerAccount, world: World, upstream: SandboxServer, payments: list[Payment], faults: str
) -> None:
    pull_now(account)
    before = everything()
    upstream.faults = faults
    run = pull_now(account)
    assert (run.status, run.error_kind, run.error_retryable) == (PullRun.Status.FAILED, "empty_answer", True)
    assert everything() == before


def test_account_without_any_row_ties_out(account: PartnerAccount, world: World) -> None:
    run = pull_now(account)
    assert (run.status, run.transactions_seen, run.clients_seen, run.differences) == (PullRun.Status.OK, 0, 0, [])


def test_short_page_removes_nothing_when_no_page_says_how_many_rows_there_are(
    account: PartnerAccount,
    world: World,
    upstream: SandboxServer,
    payments: list[Payment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pull_now(account)
    answer = upstream.api.transactions.page

    def half(query: Query) -> Listing:
        listing = answer(query)
        listing.page, listing.rows = None, listing.rows[:3]
        return listing

    monkeypatch.setattr(upstream.api.transactions, "page", half)
    run = pull_now(account)
    assert (run.transactions_seen, run.transactions_removed) == (3, 0)
    assert rows_stored(account) == rows_upstream(world)


# --- Statuses that nobody knows ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "unknown", "stage"),
    [
        ({"platform": "OnHold"}, ["platform_status"], "outside_every_stage"),
        ({"commission": "Waived"}, ["commission_status"], "outside_every_stage"),
        ({"referral": "Queried"}, ["referral_status"], "outside_every_stage"),
        ({"platform": "OnHold", "referral": "Paid"}, ["platform_status"], "paid"),
        ({"commission": "Waived", "platform": "PaymentReceived"}, ["commission_status"], "ready_to_invoice_debitura"),
    ],
)
def test_unknown_status_is_kept_as_it_came_and_flagged(
    account: PartnerAccount, world: World, statuses: dict[str, Any], unknown: list[str], stage: str
) -> None:
    payment = world.add_payment(**statuses)
    pull_now(account)
    row = Transaction.objects.get()
    assert (row.stage, row.unknown_statuses) == (stage, unknown)
    assert (row.commission_status, row.platform_status, row.referral_status) == (
        payment.commission,
        payment.platform,
        payment.referral,
    )
