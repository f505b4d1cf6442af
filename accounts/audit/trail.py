"""Reading the audit trail: what an admin of an account may see of it, newest first, a page or all of it.

A page is told by a line beside it, and each of its lists is one stretch of an index: none costs more than the first, however
long the trail is. Only a search for a part of a text passes all lines that the other conditions leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from operator import attrgetter
from urllib.parse import parse_qsl

from django.db.models import Max, Q, QuerySet
from django.http import Http404

from accounts.audit.models import OF_NO_ACCOUNT, OF_NO_ACCOUNT_TO_SOMEBODY
from accounts.models import AuditEvent, User
from partners.containing import containing
from partners.models import PartnerAccount

PAGE_SIZE = 50
_CHUNK = 1000
_ORDER = attrgetter("at", "pk")
# What is told of a line beside its subject, by the names that `record` is given, in this order; others follow, in words of their
# own. PostgreSQL keeps no order of names.
_FACTS = {"was": "Was", "now": "Is now", "name": "Name", "scopes": "May", "expires": "Expires"}
_NOTHING = "nothing"

Events = QuerySet[AuditEvent]


@dataclass(frozen=True, kw_only=True)
class TrailFilter:
    """Which lines are asked for. asker: an admin of `account`; None: no account is connected yet.

    start (inclusive), end (exclusive): UTC. person: an e-mail address in small letters. actions: every one where there is none.
    after, before: the primary key of the line beside the page; without either it is the first page.
    """

    asker: User
    account: PartnerAccount | None
    start: datetime | None = None
    end: datetime | None = None
    person: str = ""
    actions: tuple[str, ...] = ()
    q: str = ""
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True)
class TrailPage:
    """A page of lines. first, last: the primary keys to ask for the page before and after it with; None where there is none."""

    events: list[AuditEvent]
    first: int | None
    last: int | None


def page_of_trail(f: TrailFilter) -> TrailPage:
    """The page that the filter asks for. Raises Http404 for a place that is no line's of this trail."""
    backwards = f.before is not None
    beside = _beside(f)
    lists = [_from(beside, events, backwards=backwards) for events in _lists(f)]
    nearest = merge(*(rows[: PAGE_SIZE + 1] for rows in lists), key=_ORDER, reverse=not backwards)
    found = [event for _, event in zip(range(PAGE_SIZE + 1), nearest, strict=False)]
    has_more, events = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    has_before, has_after = (has_more, True) if backwards else (beside is not None, has_more)
    shown = events[::-1] if backwards else events
    return TrailPage(
        shown,
        first=shown[0].pk if shown and has_before else None,
        last=shown[-1].pk if shown and has_after else None,
    )


def whole_trail(f: TrailFilter) -> Iterator[AuditEvent]:
    """Every line of the filter, whatever its page, in constant memory."""
    lists = [_from(None, events, backwards=False).iterator(chunk_size=_CHUNK) for events in _lists(f)]
    return merge(*lists, key=_ORDER, reverse=True)


def people_of(f: TrailFilter, *, limit: int) -> list[str]:
    """E-mail addresses to choose a person from: of everybody for a superuser, else of who has a role at the account."""
    people = User.objects.order_by("email")
    if not f.asker.is_superuser:
        people = people.filter(memberships__account=f.account)
    return list(people.values_list("email", flat=True)[:limit])


def facts(event: AuditEvent) -> list[tuple[str, str]]:
    """What else there is to know of a line, as (what, text in words)."""
    names = [*(name for name in _FACTS if name in event.detail), *sorted(event.detail.keys() - _FACTS.keys())]
    return [
        (_FACTS.get(name) or name.replace("_", " ").capitalize(), _in_words(name, event.detail[name])) for name in names
    ]


def _in_words(name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or _NOTHING
    if name == "filter":
        return ", ".join(f"{parameter} {text}" for parameter, text in parse_qsl(str(value))) or "none"
    return str(value) or _NOTHING


# --- What may be seen -------------------------------------------------------------------------------


def _lists(f: TrailFilter) -> list[Events]:
    """The lines of a filter, in several lists, none of which holds a line of another; in no order."""
    narrowed = [_matching(f, events) for events in _seen(f)]
    if not f.actions:
        return narrowed
    return [events.filter(action=action) for events in narrowed for action in f.actions]


def _seen(f: TrailFilter) -> list[Events]:
    """What there is about the account; and what people did that belongs to no account, such as to sign in.

    Superusers see all of the latter, an admin what is of the people with a role at the account; of those who have left it, up
    to that moment.
    """
    everybody: list[Events] = [AuditEvent.objects.filter(OF_NO_ACCOUNT)]
    lists = everybody if f.asker.is_superuser else _of_members(f.account)
    return lists if f.account is None else [AuditEvent.objects.filter(account=f.account), *lists]


def _of_members(account: PartnerAccount | None) -> list[Events]:
    """What the people of the account did, or strangers tried in their name; and what was done to them by nobody signed in.

    Apart, as each has an index that passes over the lines of everybody else. What strangers try has no subject: no line is in
    both lists.
    """
    members = User.objects.filter(memberships__account=account)
    present = [email.lower() for email in members.values_list("email", flat=True)]
    by, to = Q(actor_text__in=present), Q(subject__in=present)
    for email, left_at in _left(account):
        by |= Q(actor_text=email, at__lte=left_at)
        to |= Q(subject=email, at__lte=left_at)
    return [AuditEvent.objects.filter(OF_NO_ACCOUNT, by), AuditEvent.objects.filter(OF_NO_ACCOUNT_TO_SOMEBODY, to)]


def _left(account: PartnerAccount | None) -> Iterable[tuple[str, datetime]]:
    """The e-mail addresses of those who were removed from the account, and when that was for the last time."""
    removals = AuditEvent.objects.filter(account=account, action=AuditEvent.Action.REMOVED_FROM_ACCOUNT)
    return removals.values("subject").annotate(left_at=Max("at")).values_list("subject", "left_at")


def _matching(f: TrailFilter, events: Events) -> Events:
    if f.start is not None:
        events = events.filter(at__gte=f.start)
    if f.end is not None:
        events = events.filter(at__lt=f.end)
    if f.person:
        events = events.filter(actor_text=f.person)
    if f.q:
        events = events.filter(containing("subject", f.q) | containing("actor_text", f.q))
    return events


# --- Places in the list -----------------------------------------------------------------------------


def _beside(f: TrailFilter) -> AuditEvent | None:
    """The line beside the page; None for the first page."""
    key = f.after if f.before is None else f.before
    if key is None:
        return None
    line = next((line for events in _seen(f) for line in events.filter(pk=key)), None)
    if line is None:
        raise Http404("There is no such place in this list.")
    return line


def _from(beside: AuditEvent | None, events: Events, *, backwards: bool) -> Events:
    """What follows `beside` in the order of the list, or what goes before it `backwards`, nearest first."""
    ordered = events.order_by("at", "pk") if backwards else events.order_by("-at", "-pk")
    if beside is None:
        return ordered
    # The first condition is one stretch of an index; the second passes over the few lines of the same moment.
    if backwards:
        return ordered.filter(at__gte=beside.at).exclude(at=beside.at, pk__lte=beside.pk)
    return ordered.filter(at__lte=beside.at).exclude(at=beside.at, pk__gte=beside.pk)
