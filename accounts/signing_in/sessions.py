"""Where somebody is signed in: each session is listed with its browser, and can be ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from ipaddress import IPv4Address

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User
from accounts.patience import Busy, waiting_at_most
from accounts.signing_in.throttle import client_address

# In a session that is listed: everyone that began at the sign-in.
LISTED = "listed"
# How exactly it is known when a session was last used: one write in this time, however often it is used.
EXACTNESS = timedelta(minutes=1)
# What a browser calls itself by, the more telling first: each also says what the later ones say.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrom": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS": "macOS",
    "Linux": "Linux",
}
# Where nobody tells from where a request came.
NOWHERE = str(IPv4Address(0))


def note_session(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Writes down, to the minute, when and from where a session was last used."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.session.get(LISTED):
            note_use(request)
        return get_response(request)

    return answer


def note_use(request: HttpRequest) -> None:
    """Note it once a minute and process; left out while somebody else is writing (SQLite)."""
    key = request.session.session_key
    if not caches["default"].add(f"session-seen:{key}", True, timeout=int(EXACTNESS.total_seconds())):
        return
    now = timezone.now()
    due = UserSession.objects.filter(session_key=key, last_seen_at__lte=now - EXACTNESS)
    # SQLite has one writer at a time, and a pull may take seconds: then it is left out.
    with suppress(Busy), waiting_at_most(0):
        due.update(last_seen_at=now, ip=client_address(request) or NOWHERE)


def open_sessions(user: User) -> list[UserSession]:
    """The sessions of `user` that still let somebody in, the latest used first; two queries."""
    listed = list(UserSession.objects.filter(user=user).order_by("-last_seen_at", "-pk"))
    stored = Session.objects.filter(session_key__in=[one.session_key for one in listed], expire_date__gt=timezone.now())
    proof = user.get_session_auth_hash()
    # A session from before the password was changed is there, but opens nothing.
    valid = {row.session_key for row in stored if row.get_decoded().get(HASH_SESSION_KEY) == proof}
    return [one for one in listed if one.session_key in valid]


def end_sessions(user: User, *, but: str | None = None) -> int:
    """End every listed session of `user` at once, except the one with the key `but`; how many there were."""
    listed = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    keys = list(listed.values_list("session_key", flat=True))
    end_keys(keys)
    return len(keys)


def end_keys(keys: list[str]) -> None:
    """End the sessions with these keys."""
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()


def end_others_after_new_password(request: HttpRequest, user: User, *, old_key: str | None) -> None:
    """The session of `request`, which got a new key with the password, stays in the list; the others end."""
    UserSession.objects.filter(user=user, session_key=old_key or "").update(session_key=request.session.session_key)
    end_sessions(user, but=request.session.session_key)


def browser_name(user_agent: str) -> str:
    """Such as "Firefox on Windows": what a browser says of itself, for people; "" where it says nothing known."""
    browser = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return " on ".join(filter(None, (browser, system)))
