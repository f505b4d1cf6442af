"""The first page: what stands in each stage, how it got there month by month, and for whom."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from revenue.filters import RevenueFilter
from revenue.selectors.clients import top_clients
from revenue.selectors.totals import portfolio_totals
from revenue.selectors.trends import trend
from revenue.views.cards import cards_of
from revenue.views.months import month_table
from revenue.views.page import account_page, filtered_page
from revenue.views.unchanged import again_while_unchanged


@require_safe
@again_while_unchanged
@account_page
def overview(request: HttpRequest) -> HttpResponse:
    """Cards, months, top clients and portfolio; its period and zone come from the address.

    Every stage has its card here: a stage in the address belongs to the list of transactions.
    """
    return filtered_page(request, "revenue/overview.html", "overview", _context, every_stage=True)


def _context(f: RevenueFilter) -> dict[str, Any]:
    found = trend(f)
    return {
        "cards": cards_of(f, found.totals),
        "months": month_table(f, found.months),
        "top_clients": [
            (client, f.query(client=client.creditor_id) if client.creditor_id else "") for client in top_clients(f)
        ],
        "whole_portfolio": portfolio_totals(f.sight),
    }
