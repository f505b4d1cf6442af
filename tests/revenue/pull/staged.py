"""Staging by hand: what a pull would have read, and its publication, without any upstream."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from partners.debitura.records import RevenueSummary, StageFigure
from partners.models import PartnerAccount
from revenue.models import PullRun, StagedRemoval, StagedRow, Transaction
from revenue.pull import bulk
from revenue.pull.apply import TransactionCounts, apply_staged
from revenue.pull.case_list import CaseReading
from revenue.pull.portfolio import ClientListing
from revenue.pull.publish import Reading, publish
from revenue.pull.rotation import Rotation
from revenue.stages import STAGES, Stage
from tests.factories import NOW, STATUSES

COLUMNS = tuple(field.attname for field in StagedRow._meta.concrete_fields if not field.primary_key)
_numbers = itertools.count(1)


def staged(account: PartnerAccount, *, stage: Stage = Stage.READY, **said: Any) -> dict[str, Any]:
    """The values of a row that names neither client nor case, with a fee of 30 USD."""
    number = next(_numbers)
    commission, platform, referral = STATUSES[stage]
    defaults = {
        "account_id": account.pk,
        "transaction_id": UUID(int=0x57A6ED000000 + number),
        "payment_date": datetime(2026, 3, 5, 9, 30, tzinfo=UTC),
        "payment_amount": Decimal("1000.00"),
        "payment_currency": "EUR",
        "earnings_currency": "EUR",
        "revenue": Decimal("60.00"),
        "revenue_usd": Decimal("60.00"),
        "fee_percentage": Decimal(50),
        "fee": Decimal("30.00"),
        "fee_usd": Decimal("30.00"),
        "is_estimate": commission != "Paid",
        "is_recognized": commission == "Paid",
        "recognized_usd": Decimal(0),
        "commission_status": commission,
        "platform_status": platform,
        "referral_status": referral,
        "stage": stage.value,
        "creditor_id": None,
        "external_tenant_id": None,
        "company_name": "",
        "case_uuid": None,
        "case_reference": "",
        "debtor_name": "",
        "original_amount": None,
        "case_currency": "",
        "unknown_statuses": [],
        "raw": "{}",
        "fingerprint": f"{number:032x}",
    }
    return defaults | said


def stage_rows(*rows: dict[str, Any]) -> None:
    """Put rows aside as a pull does."""
    bulk.copy_rows(StagedRow, COLUMNS, [tuple(row[name] for name in COLUMNS) for row in rows])


def stage_removals(account: PartnerAccount, *rows: Transaction) -> None:
    """Put stored rows aside as not found."""
    bulk.copy_rows(StagedRemoval, ("account_id", "transaction_id"), [(account.pk, row.pk) for row in rows])


def apply_now(
    account: PartnerAccount, *, seen_at: datetime = NOW, with_removals: bool = True
) -> tuple[PullRun, TransactionCounts]:
    """Write what is staged, in a run of its own that is not published itself."""
    run = PullRun.objects.create(account=account, started_at=seen_at, heartbeat_at=seen_at)
    return run, apply_staged(account, run, seen_at=seen_at, with_removals=with_removals)


def summary(**figures: tuple[str, int]) -> RevenueSummary:
    """Debitura's figures: fee in USD and rows of the stages named, none of the others."""
    told = {stage.value: ("0", 0) for stage in STAGES} | figures
    return RevenueSummary({stage: StageFigure(Decimal(fee), rows) for stage, (fee, rows) in told.items()}, None)


def reading(**given: Any) -> Reading:
    """What a pull that listed everything read: no clients, what is staged, and figures that know of nothing."""
    defaults: dict[str, Any] = {
        "clients": ClientListing(rows={}, unreadable={}, summary=None, totals=frozenset({0})),
        "mode": "PayWhenPaid",
        "summary": summary(),
        "results": None,
        "seen": 1,
        "proven": True,
        "unreadable": {},
        "reach": PullRun.Reach.EVERYTHING,
        "fallback": "",
        "left_for_later": [],
        "estimates_current": True,
        "as_of": NOW,
    }
    return Reading(**defaults | given)


NO_CASES = CaseReading(seen=0, unreadable={}, left=0, trouble="", rotation=Rotation())


def publish_now(account: PartnerAccount, **given: Any) -> PullRun:
    """Publish what is staged in a run of its own."""
    run = PullRun.objects.create(account=account, started_at=NOW, heartbeat_at=NOW)
    publish(account, run, reading(**given), NO_CASES)
    run.refresh_from_db()
    return run
