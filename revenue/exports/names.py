"""What a file is called: what is inside, and as of when."""

from __future__ import annotations

from datetime import UTC, date, datetime

from partners.models import PartnerAccount
from revenue.filters import RevenueFilter
from revenue.models import PullRun
from revenue.periods import Period, add_months, is_month_end


def partner_part(is_default: bool, account: PartnerAccount) -> list[str]:
    """What the name says about the account: nothing about the one that needs no naming."""
    return [] if is_default else [account.slug]


def as_of_part(run: PullRun | None, now: datetime) -> str:
    """As of when the rows are that the pull `run` has published."""
    return as_of_text(None if run is None else run.as_of, now)


def as_of_text(as_of: datetime | None, now: datetime) -> str:
    """The same of an instant (UTC); None: no pull has published anything."""
    if as_of is None:
        return f"never-pulled-{now.astimezone(UTC):%Y%m%dT%H%MZ}"
    return f"as-of-{as_of:%Y%m%dT%H%MZ}"


def payments_parts(f: RevenueFilter) -> list[str]:
    """What the name of a file of payments says about its filter."""
    return [
        "transactions",
        *partner_part(f.is_default_account, f.account),
        _period_part(f.period),
        "-".join(stage.name.lower().replace("_", "-") for stage in f.stages),
        f"client-{f.client.creditor_id}" if f.client else "",
        "search" if f.q else "",
    ]


def _period_part(period: Period) -> str:
    """ "2026-03" for a whole month, "2026" for a year, "2026-03-05" for a day, else both ends; "all" without any."""
    first, last = period.first, period.last
    if first is None or last is None:
        return f"from-{first}" if first else f"until-{last}" if last else "all"
    if first == last:
        return str(first)
    whole = first.day == 1 and is_month_end(last)
    if whole and (first.month, last) == (1, date(first.year, 12, 31)):
        return f"{first:%Y}"
    if whole and add_months(first, 1) > last:
        return f"{first:%Y-%m}"
    return f"{first}_to_{last}"
