"""The credential of a screen: a secret in a cookie of its own, which opens its boards and nothing else.

The cookie holds the screen's key and 256 random bits, of which only the SHA-256 is kept. Once a day the screen is sent another
secret. The old one goes on opening until the new one has come back, so that no lost answer locks a screen out; from then on it
is taken for some minutes more, for what was under way. Who has copied an old cookie is out with the next change.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import BigIntegerField, F, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from accounts.patience import Busy, waiting_at_most
from revenue.models import PullRun
from walls.models import PairingCode, Screen, WatchedScreen

ROTATE_AFTER = timedelta(days=1)
# What was sent and has not come back after this time was lost: another one is sent.
LOST_AFTER = timedelta(hours=1)
# What was asked before the new secret arrived may still be under way.
OVERLAP = timedelta(minutes=5)
# How exactly it is known when a screen last looked: one write in this time.
EXACTNESS = timedelta(minutes=1)
COOKIE_SECONDS = 400 * 24 * 3600  # the longest that browsers keep one; it is sent anew with every change of the secret
_LARGEST_SIZE = 100_000
_SEPARATOR = "."
_NOBODY = -1  # no primary key of a screen


class Look(NamedTuple):
    """What a screen tells of itself: the build of its page, and its size in CSS pixels; "" and None where it does not."""

    build: str = ""
    width: int | None = None
    height: int | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Look:
        """From ?build=…&size=1920x1080. What makes no sense is left out: a screen cannot mend it."""
        build = request.GET.get("build", "")[: Screen._meta.get_field("build").max_length]
        sides = request.GET.get("size", "").split("x")
        if len(sides) != 2 or not all(side.isascii() and side.isdecimal() and len(side) < 7 for side in sides):
            return cls(build if build.isalnum() else "")
        width, height = (min(int(side), _LARGEST_SIZE) for side in sides)
        return cls(build if build.isalnum() else "", width, height)


def digest_of(secret: str) -> str:
    """What is kept of a secret; 256 random bits need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def cookie_name() -> str:
    """A browser takes a cookie with the prefix from this very host over TLS only."""
    return "__Host-wall" if settings.HTTPS else "wall"


def set_cookie(response: HttpResponse, name: str, value: str, *, seconds: int = COOKIE_SECONDS) -> None:
    """The path has to be "/" for the prefix; nothing but /wall/ ever reads it."""
    response.set_cookie(name, value, max_age=seconds, secure=settings.HTTPS, httponly=True, samesite="Lax", path="/")


def split_cookie(request: HttpRequest, name: str) -> tuple[int, str] | None:
    """The key and the secret of a cookie; None where there is none, or nothing of ours."""
    key, separator, secret = request.COOKIES.get(name, "").partition(_SEPARATOR)
    if not (separator and key.isascii() and key.isdecimal() and len(key) < 19 and secret):
        return None
    return int(key), secret


def cookie_value(key: int, secret: str) -> str:
    return f"{key}{_SEPARATOR}{secret}"


def watched(key: int) -> WatchedScreen | None:
    """The screen with a primary key, if it is not revoked. One query tells all that an unchanged picture depends on."""
    if key > BigIntegerField.MAX_BIGINT:
        return None
    sql, params = _sql_for_nobody()
    found = WatchedScreen.objects.raw(sql, [key if param == _NOBODY else param for param in params])
    return next(iter(found), None)


@cache
def _sql_for_nobody() -> tuple[str, tuple[Any, ...]]:
    """With _NOBODY among the parameters in the place of the key.

    Compiled once: this is asked for every look of every screen, and the ORM would think about it for longer than the database.
    """
    steps = JSONObject(id="id", status="status", as_of="as_of", finished_at="finished_at")
    latest = PullRun.objects.filter(account=OuterRef("account")).order_by("-started_at", "-pk")
    screens = Screen.objects.filter(pk=_NOBODY, revoked_at=None).annotate(
        account_name=F("account__name"),
        account_edits=F("account__edits"),
        account_mode=F("account__invoicing_trigger_mode"),
        pull=Subquery(latest.annotate(now=steps).values("now")[:1]),
    )
    return screens.query.sql_with_params()


def screen_of(request: HttpRequest, now: datetime) -> WatchedScreen | None:
    """The screen whose credential comes with the request; None for no credential, and for one that opens nothing. One query."""
    found = split_cookie(request, cookie_name())
    if found is None:
        return None
    key, secret = found
    screen = watched(key)
    return screen if screen is not None and _opens(screen, digest_of(secret), now) else None


def _opens(screen: Screen, digest: str, now: datetime) -> bool:
    taken = [screen.digest, screen.next_digest]
    if screen.previous_until is not None and now < screen.previous_until:
        taken.append(screen.previous_digest)
    return any(kept and constant_time_compare(kept, digest) for kept in taken)


def note_look(request: HttpRequest, response: HttpResponse, screen: Screen, now: datetime) -> None:
    """Write down that the screen has looked, and change its secret where it is time; never waits for another writer.

    Nothing is written where all of it is known to the minute.
    """
    found = split_cookie(request, cookie_name())
    if found is None:
        return
    digest = digest_of(found[1])
    is_new = screen.last_seen_at is None or screen.last_seen_at <= now - EXACTNESS or screen.dark_told_at is not None
    is_turning = digest == screen.next_digest or (digest == screen.digest and _is_due(screen, now))
    if not (is_new or is_turning):
        return
    with suppress(Busy), waiting_at_most(0):
        if is_turning:
            _turn_secret(response, screen, digest, now)
        if is_new:
            known = {name: value for name, value in Look.of(request)._asdict().items() if value}
            Screen.objects.filter(pk=screen.pk).update(last_seen_at=now, dark_told_at=None, **known)


def _turn_secret(response: HttpResponse, screen: Screen, digest: str, now: datetime) -> None:
    this = Screen.objects.filter(pk=screen.pk)
    if digest == screen.next_digest:
        # It came back: from now on it is the one.
        arrived = this.filter(next_digest=digest).update(
            digest=digest,
            rotated_at=now,
            previous_digest=screen.digest,
            previous_until=now + OVERLAP,
            next_digest="",
            next_at=None,
        )
        if arrived:
            PairingCode.objects.filter(screen=screen).delete()
    elif digest == screen.digest and _is_due(screen, now):
        secret = new_secret()
        # Of two requests at the same moment one sends a secret: two would undo each other in the browser.
        sent = this.filter(next_digest=screen.next_digest, next_at=screen.next_at).update(
            next_digest=digest_of(secret), next_at=now
        )
        if sent:
            set_cookie(response, cookie_name(), cookie_value(screen.pk, secret))


def _is_due(screen: Screen, now: datetime) -> bool:
    is_old = screen.rotated_at is None or screen.rotated_at <= now - ROTATE_AFTER
    return is_old and (screen.next_at is None or screen.next_at <= now - LOST_AFTER)


def issue(screen: Screen, now: datetime) -> str:
    """A first secret for a screen that was just claimed; the value of its cookie.

    May be called again until one has come back: an answer may be lost.
    """
    secret = new_secret()
    Screen.objects.filter(pk=screen.pk).update(next_digest=digest_of(secret), next_at=now)
    return cookie_value(screen.pk, secret)
