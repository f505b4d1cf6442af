"""What people ask about one client, in a handful of figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from partners.models import Client
from revenue.filters import RevenueFilter
from revenue.models import Transaction
from revenue.periods import Period, local_today
from revenue.selectors.entries import page_of
from revenue.selectors.pulls import published_run
from revenue.selectors.totals import Totals, stage_totals


@dataclass(frozen=True, slots=True)
class ClientSummary:
    """as_of: the instant (UTC) for which it speaks, None before the first pull. year: the local year that `this_year` is of.

    latest: the last payments of debtors, the last one first.
    """

    client: Client
    as_of: datetime | None
    totals: Totals
    year: int
    this_year: Totals
    latest: list[Transaction]


def client_summary(f: RevenueFilter, client: Client, *, now: datetime, payments: int) -> ClientSummary:
    """Of all the time of `f`, which is of this client alone. Four queries."""
    year = local_today(f.period.zone, now).year
    totals = stage_totals(f)
    days = Period(f.period.zone, date(year, 1, 1), date(year, 12, 31))
    latest = page_of(replace(f, page_size=payments), total=totals.everything).rows
    run = published_run(f.account)
    return ClientSummary(
        client=client,
        as_of=run.as_of if run else None,
        totals=totals,
        year=year,
        this_year=stage_totals(replace(f, period=days)),
        latest=latest,
    )
