"""What several tests of this package build."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from accounts.access import Sight
from partners.models import Client, PartnerAccount
from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.periods import Period
from revenue.pull import totals
from revenue.stages import Stage
from tests.factories import make_client

MONTHS = [
    datetime(year, month, 1, tzinfo=UTC) for year, month in ((1905, 7), (1971, 12), (2024, 3), (2026, 1), (2026, 2))
]
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
_ids = itertools.count(0xB0000000)


def all_time(account: PartnerAccount, **fields: Any) -> RevenueFilter:
    """Everything of an account, seen from Copenhagen."""
    defaults: dict[str, Any] = {"period": Period(COPENHAGEN), "home_zone": COPENHAGEN}
    return RevenueFilter(sight=Sight.of_everything(account), **defaults | fields)


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
    totals.rebuild(client.account)


@dataclass(frozen=True)
class BuiltRow:
    """A row of `build_rows`. client: which of two clients, None for none."""

    paid: datetime
    client: int | None = 0
    stage: Stage = Stage.READY
    is_estimate: bool = False
    is_settled: bool = True
    fee_usd: Decimal | None = Decimal(30)
    is_removed: bool = False


def instants() -> st.SearchStrategy[datetime]:
    """Instants of a few months; most of them where some zone's month or day begins, or one microsecond off."""
    steps = st.integers(-60, 52).map(lambda quarters: timedelta(minutes=15 * quarters))
    near = st.tuples(steps, st.sampled_from([-1, 0, 0, 1])).map(lambda at: at[0] + timedelta(microseconds=at[1]))
    anywhere = st.timedeltas(timedelta(days=-40), timedelta(days=40))
    return st.builds(lambda month, offset: month + offset, st.sampled_from(MONTHS), near | near | anywhere)


def built_rows() -> st.SearchStrategy[list[BuiltRow]]:
    """Up to a dozen rows, many of them at the same or at neighbouring instants."""
    amounts = st.none() | st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6)
    row = st.builds(
        BuiltRow,
        paid=instants(),
        client=st.sampled_from([0, 1, None]),
        stage=st.sampled_from([Stage.READY, Stage.PENDING, Stage.OUTSIDE]),
        is_estimate=st.booleans(),
        is_settled=st.booleans(),
        fee_usd=amounts,
        is_removed=st.sampled_from([False, False, False, True]),
    )
    return st.lists(row, max_size=12)


def build_rows(account: PartnerAccount, rows: Iterable[BuiltRow], *, count: bool = True) -> list[int]:
    """Save rows with two clients of `account`; their revenue is twice their fee. Returns the primary keys, in order.

    `count`: keep totals of them.
    """
    clients = list(account.clients.order_by("pk")[:2]) or [make_client(account), make_client(account)]
    made = [
        Transaction.objects.create(
            account=account,
            client=None if row.client is None else clients[row.client],
            transaction_id=UUID(int=next(_ids)),
            stage=row.stage,
            fee_usd=row.fee_usd,
            revenue_usd=None if row.fee_usd is None else row.fee_usd * 2,
            is_estimate=row.is_estimate,
            is_recognized=not row.is_estimate,
            commission_status="Paid" if row.is_settled else "Unpaid",
            payment_date=row.paid,
            first_seen_at=row.paid,
            stage_since=row.paid,
            removed_at=row.paid if row.is_removed else None,
        ).pk
        for row in rows
    ]
    if count:
        totals.rebuild(account)
    return made
