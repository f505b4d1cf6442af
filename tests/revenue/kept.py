"""Kept totals of rows that no pull has written."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from partners.models import PartnerAccount
from revenue.models import KeptTotal, Transaction

Grain = KeptTotal.Grain
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def keep_totals(account: PartnerAccount) -> None:
    """Keep the numbers of rows that lists go by; no sums, for no list looks at them."""
    rows: Counter[tuple[str, int, datetime, str]] = Counter()
    for date, client, stage in Transaction.objects.filter(account=account, removed_at=None).values_list(
        "payment_date", "client_id", "stage"
    ):
        day = date.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        rows[Grain.DAY, KeptTotal.EVERY_OWNER, day, stage] += 1
        for owner in (KeptTotal.EVERY_OWNER, client or KeptTotal.NO_OWNER):
            rows[Grain.MONTH, owner, day.replace(day=1), stage] += 1
            rows[Grain.EVER, owner, EPOCH, stage] += 1
    KeptTotal.objects.filter(account=account).delete()
    KeptTotal.objects.bulk_create(
        KeptTotal(
            account=account,
            grain=grain,
            owner=owner,
            start=start,
            stage=stage,
            is_estimate=False,
            is_settled=False,
            fee_usd=0,
            revenue_usd=0,
            rows=count,
        )
        for (grain, owner, start, stage), count in rows.items()
    )
