"""What several tests of this package build."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from partners.models import Client, PartnerAccount
from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.periods import Period
from revenue.stages import Stage

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
_ids = itertools.count(0xB0000000)


def all_time(account: PartnerAccount, **fields: Any) -> RevenueFilter:
    """Everything of an account, seen from Copenhagen."""
    defaults: dict[str, Any] = {"period": Period(COPENHAGEN), "home_zone": COPENHAGEN}
    return RevenueFilter(account=account, **defaults | fields)


def bulk_transactions(client: Client, rows: Iterable[tuple[Stage, Decimal, bool]]) -> None:
    """Rows of a client by stage, fee in USD and estimate flag, paid 40 days apart from 1 January 2025 on."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    Transaction.objects.bulk_create(
        Transaction(
            account=client.account,
            client=client,
            transaction_id=UUID(int=next(_ids)),
            stage=stage,
            fee_usd=fee,
            is_estimate=estimate,
            is_recognized=not estimate,
            payment_date=start + timedelta(days=40 * place),
            first_seen_at=start,
            stage_since=start,
        )
        for place, (stage, fee, estimate) in enumerate(rows)
    )
