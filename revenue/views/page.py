"""What every page of figures shares: the account it speaks of, its freshness, its zone, and its answer to a wrong filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import urlencode

from accounts.access import visible_accounts
from partners.models import PartnerAccount
from revenue.filters import FilterError, NoAccount, RevenueFilter, account_of, parse_filter
from revenue.parameters import home_zone
from revenue.selectors.paging import Window
from revenue.selectors.pulls import freshness
from revenue.selectors.snapshot import consistent
from revenue.views.controls import Controls
from revenue.views.proof import proof_of

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def account_page(view: View[P]) -> View[P]:
    """A page that sees one state of the database, and says how to connect an account where there is none."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoAccount:
            return render(request, "revenue/no_account.html", {"section": "overview"})

    return consistent(answer)


def own_account(request: HttpRequest) -> PartnerAccount:
    """The account that the address speaks of. Raises as revenue.filters.account_of does."""
    return account_of(request.GET, asker=request.user)[0]


def render_page(
    request: HttpRequest,
    template: str,
    account: PartnerAccount,
    context: Mapping[str, Any],
    *,
    zone: ZoneInfo | None = None,
    status: int = 200,
) -> HttpResponse:
    """A page about `account` with its frame; instants are written in `zone`, or in the reader's own.

    Nothing is kept by caches in between: who may see a figure is asked again at every look.
    """
    now = timezone.now()
    shown_zone = zone or home_zone(request.user)
    state = freshness(account, now)
    frame = frame_of(request, account) | {
        "now": now,
        "freshness": state,
        "proof": proof_of(state.run),
        "zone": shown_zone,
    }
    with timezone.override(shown_zone):
        response = render(request, template, frame | dict(context), status=status)
    patch_cache_control(response, private=True, no_cache=True)
    return response


def frame_of(request: HttpRequest, account: PartnerAccount) -> dict[str, Any]:
    """The accounts to switch between; and the query that keeps this one, empty for the one that needs no naming."""
    accounts = list(visible_accounts(request.user))
    is_default = bool(accounts) and account == accounts[0]
    query = "" if is_default else urlencode({"partner": account.slug})
    return {"account": account, "accounts": accounts, "account_query": query}


def filtered_page(
    request: HttpRequest,
    template: str,
    section: str,
    context_of: Callable[[RevenueFilter], Mapping[str, Any]],
    *,
    every_stage: bool = False,
) -> HttpResponse:
    """The page that `context_of` makes of the filter in the address; with `every_stage`, of the filter without its stages.

    A filter that makes no sense answers 400: what was typed, what to do about it, and no figures.
    """
    now = timezone.now()
    try:
        f = parse_filter(request.GET, asker=request.user, now=now)
    except FilterError as error:
        controls = Controls.of(request.GET, errors=error.fields)
        context = {"section": section, "controls": controls}
        return render_page(request, template, own_account(request), context, status=400)
    f = f.every_stage() if every_stage else f
    controls = Controls.of(request.GET, f=f)
    context = {"section": section, "f": f, "controls": controls, **context_of(f)}
    return render_page(request, template, f.account, context, zone=f.period.zone)


def pager(window: Window, query_of: Callable[[int | None], str]) -> dict[str, str | None]:
    """The queries of the pages before and after; None where there is none. `query_of` takes None for the first page."""
    return {
        "previous": query_of(window.number - 1 if window.number > 2 else None) if window.number > 1 else None,
        "next": query_of(window.number + 1) if window.number < window.pages else None,
    }
