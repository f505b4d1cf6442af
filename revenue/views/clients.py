"""The list of clients, its export, and one client."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import sight_of
from accounts.people import own_sight, person, sights_seen
from partners.models import Client
from revenue.exports.client_texts import for_client, for_colleagues
from revenue.exports.clients import clients_csv
from revenue.filters import (
    CLIENT_STATES,
    ClientFilter,
    FilterError,
    RevenueFilter,
    parse_client_filter,
)
from revenue.parameters import home_zone
from revenue.periods import Period
from revenue.selectors.cases import client_cases
from revenue.selectors.client_summary import client_summary
from revenue.selectors.clients import ClientRow, client_of, client_rows
from revenue.selectors.entries import page_of
from revenue.selectors.trends import EVERY_STAGE, trend
from revenue.views import columns
from revenue.views.cards import cards_of
from revenue.views.controls import Controls, client_chips
from revenue.views.downloads import Wanted, download
from revenue.views.months import month_table
from revenue.views.page import account_page, pager, render_page
from revenue.views.unchanged import again_while_unchanged

STATE_LABELS = {"active": "Active", "archived": "Archived", "all": "All"}
# The list of all of a client's payments is one click away.
PAYMENTS_SHOWN = 25
CASES_SHOWN = 50
PAYMENTS_IN_SUMMARY = 5


@require_safe
@again_while_unchanged
@account_page
def clients(request: HttpRequest) -> HttpResponse:
    """One page of the clients that match the address, each with its fee a stage."""
    context: dict[str, Any] = {"section": "clients", "states": [(key, STATE_LABELS[key]) for key in CLIENT_STATES]}
    try:
        f = parse_client_filter(request.GET, asker=request.user, seen=sights_seen(request))
    except FilterError as error:
        context["controls"] = Controls.of(request.GET, errors=error.fields)
        return render_page(request, "revenue/clients.html", own_sight(request), context, status=400)
    page = client_rows(f.sight, q=f.q, sort=f.sort, page=f.page, page_size=f.page_size, state=f.state)
    context |= {
        "f": f,
        "controls": Controls.of(request.GET),
        "chips": client_chips(f),
        "page": page,
        "pager": pager(page.window, lambda number: f.query(page=number)),
        "csv_query": f.query(page=None, page_size=None),
        "stages": EVERY_STAGE,
        "sorts": {key: _sort(f, key) for key in ("name", "fee", "cases", "earnings", "difference")},
    }
    return render_page(request, "revenue/clients.html", f.sight, context)


@require_safe
def clients_export(request: HttpRequest) -> HttpResponseBase:
    """The whole filter as CSV."""

    def read(now: datetime) -> Wanted:
        f = parse_client_filter(request.GET, asker=request.user)
        return Wanted.of(f, lambda: clients_csv(f, now=now))

    return download(request, "clients.csv", read)


@require_safe
@again_while_unchanged
@account_page
def client(request: HttpRequest, creditor_id: UUID) -> HttpResponse:
    """One client: its cards, months, cases and latest payments, of all time."""
    f, found = _of_client(request, creditor_id)
    return render_page(request, "revenue/client.html", f.sight, _client_context(request, f, found))


@require_safe
@again_while_unchanged
@account_page
def summary(request: HttpRequest, creditor_id: UUID) -> HttpResponse:
    """One client in a few lines of text: with fees for colleagues, and without any for the client."""
    f, found = _of_client(request, creditor_id)
    now = timezone.now()
    facts = client_summary(f, found, now=now, payments=PAYMENTS_IN_SUMMARY)
    context = {
        "section": "clients",
        "client": found,
        "for_colleagues": for_colleagues(facts, f.period.zone),
        "for_client": for_client(facts, f.period.zone),
    }
    return render_page(request, "revenue/client_summary.html", f.sight, context, now=now)


def _of_client(request: HttpRequest, creditor_id: UUID) -> tuple[RevenueFilter, Client]:
    """All that a client ever had, in the reader's days, and the client. Raises Http404."""
    sight, is_default = sight_of(request.GET, asker=request.user, seen=sights_seen(request))
    try:
        found = client_of(sight, creditor_id)
    except Client.DoesNotExist as missing:
        raise Http404("There is no such client.") from missing
    home = home_zone(request.user)
    f = RevenueFilter(
        sight=sight,
        period=Period(home),
        client=found,
        home_zone=home,
        is_default_account=is_default,
    )
    return f, found


def _client_context(request: HttpRequest, f: RevenueFilter, found: Client) -> dict[str, Any]:
    fees = trend(f)
    shown = [
        column for column in columns.shown_columns(person(request), columns.TRANSACTIONS) if column.key != "client"
    ]
    return {
        "section": "clients",
        "row": ClientRow(found, fees.totals),
        "client": found,
        "f": f,
        "cards": cards_of(f, fees.totals),
        "months": month_table(f, fees.months),
        "cases": client_cases(f.sight, found, limit=CASES_SHOWN),
        "entries": page_of(replace(f, page_size=PAYMENTS_SHOWN), total=fees.totals.everything),
        "table": columns.TRANSACTIONS,
        "headers": [columns.Header(column, "", "") for column in shown],
        "list_query": f.query(),
    }


def _sort(f: ClientFilter, key: str) -> dict[str, str]:
    """What the header of `key` shows and asks for."""
    query = f.query(sort=columns.turned(f.sort, key, largest_first=key != "name"))
    return {"query": query, "direction": columns.direction(f.sort, key)}
