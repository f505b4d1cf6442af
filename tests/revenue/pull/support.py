"""What the tests of the pull share: a client that never really waits, and both sides of every comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Model

from partners.debitura.client import DebituraClient
from partners.debitura.records import Page, TransactionRecord
from partners.models import Case, Client, ClientEvent, PartnerAccount
from revenue.models import DayEstimate, PullRun, PullState, QuarantinedRow, Transaction, TransactionChange
from revenue.pull.budget import Budget, BudgetSpent
from revenue.pull.runner import AlreadyRunning, pull
from revenue.stages import STAGES, Stage
from sandbox.records import Payment
from sandbox.rules import stage_of
from sandbox.world import World
from tests.processes import wait_until

# The stages in the order of the contract's numbers; a row without a number is outside every stage.
BY_NUMBER = (
    "pending",
    "confirmed_pending_invoice",
    "awaiting_collection_partner_payment",
    "ready_to_invoice_debitura",
    "awaiting_debitura_payment",
    "paid",
    "disputed",
)
# All that a failed pull must leave as it was, and a repeated one must not touch.
KEPT: tuple[type[Model], ...] = (
    PartnerAccount,
    Client,
    ClientEvent,
    Case,
    Transaction,
    TransactionChange,
    DayEstimate,
    QuarantinedRow,
)


class QuickClient(DebituraClient):
    """Retries without waiting."""

    def __init__(self, base_url: str, api_key: str, **options: Any) -> None:
        super().__init__(base_url, api_key, sleep=lambda seconds: None, **options)


class SmallPages(QuickClient):
    """Reads ten rows at a time, so that a few rows make many pages."""

    def transaction_pages(self, **options: Any) -> Iterator[Page[TransactionRecord]]:
        return super().transaction_pages(**options | {"page_size": 10})


class Few:
    """So many requests, then none."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, requests: int) -> float:
        if self.left < requests:
            raise BudgetSpent(datetime(2026, 4, 1, tzinfo=UTC), self.left)
        self.left -= requests
        return 0.0

    def give_back(self, requests: int) -> None:
        self.left += requests

    def count(self, requests: int) -> None:
        """Beyond what there was: nobody asks any more."""


def limit_requests(monkeypatch: pytest.MonkeyPatch, requests: int) -> None:
    """The pulls from here on have so many requests each."""
    monkeypatch.setattr("revenue.pull.theirs.LOT", 1)
    monkeypatch.setattr(Budget, "of", classmethod(lambda cls, account: Few(requests)))


def pull_now(account: PartnerAccount) -> PullRun:
    return pull(account, make_client=QuickClient)


def pull_in_small_pages(account: PartnerAccount) -> PullRun:
    return pull(account, make_client=SmallPages)


def pull_when_free(account: PartnerAccount) -> PullRun:
    """PostgreSQL notices a moment later than we that a process is gone."""
    found: list[PullRun] = []

    def pulled() -> bool:
        try:
            found.append(pull_now(account))
        except AlreadyRunning:
            return False
        return True

    wait_until(pulled, "the lock of a dead pull to be free")
    return found[0]


def pull_plainly(account: PartnerAccount) -> PullRun:
    """Ten rows at a time, every row, as where the summaries of windows are not to be trusted."""
    PullState.objects.update_or_create(account=account, defaults={"distrust": "A test says so.", "looks": 1})
    return pull_in_small_pages(account)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that only a successful pull with news may change."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in KEPT}


# transactionId → stage, payment date, amount, revenue in USD, fee in USD, …
Rows = dict[UUID, tuple[Any, ...]]


def stage_upstream(payment: Payment, mode: str) -> str:
    """The stage by the sandbox's own rule, which knows nothing of ours."""
    number = stage_of(payment.commission, payment.platform, payment.referral, mode)
    return "outside_every_stage" if number is None else BY_NUMBER[number]


def rows_upstream(world: World) -> Rows:
    """What a perfect copy of the world would hold."""
    return {
        payment.id: (
            stage_upstream(payment, world.mode),
            payment.paid_at,
            payment.amount,
            payment.revenue_usd,
            payment.fee_usd,
            payment.is_estimate,
            payment.commission,
            payment.platform,
            payment.referral or "Pending",
            payment.client.id,
            payment.case.id,
        )
        for payment in world.payments
    }


def rows_stored(account: PartnerAccount) -> Rows:
    """The copy that we count."""
    rows = Transaction.objects.filter(account=account, removed_at=None).select_related("client", "case")
    return {
        row.transaction_id: (
            row.stage,
            row.payment_date,
            row.payment_amount,
            row.revenue_usd,
            row.fee_usd,
            row.is_estimate,
            row.commission_status,
            row.platform_status,
            row.referral_status,
            row.client.creditor_id if row.client else None,
            row.case.case_id if row.case else None,
        )
        for row in rows
    }


def counted(rows: Rows) -> dict[Stage, tuple[int, Decimal]]:
    """Count and exact fee in USD of each of the seven stages that has rows."""
    found: dict[Stage, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for stage, _date, _amount, _revenue, fee_usd, *_rest in rows.values():
        if stage in STAGES:
            count, total = found[stage]
            found[stage] = (count + 1, total + fee_usd)
    return dict(found)
