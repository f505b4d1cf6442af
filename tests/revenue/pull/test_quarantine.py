"""Rows that cannot be read: kept aside, counted, and forgotten no sooner than they may be."""

from __future__ import annotations

from decimal import Decimal

import pytest

from partners.models import PartnerAccount
from revenue.models import PullRun, QuarantinedRow
from sandbox import rendering
from sandbox.records import Payment
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull.support import pull_now, pull_plainly, rows_stored, rows_upstream

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments(world: World) -> list[Payment]:
    """Rows on two clients, the earliest first."""
    clients = [world.add_client(), world.add_client()]
    return [world.add_payment(clients[n % 2], amount=Decimal(100 + 10 * n)) for n in range(6)]


def spoil(payment: Payment, old: str, new: str) -> None:
    """Make the row's JSON say something else, until the row changes again."""
    text = rendering.transaction(payment)
    assert old.encode() in text
    payment.text = text.replace(old.encode(), new.encode())


def heal(payment: Payment) -> None:
    payment.text = None


BROKEN = [
    ('"amount":', '"amount":NaN,"was":', "payment.amount is NaN, not an amount."),
    ('"referralFeeAmountUsd":', '"referralFeeAmountUsd":Infinity,"was":', "earnings.referralFeeAmountUsd is Infinity"),
    ('"referralFeeAmountUsd":', '"referralFeeAmountUsd":1e999999999,"was":', "earnings.referralFeeAmountUsd is "),
    ('"referralFeeAmountUsd":', '"referralFeeAmountUsd":1e15,"was":', "amounts of 10^15 and more are not believed"),
    ('"isEstimate":', '"isEstimate":"perhaps","was":', "neither true nor false"),
    ('"creditorId":"', '"creditorId":"x', "client.creditorId is "),
    ('"client":{', '"client":[],"was":{', "client is [], not an object."),
    ('"commissionPaymentStatus":', '"commissionPaymentStatus":[1],"was":', "status.commissionPaymentStatus is [1]"),
]


@pytest.mark.either
@pytest.mark.parametrize(("old", "new", "reason"), BROKEN)
def test_row_that_cannot_be_read_is_kept_aside_and_stops_nobody(
    account: PartnerAccount, world: World, payments: list[Payment], old: str, new: str, reason: str
) -> None:
    spoil(payments[4], old, new)
    run = pull_now(account)
    assert (run.status, run.quarantined, run.transactions_created) == (PullRun.Status.DIFFERS, 1, 5)
    kept = QuarantinedRow.objects.get()
    assert (kept.resource, kept.identity, kept.first_run, kept.last_run) == (
        "transactions",
        str(payments[4].id),
        run,
        run,
    )
    assert reason in kept.reason
    assert str(payments[4].id) in kept.raw


@pytest.mark.either
@pytest.mark.parametrize(("old", "new", "reason"), BROKEN)
def test_known_row_that_cannot_be_read_stays_as_it_was_until_it_heals(
    account: PartnerAccount, world: World, payments: list[Payment], old: str, new: str, reason: str
) -> None:
    pull_now(account)
    before = rows_stored(account)
    world.edit(payments[4].id, amount=Decimal(5))
    world.delete(payments[0].id)
    spoil(payments[4], old, new)
    run = pull_now(account)
    after = rows_stored(account)
    assert (run.ties_out, run.transactions_removed) == (False, 1)
    assert after[payments[4].id] == before[payments[4].id]
    assert before.keys() - after.keys() == {payments[0].id}
    heal(payments[4])
    run = pull_now(account)
    assert (run.status, run.quarantined) == (PullRun.Status.OK, 0)
    assert rows_stored(account) == rows_upstream(world)


def test_same_unreadable_row_is_kept_once(account: PartnerAccount, world: World, payments: list[Payment]) -> None:
    spoil(payments[4], '"amount":', '"amount":NaN,"was":')
    first, _, third = (pull_now(account) for _ in range(3))
    kept = QuarantinedRow.objects.get()
    assert (kept.first_run, kept.last_run) == (first, third)


def test_unreadable_row_that_follows_the_rate_is_kept_once_with_its_last_text(
    account: PartnerAccount, world: World, payments: list[Payment]
) -> None:
    first = run = None
    for rate in ("1.08", "1.09", "1.10"):
        spoil(payments[0], '"amount":100,', f'"amount":NaN,"rate":{rate},')
        run = pull_now(account)
        first = first or run
        heal(payments[0])
    kept = QuarantinedRow.objects.get()
    assert (kept.first_run, kept.last_run) == (first, run)
    assert '"rate":1.10' in kept.raw


def test_quarantine_of_one_account_is_not_mixed_with_another(
    account: PartnerAccount, world: World, payments: list[Payment]
) -> None:
    spoil(payments[0], '"amount":100,', '"amount":NaN,')
    other = PartnerAccount(slug="other", name="Other", base_url=account.base_url)
    other.api_key = account.api_key
    other.save()
    runs = [pull_now(account), pull_now(other)]
    assert [row.first_run for row in QuarantinedRow.objects.order_by("pk")] == runs


NAMELESS = [
    ('{"transactionId":"', '{"transactionId":"x'),
    ('{"transactionId":"', '{"transactionId":null,"was":"'),
    ('{"transactionId":"', '{"was":"'),
    ('{"transactionId":"', '{"transactionId":"00000000-0000-0000-0000-000000000000","was":"'),
]


@pytest.mark.either
@pytest.mark.parametrize(("old", "new"), NAMELESS)
def test_known_row_that_lost_its_name_is_not_taken_for_removed(
    account: PartnerAccount, world: World, payments: list[Payment], old: str, new: str
) -> None:
    """Nobody can tell which row it is: it may be any of those that are missing."""
    pull_now(account)
    spoil(payments[4], old, new)
    world.delete(payments[0].id)
    run = pull_now(account)
    assert (run.status, run.quarantined, run.transactions_removed) == (PullRun.Status.DIFFERS, 1, 0)
    heal(payments[4])
    run = pull_now(account)
    assert (run.status, run.transactions_removed) == (PullRun.Status.OK, 1)
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("faults", ["baduuid", "nodate", "nan", "badrow"])
def test_unreadable_rows_of_every_page_stop_nobody(
    account: PartnerAccount, world: World, upstream: SandboxServer, faults: str
) -> None:
    for number in range(25):
        world.add_payment(amount=Decimal(100 + number))
    upstream.faults = f"transactions/{faults}"
    run = pull_plainly(account)
    assert (run.status, run.quarantined, run.transactions_created) == (PullRun.Status.DIFFERS, 3, 22)
    upstream.faults = ""
    run = pull_plainly(account)
    assert (run.status, run.quarantined, run.transactions_created) == (PullRun.Status.OK, 0, 3)


@pytest.mark.either
@pytest.mark.parametrize("value", ["null", "17", '"text"', "[]", "{}", "true"])
def test_row_that_is_no_row_at_all_stops_nobody(
    account: PartnerAccount, world: World, payments: list[Payment], value: str
) -> None:
    payments[0].text = value.encode()
    run = pull_now(account)
    assert (run.status, run.quarantined, run.transactions_created) == (PullRun.Status.DIFFERS, 1, 5)
    assert QuarantinedRow.objects.get().raw == value
