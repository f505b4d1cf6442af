"""The pages of the people of clients: their own cases and payments. To anybody else there are no such pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Seat, seats_of
from partners.debitura.records import state_key
from partners.models import Case, PartnerAccount
from revenue.exports.own import own_payments_csv
from revenue.filters import CASE_SORTS, UNKNOWN_STATE, FilterError, OwnCaseFilter, parse_own_case_filter
from revenue.parameters import home_zone
from revenue.payment_states import PAYMENT_TEXTS
from revenue.selectors.own import OwnCasePage, own_case, own_freshness, page_of_own_cases
from revenue.selectors.snapshot import consistent
from revenue.templatetags.figures import words
from revenue.views import columns
from revenue.views.controls import Chip, Controls
from revenue.views.downloads import Wanted, download

P = ParamSpec("P")
Answer = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
OwnAnswer = Callable[Concatenate[HttpRequest, tuple[Seat, ...], P], HttpResponseBase]
# As on the pages of the partner's people.
PAYMENTS_SHOWN = 200


def for_clients(view: OwnAnswer[P]) -> Answer[P]:
    """A view for the people of clients, which takes their seats: to anybody else, an address that there is not."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        seats = seats_of(request.user)
        if not seats:
            raise Http404("There is no such page.")
        return view(request, seats, *args, **kwargs)

    return answer


@require_safe
@consistent
@for_clients
def my_cases(request: HttpRequest, seats: tuple[Seat, ...]) -> HttpResponse:
    """One page of the reader's cases that match the address, and what was paid on all that match."""
    context: dict[str, Any] = {"clients": companies(seats)}
    try:
        f = parse_own_case_filter(request.GET, seats=seats)
    except FilterError as error:
        context["controls"] = Controls.of(request.GET, errors=error.fields)
        return _render(request, "my/cases.html", seats, context, status=400)
    page = page_of_own_cases(f)
    states = state_labels(page.states)
    context |= {
        "f": f,
        "controls": Controls.of(request.GET),
        "chips": chips(f, states.get(f.state, f.state)),
        "page": page,
        "pager": pager(f, page),
        "states": list(states.items()),
        "sorts": {key: _sort(f, key) for key in CASE_SORTS},
        "export_query": f.query(page_size=None, sort=None),
    }
    return _render(request, "my/cases.html", seats, context)


@require_safe
@consistent
@for_clients
def my_case(request: HttpRequest, seats: tuple[Seat, ...], reference: str) -> HttpResponse:
    """The reader's case with Debitura's reference."""
    try:
        found = own_case(seats, reference, limit=PAYMENTS_SHOWN)
    except Case.DoesNotExist as missing:
        raise Http404("There is no such case.") from missing
    return _render(request, "my/case.html", seats, {"case": found.case, "found": found})


@require_safe
@for_clients
def my_payments_csv(request: HttpRequest, seats: tuple[Seat, ...]) -> HttpResponseBase:
    """The payments on the cases that match the address. The audit trail of each account that they are of tells of it."""

    def read(now: datetime) -> Wanted:
        f = parse_own_case_filter(request.GET, seats=seats)
        accounts = PartnerAccount.objects.filter(pk__in={seat.account for seat in f.asked}).order_by("pk")
        query = f.query(page_size=None, sort=None)
        return Wanted(tuple(accounts), query, lambda: own_payments_csv(f, zone=home_zone(request.user), now=now))

    return download(request, "payments.csv", read)


def companies(seats: tuple[Seat, ...]) -> list[tuple[str, str]]:
    """(creditorId, name) of the companies to choose from; none where there is no choice."""
    named = {str(seat.creditor_id): seat.company for seat in seats}
    return list(named.items()) if len(named) > 1 else []


def state_labels(states: list[str]) -> dict[str, str]:
    """The states to choose from, as filters name them, and what people call them."""
    known = {state_key(state): words(state) for state in states if state}
    return known | ({UNKNOWN_STATE: "Not told yet"} if "" in states else {})


def chips(f: OwnCaseFilter, state: str) -> list[Chip]:
    """One chip a condition; `state` is its state in words."""
    found = [Chip(state, f.query(state=""))] if f.state else []
    if f.client:
        found.append(Chip(f.client.company, f.query(client="")))
    return [*found, Chip(f"“{f.q}”", f.query(q=""))] if f.q else found


def pager(f: OwnCaseFilter, page: OwnCasePage) -> dict[str, str | None]:
    """The queries of the first page, and of the ones before and after this one; None where there is none."""
    return {
        "first": None if page.first is None else f.query(),
        "previous": None if page.first is None else f.query(before=page.first),
        "next": None if page.last is None else f.query(after=page.last),
    }


def _sort(f: OwnCaseFilter, key: str) -> dict[str, str]:
    """What the header of `key` shows and asks for."""
    query = f.query(sort=columns.turned(f.sort, key, largest_first=key == "created"))
    return {"query": query, "direction": columns.direction(f.sort, key)}


def _render(
    request: HttpRequest, template: str, seats: tuple[Seat, ...], context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page with its frame: how fresh its figures are, and in which zone its times stand."""
    now: datetime = timezone.now()
    frame = {
        "section": "my_cases",
        "now": now,
        "own_freshness": own_freshness(seats, now),
        "zone": home_zone(request.user),
        "has_companies": len(companies(seats)) > 1,
        "payment_texts": PAYMENT_TEXTS,
    }
    page = render(request, template, frame | dict(context), status=status)
    # Who may see it is asked again at every look.
    page["Cache-Control"] = "private, no-cache"
    return page
