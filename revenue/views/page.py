"""What every page of figures shares: the account it speaks of, its freshness, its zone, and its answer to a wrong filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from operator import attrgetter
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import urlencode

from partners.models import PartnerAccount
from revenue.filters import FilterError, NoAccount, RevenueFilter, account_of, accounts_of, parse_filter
from revenue.parameters import home_zone
from revenue.periods import ONE_DAY, local_today, start_of_day
from revenue.selectors.paging import Window
from revenue.selectors.pulls import Freshness, freshness
from revenue.selectors.snapshot import consistent
from revenue.views.controls import Controls
from revenue.views.proof import proof_of
from revenue.views.unchanged import FiguresPage

P = ParamSpec("P")
ONE_MINUTE = timedelta(minutes=1)
HALF_A_SECOND = timedelta(seconds=0.5)
# Where a request keeps what it has asked once, as Django's CSRF_COOKIE.
_ACCOUNTS = "FEEBOARD_ACCOUNTS"
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def account_page(view: View[P]) -> View[P]:
    """A page that sees one state of the database, and says how to connect an account where there is none."""
    return consistent(needs_account(view))


def needs_account(view: View[P]) -> View[P]:
    """A page that says how to connect an account where there is none that the reader may see."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoAccount:
            return render(request, "revenue/no_account.html", {"section": "overview"})

    return answer


def own_account(request: HttpRequest) -> PartnerAccount:
    """The account that the address speaks of. Raises as revenue.filters.account_of does."""
    return account_of(request.GET, asker=request.user, visible=accounts_seen(request))[0]


def accounts_seen(request: HttpRequest) -> list[PartnerAccount]:
    """Every account that the reader may see, the one that needs no naming first. One query a request."""
    if _ACCOUNTS not in request.META:
        request.META[_ACCOUNTS] = accounts_of(request.user)
    seen: list[PartnerAccount] = request.META[_ACCOUNTS]
    return seen


def render_page(
    request: HttpRequest,
    template: str,
    account: PartnerAccount,
    context: Mapping[str, Any],
    *,
    zone: ZoneInfo | None = None,
    now: datetime | None = None,
    status: int = 200,
) -> FiguresPage:
    """A page about `account` with its frame, as of `now`; instants are written in `zone`, or in the reader's own."""
    now = now or timezone.now()
    shown_zone = zone or home_zone(request.user)
    state = freshness(account, now)
    frame = frame_of(request, account) | {
        "now": now,
        "freshness": state,
        "proof": proof_of(state.run),
        "zone": shown_zone,
    }
    with timezone.override(shown_zone):
        content = render_to_string(template, frame | dict(context), request)
    return FiguresPage(content, until=_words_change_at(state, shown_zone, now), status=status)


def _words_change_at(state: Freshness, zone: ZoneInfo, now: datetime) -> datetime:
    """When the page says something else although nothing has changed: another age, another state, another day."""
    tomorrow = start_of_day(local_today(zone, now) + ONE_DAY, zone)
    ages = [_age_changes_at(since, now) for since in (state.as_of, state.estimates_as_of) if since is not None]
    return min(change for change in (tomorrow, state.turns_at, *ages) if change is not None)


def _age_changes_at(as_of: datetime, now: datetime) -> datetime:
    """The end of the minute of age; ages are rounded to the second before they are written."""
    end = as_of + ((now - as_of) // ONE_MINUTE + 1) * ONE_MINUTE
    return end - HALF_A_SECOND if now < end - HALF_A_SECOND else end


def frame_of(request: HttpRequest, account: PartnerAccount) -> dict[str, Any]:
    """The accounts to switch between; and the query that keeps this one, empty for the one that needs no naming."""
    accounts = accounts_seen(request)
    query = "" if account == accounts[0] else urlencode({"partner": account.slug})
    return {"account": account, "accounts": sorted(accounts, key=attrgetter("slug")), "account_query": query}


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
        f = parse_filter(request.GET, asker=request.user, now=now, visible=accounts_seen(request))
    except FilterError as error:
        controls = Controls.of(request.GET, errors=error.fields)
        context = {"section": section, "controls": controls}
        return render_page(request, template, own_account(request), context, now=now, status=400)
    f = f.every_stage() if every_stage else f
    controls = Controls.of(request.GET, f=f)
    context = {"section": section, "f": f, "controls": controls, **context_of(f)}
    return render_page(request, template, f.account, context, zone=f.period.zone, now=now)


def pager(window: Window, query_of: Callable[[int | None], str]) -> dict[str, str | None]:
    """The queries of the pages before and after; None where there is none. `query_of` takes None for the first page."""
    return {
        "previous": query_of(window.number - 1 if window.number > 2 else None) if window.number > 1 else None,
        "next": query_of(window.number + 1) if window.number < window.pages else None,
    }
