"""What every page of figures shares: the account it speaks of, its freshness, its zone, and its answer to a wrong filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.access import NoAccount, Sight, lacks_second_factor, own_clients
from accounts.people import frame_of, own_sight, sights_seen
from accounts.settings_pages import admin_sight
from revenue.filters import FilterError, RevenueFilter, parse_filter
from revenue.parameters import home_zone
from revenue.periods import ONE_DAY, local_today, start_of_day
from revenue.selectors.paging import Window
from revenue.selectors.proof import proof_of
from revenue.selectors.pulls import Freshness, freshness
from revenue.selectors.snapshot import consistent
from revenue.views.controls import Controls
from revenue.views.unchanged import FiguresPage

P = ParamSpec("P")
ONE_MINUTE = timedelta(minutes=1)
HALF_A_SECOND = timedelta(seconds=0.5)
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def account_page(view: View[P]) -> View[P]:
    """A page that sees one state of the database, and says how to connect an account where there is none."""
    return consistent(needs_account(view))


def needs_account(view: View[P]) -> View[P]:
    """A page that says what to do where there is no account that the reader may see; to people of clients, none."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoAccount:
            if request.path == reverse("overview") and own_clients(request.user).exists():
                return redirect("my_cases")
            refuse_clients(request)
            context = {"section": "overview", "lacks_second_factor": lacks_second_factor(request.user)}
            return render(request, "revenue/no_account.html", context)

    return answer


def refuse_clients(request: HttpRequest) -> None:
    """Raise Http404 for the people of clients: to them the pages of the partner's people are none."""
    if own_clients(request.user).exists():
        raise Http404("There is no such page.")


def administered(request: HttpRequest) -> Sight:
    """What an admin sees of the account that the address speaks of, for its settings.

    Raises as accounts.settings_pages.admin_sight does, and NoAccount before an account is connected.
    """
    sight = admin_sight(request)
    if sight is None:
        raise NoAccount("No partner account is connected yet.")
    return sight


def render_page(
    request: HttpRequest,
    template: str,
    sight: Sight,
    context: Mapping[str, Any],
    *,
    zone: ZoneInfo | None = None,
    now: datetime | None = None,
    status: int = 200,
) -> FiguresPage:
    """A page about what is seen of an account, with its frame, as of `now`; instants stand in `zone`, or in the reader's own."""
    now = now or timezone.now()
    shown_zone = zone or home_zone(request.user)
    state = freshness(sight.account, now)
    frame = frame_of(request, sight) | {
        "now": now,
        "freshness": state,
        "proof": proof_of(state.run, sight),
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


def filtered_page(
    request: HttpRequest,
    template: str,
    section: str,
    context_of: Callable[[RevenueFilter], Mapping[str, Any]],
    *,
    every_stage: bool = False,
    frame: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The page that `context_of` makes of the filter in the address; with `every_stage`, of the filter without its stages.

    A filter that makes no sense answers 400: what was typed, what to do about it, and no figures. frame: what the template
    needs in either case.
    """
    now = timezone.now()
    common = {"section": section, **(frame or {})}
    try:
        f = parse_filter(request.GET, asker=request.user, now=now, seen=sights_seen(request))
    except FilterError as error:
        controls = Controls.of(request.GET, errors=error.fields)
        context = {**common, "controls": controls}
        return render_page(request, template, own_sight(request), context, now=now, status=400)
    f = f.every_stage() if every_stage else f
    controls = Controls.of(request.GET, f=f)
    context = {**common, "f": f, "controls": controls, **context_of(f)}
    return render_page(request, template, f.sight, context, zone=f.period.zone, now=now)


def pager(window: Window, query_of: Callable[[int | None], str]) -> dict[str, str | None]:
    """The queries of the pages before and after; None where there is none. `query_of` takes None for the first page."""
    return {
        "previous": query_of(window.number - 1 if window.number > 2 else None) if window.number > 1 else None,
        "next": query_of(window.number + 1) if window.number < window.pages else None,
    }
