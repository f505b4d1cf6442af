"""The home of an account manager: what moved with their clients since they last looked, who is stuck, and all their clients."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Sight
from accounts.looks import looked_at, note_look
from accounts.people import account_address, account_query, own_sight, person
from partners.models import PartnerAccount
from revenue.filters import FilterError
from revenue.parameters import Reader
from revenue.selectors.clients import client_rows, last_payments
from revenue.selectors.moved import moved
from revenue.selectors.onboarding import stuck_in_onboarding
from revenue.selectors.pulls import published_run
from revenue.views.page import account_page, needs_account, pager, render_page
from revenue.views.unchanged import again_while_unchanged

# What somebody who has never looked is shown of the past.
AT_FIRST = timedelta(days=7)
MOVES_SHOWN = 200
STUCK_SHOWN = 50
CLIENTS_SHOWN = 25


@require_safe
@again_while_unchanged
@account_page
def my_clients(request: HttpRequest) -> HttpResponse:
    """For who sees some clients alone; whoever sees all of them is led to their list."""
    sight = own_sight(request)
    if sight.is_whole:
        return redirect(account_address(request, sight, "clients"))
    as_of = _as_of(sight.account)
    context: dict[str, Any] = {"section": "my_clients"}
    if as_of is not None:
        context |= _context(request, sight, as_of)
    return render_page(request, "revenue/my_clients.html", sight, context)


@require_POST
@needs_account
def my_clients_seen(request: HttpRequest) -> HttpResponse:
    """Begin the next look where the page ended that was looked at, which is not now: what came since is not passed over."""
    sight = own_sight(request)
    if sight.is_whole:
        raise Http404("There is no such page.")
    if note_look(person(request), sight.account, upto=_shown_until(request, sight.account)):
        messages.success(request, "Noted. From now on this page shows what moves after what you have seen.")
    else:
        messages.info(request, "You had seen all of that before; nothing was changed.")
    return redirect(account_address(request, sight, "my_clients"))


def _context(request: HttpRequest, sight: Sight, as_of: datetime) -> dict[str, Any]:
    last_look = looked_at(person(request), sight.account)
    since = as_of - AT_FIRST if last_look is None else last_look
    page = client_rows(sight, page=_page(request), page_size=CLIENTS_SHOWN)
    last = last_payments([row.client for row in page.rows])
    return {
        "moved": moved(sight, since=since, until=as_of, limit=MOVES_SHOWN),
        "since": since,
        "has_looked": last_look is not None,
        "until": as_of.isoformat(),
        "onboarding": stuck_in_onboarding(sight, limit=STUCK_SHOWN),
        "page": page,
        "rows": [(row, last.get(row.client.pk)) for row in page.rows],
        "pager": pager(page.window, lambda number: _query(request, sight, number)),
    }


def _as_of(account: PartnerAccount) -> datetime | None:
    run = published_run(account)
    return run.as_of if run else None


def _page(request: HttpRequest) -> int:
    """Raises Http404 for what is no number."""
    read = Reader(request.GET)
    number = read.page()
    try:
        read.raise_errors()
    except FilterError as error:
        raise Http404("There is no such page.") from error
    return number


def _shown_until(request: HttpRequest, account: PartnerAccount) -> datetime:
    """The instant that the form was made for. Raises BadRequest for what no page of this account can have shown."""
    try:
        until = parse_datetime(request.POST.get("until", ""))
    except ValueError:
        until = None
    as_of = _as_of(account)
    if until is None or timezone.is_naive(until) or as_of is None or until > as_of:
        raise BadRequest("The form did not say what it showed.")
    return until


def _query(request: HttpRequest, sight: Sight, number: int | None) -> str:
    return "&".join(filter(None, (account_query(request, sight), f"page={number}" if number else "")))
