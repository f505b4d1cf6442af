"""The audit trail as a page and as a file, for admins."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from itertools import chain, islice
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.audit.record import record_export
from accounts.audit.trail import TrailFilter, TrailPage, facts, page_of_trail, people_of, whole_trail
from accounts.models import AuditEvent, User
from accounts.patience import Busy
from accounts.people import account_query, frame_of, person
from accounts.settings_pages import admin_sight
from accounts.signing_in.reauthentication import recently_signed_in
from partners.models import PartnerAccount
from partners.spreadsheets import safe_text

LONGEST_SEARCH = 200
LARGEST_KEY = 10**18
# Days that no zone can push out of the calendar.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)
MOST_PEOPLE_TO_CHOOSE_FROM = 500
_PLACES = ("after", "before")
# Lines that are sent at once.
_PIECE = 200


class TrailForm(forms.Form):
    """The conditions of the trail, as the address holds them: from and to (local days, both inclusive), person, action, q."""

    person = forms.CharField(required=False, max_length=254)
    action = forms.MultipleChoiceField(required=False, choices=AuditEvent.Action.choices)
    q = forms.CharField(required=False, max_length=LONGEST_SEARCH)
    after = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY)
    before = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Words of Python, too.
        self.fields["from"], self.fields["to"] = _day_field(), _day_field()

    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last and first > last:
            self.add_error("from", "The first day lies after the last one; swap them.")
        return self.cleaned_data

    def filter_for(self, asker: User, account: PartnerAccount | None) -> TrailFilter:
        """What the conditions mean for somebody who reads dates in their own zone."""
        values = self.cleaned_data
        return TrailFilter(
            asker=asker,
            account=account,
            start=_start_of(values["from"], asker.zone),
            end=_start_of(values["to"] and values["to"] + timedelta(days=1), asker.zone),
            person=values["person"].lower(),
            actions=tuple(dict.fromkeys(values["action"])),
            q=values["q"],
            after=values["after"],
            before=values["before"],
        )

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """The parameters that are in force, as the address holds them, without a place in the list."""
        values = [(name, value) for name, value in self.cleaned_data.items() if name not in _PLACES and value]
        return [(name, str(one)) for name, value in values for one in (value if isinstance(value, list) else [value])]


def _day_field() -> forms.DateField:
    return forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "Write a day as 2026-03-31."},
        validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
    )


def _start_of(day: date | None, zone: ZoneInfo) -> datetime | None:
    """The first instant of a local day, in UTC."""
    return None if day is None else datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


@require_safe
@cache_control(private=True, no_store=True)
def audit(request: HttpRequest) -> HttpResponse:
    """One page of the trail; 400 for conditions that make no sense, beside what was typed."""
    sight, form = admin_sight(request), TrailForm(request.GET)
    context = ({} if sight is None else frame_of(request, sight)) | {
        "section": "audit",
        "typed": {name: request.GET.get(name, "") for name in ("from", "to", "person", "q")},
        "actions": [(key, label, key in request.GET.getlist("action")) for key, label in AuditEvent.Action.choices],
        "zone": person(request).zone.key,
    }
    if not form.is_valid():
        context["errors"] = {name: " ".join(map(str, found)) for name, found in form.errors.items()}
        return render(request, "settings/audit.html", context, status=HTTPStatus.BAD_REQUEST)
    f = form.filter_for(person(request), None if sight is None else sight.account)
    page = page_of_trail(f)
    account = "" if sight is None else account_query(request, sight)
    context |= {
        "events": [(event, facts(event)) for event in page.events],
        "people": people_of(f, limit=MOST_PEOPLE_TO_CHOOSE_FROM),
        "chips": [Chip(_chip(*pair), _query(account, form, without=pair)) for pair in form.conditions],
        "pager": _pager(account, form, page),
        "query": _query(account, form),
    }
    return render(request, "settings/audit.html", context)


@require_safe
@recently_signed_in
def audit_csv(request: HttpRequest) -> HttpResponseBase:
    """Every line of the filter as CSV, and among them that it was exported; 400 and 503 in plain text, as for other files."""
    sight, form = admin_sight(request), TrailForm(request.GET)
    if not form.is_valid():
        lines = [f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()]
        return _refused("\n".join(lines), HTTPStatus.BAD_REQUEST)
    account = None if sight is None else sight.account
    try:
        record_export(request, "audit-trail.csv", account=account, conditions=urlencode(form.conditions))
    except Busy as error:
        return _refused(f"{error} Ask for the file again in a minute.", HTTPStatus.SERVICE_UNAVAILABLE)
    reader = person(request)
    lines_of_file = _csv(whole_trail(form.filter_for(reader, account)), reader.zone)
    response = StreamingHttpResponse(lines_of_file, content_type="text/csv; charset=utf-8")
    name = "_".join(["audit-trail", *([account.slug] if account else []), f"{timezone.now():%Y%m%dT%H%MZ}"])
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


def _refused(text: str, status: HTTPStatus) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


# --- Links ------------------------------------------------------------------------------------------


class Chip(NamedTuple):
    """A condition in words and the query without it."""

    label: str
    query: str


def _query(account: str, form: TrailForm, *, without: tuple[str, str] | None = None, **place: int) -> str:
    """The query of the same conditions, less one, at a place. account: the query that keeps it."""
    conditions = [pair for pair in form.conditions if pair != without]
    return "&".join(filter(None, (account, urlencode([*conditions, *place.items()]))))


def _chip(name: str, value: str) -> str:
    if name == "action":
        return AuditEvent.Action(value).label
    return {"q": f"“{value}”", "person": value}.get(name, f"{name.capitalize()} {value}")


def _pager(account: str, form: TrailForm, page: TrailPage) -> dict[str, str | None]:
    """The queries of the first page, and of the ones before and after this one; None where there is none."""
    return {
        "first": None if page.first is None else _query(account, form),
        "previous": None if page.first is None else _query(account, form, before=page.first),
        "next": None if page.last is None else _query(account, form, after=page.last),
    }


# --- The file ---------------------------------------------------------------------------------------


def _csv(events: Iterator[AuditEvent], zone: ZoneInfo) -> Iterator[bytes]:
    """UTF-8 with BOM and CRLF; a text that a spreadsheet would run gets an apostrophe before it."""
    header = ["at_utc", f"at_local ({zone.key})", "who", "action", "what", "subject", "details"]
    lines = chain([[*header, "network_address", "way"]], (_cells(event, zone) for event in events))
    writer = csv.writer(_Line(), lineterminator="\r\n")
    yield b"\xef\xbb\xbf"
    while piece := list(islice(lines, _PIECE)):
        yield "".join(map(writer.writerow, piece)).encode()


class _Line:
    """What csv.writer writes to: the line comes back as the result of writerow."""

    def write(self, text: str) -> str:
        return text


def _cells(event: AuditEvent, zone: ZoneInfo) -> Iterable[str]:
    details = "; ".join(f"{what}: {text}" for what, text in facts(event))
    return [
        event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        event.at.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds"),
        safe_text(event.actor_text),
        event.action,
        event.label,
        safe_text(event.subject),
        safe_text(details),
        event.address,
        event.way,
    ]
