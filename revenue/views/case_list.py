"""The list of cases."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.people import own_sight, sights_seen
from partners.debitura.records import PENDING_VERIFICATION, state_key
from revenue.filters import (
    CASE_SORTS,
    UNKNOWN_STATE,
    CaseFilter,
    FilterError,
    parse_case_filter,
)
from revenue.selectors.case_list import CaseListPage, page_of_cases
from revenue.templatetags.figures import words
from revenue.views import columns
from revenue.views.controls import Controls, PresetLink, case_chips
from revenue.views.page import account_page, render_page
from revenue.views.payments import selectable_clients
from revenue.views.unchanged import again_while_unchanged


@require_safe
@again_while_unchanged
@account_page
def cases(request: HttpRequest) -> HttpResponse:
    """One page of the cases that match the address, each with its references and its fee."""
    context: dict[str, Any] = {"section": "cases"}
    try:
        f = parse_case_filter(request.GET, asker=request.user, seen=sights_seen(request))
    except FilterError as error:
        context["controls"] = Controls.of(request.GET, errors=error.fields)
        return render_page(request, "revenue/cases.html", own_sight(request), context, status=400)
    page = page_of_cases(f)
    states = state_labels(page.states)
    context |= {
        "f": f,
        "controls": Controls.of(request.GET),
        "chips": case_chips(f, states.get(f.state, f.state)),
        "page": page,
        "pager": case_pager(f, page),
        "presets": _presets(f, page),
        "pending": PENDING_VERIFICATION,
        "states": list(states.items()),
        "clients": selectable_clients(f.sight),
        "sorts": {key: _sort(f, key) for key in CASE_SORTS},
    }
    return render_page(request, "revenue/cases.html", f.sight, context)


def state_labels(states: list[str]) -> dict[str, str]:
    """The states to choose from, as filters name them, and what people call them; the one that waits for us always first."""
    known = {state_key(state): words(state) for state in states}
    unknown = {UNKNOWN_STATE: "Not told yet"} if "" in known else {}
    return {PENDING_VERIFICATION: "Pending verification"} | {key: text for key, text in known.items() if key} | unknown


def case_pager(f: CaseFilter, page: CaseListPage) -> dict[str, str | None]:
    """The queries of the first page, and of the ones before and after this one; None where there is none."""
    return {
        "first": None if page.first is None else f.query(),
        "previous": None if page.first is None else f.query(before=page.first),
        "next": None if page.last is None else f.query(after=page.last),
    }


def _presets(f: CaseFilter, page: CaseListPage) -> list[PresetLink]:
    """All cases, and those that wait to be activated: one click each."""
    pending = f"more than {page.pending - 1:,}" if page.has_more_pending else page.pending
    waiting = f"Pending verification: {pending}"
    return [
        PresetLink("All cases", f.query(state=""), current=not f.state),
        PresetLink(waiting, f.query(state=PENDING_VERIFICATION), current=f.state == PENDING_VERIFICATION),
    ]


def _sort(f: CaseFilter, key: str) -> dict[str, str]:
    """What the header of `key` shows and asks for."""
    query = f.query(sort=columns.turned(f.sort, key, largest_first=key == "created"))
    return {"query": query, "direction": columns.direction(f.sort, key)}
