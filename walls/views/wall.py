"""What a screen asks for. Nobody is signed in here, and nothing here ever leads to a page that asks for a person.

Every answer says in the header Wall-Page which page belongs to it now; a screen whose own page is another one loads it anew.
"""

from __future__ import annotations

import logging
from datetime import datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import segno
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.patience import Busy, waiting_at_most
from walls import credentials, pairing
from walls.build import build
from walls.models import Screen, WatchedScreen
from walls.pairing import TooManyWaiting, Waiting
from walls.picture import Picture, page_key, picture_of
from walls.standing import patience
from walls.tiles import shortened

log = logging.getLogger(__name__)

PAGE = "Wall-Page"
# Seconds.
POLL_SECONDS = 5
WRITE_PATIENCE = 5
RETRY_SECONDS = 60
# As wide as so many letters.
LONGEST_ACCOUNT_NAME = 32
_CLAIMED, _NOTHING = "claimed", "none"


@login_not_required
@require_safe
def wall(request: HttpRequest) -> HttpResponse:
    """The page of a screen: its boards, or a code for who has none to show.

    A screen that is switched on while the database does not answer gets a page that tries again: nobody would do it there.
    """
    try:
        return _page_for(request, timezone.now())
    except Error:
        log.exception("A screen could not be answered")
        return _code_page(request, None, "Feeboard does not answer at the moment. This page tries again by itself.")


@login_not_required
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """The picture alone, for a page that shows one already; 304 where it is the same, 204 for who has nothing to show."""
    now = timezone.now()
    try:
        return _picture_for(request, now)
    except Error:
        log.exception("A screen could not be answered")
        # Without the header: its page stays as it is, and says that it is not answered.
        return HttpResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)


def _page_for(request: HttpRequest, now: datetime) -> HttpResponse:
    screen = credentials.screen_of(request, now)
    if screen is not None:
        response = board_page(screen, picture_of(screen, now), now, shown=_place(request, screen))
        credentials.note_look(request, response, screen, now)
        return response
    try:
        with waiting_at_most(WRITE_PATIENCE):
            return _unpaired(request, now)
    except Busy:
        return _code_page(request, None, "Feeboard is busy for a moment. This page tries again by itself.")


def _picture_for(request: HttpRequest, now: datetime) -> HttpResponse:
    screen = credentials.screen_of(request, now)
    if screen is None:
        return _nothing_for(request, now)
    picture = picture_of(screen, now)
    response = _picture(request, picture)
    response[PAGE] = page_key(screen)
    credentials.note_look(request, response, screen, now)
    return response


def board_page(
    screen: WatchedScreen, picture: Picture, now: datetime, *, shown: int = 0, is_preview: bool = False
) -> HttpResponse:
    """The whole page of a screen. A preview stays as it is: it asks for nothing and writes nothing down."""
    context = {
        "screen": screen,
        "account_name": shortened(screen.account_name, LONGEST_ACCOUNT_NAME),
        # HTML that a template of our own has escaped.
        "picture": picture.content.decode(),
        "tag": picture.tag,
        "shown": shown,
        "next": (shown + 1) % len(screen.boards),
        "now": now,
        "clock": f"{now.astimezone(ZoneInfo(screen.time_zone)):%H:%M}",
        "page": page_key(screen),
        "build": build(),
        "reload_after": screen.rotation_seconds if len(screen.boards) > 1 else settings.WALL_REFRESH_SECONDS,
        "refresh": settings.WALL_REFRESH_SECONDS,
        "patience": int(patience().total_seconds()),
        "is_preview": is_preview,
    }
    return _page("walls/wall.html", context, page_key(screen))


def _place(request: HttpRequest, screen: Screen) -> int:
    """Which of its boards a page without a script shows first."""
    place = request.GET.get("board", "")
    return int(place) % len(screen.boards) if place.isascii() and place.isdecimal() and len(place) < 4 else 0


def _picture(request: HttpRequest, picture: Picture) -> HttpResponse:
    if request.headers.get("If-None-Match") == picture.tag:
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    else:
        response = HttpResponse(picture.content)
    response["ETag"] = picture.tag
    response["Cache-Control"] = "private, no-cache"
    return response


# --- Screens that are not paired ----------------------------------------------------------------------


def _unpaired(request: HttpRequest, now: datetime) -> HttpResponse:
    waiting = pairing.waiting_of(request)
    if waiting is not None and waiting.row.screen is not None:
        return _first_page(request, waiting.row.screen, now)
    try:
        waiting = pairing.code_for(request, now, waiting)
    except TooManyWaiting:
        return _code_page(
            request, None, "Too many screens wait to be paired. This page tries again by itself in a minute."
        )
    response = _code_page(request, waiting)
    credentials.set_cookie(response, pairing.cookie_name(), waiting.cookie)
    response.delete_cookie(credentials.cookie_name())
    return response


def _first_page(request: HttpRequest, claimed: Screen, now: datetime) -> HttpResponse:
    """The boards of a screen that was just claimed, and its credential."""
    screen = credentials.watched(claimed.pk)
    if screen is None:  # revoked at this moment
        return _code_page(request, None, "This screen was revoked. This page tries again by itself.")
    response = board_page(screen, picture_of(screen, now), now)
    credentials.set_cookie(response, credentials.cookie_name(), credentials.issue(screen, now))
    return response


def _code_page(request: HttpRequest, waiting: Waiting | None, trouble: str = "") -> HttpResponse:
    """The code and where to type it; or why there is none."""
    code = pairing.shown(waiting.code) if waiting else ""
    query = urlencode({"code": waiting.code}) if waiting else ""
    context = {
        "code": code,
        "trouble": trouble,
        "address": request.build_absolute_uri(reverse("screen_claim")),
        "qr": _qr(request.build_absolute_uri(f"{reverse('screen_claim')}?{query}")) if waiting else "",
        "page": _page_of(waiting) if waiting else "",
        "poll": POLL_SECONDS if waiting else RETRY_SECONDS,
    }
    response = _page("walls/code.html", context, _page_of(waiting) if waiting else _NOTHING)
    if waiting is None:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _nothing_for(request: HttpRequest, now: datetime) -> HttpResponse:
    """Which page an unpaired screen should show: the same code, the boards that it got, or another code."""
    waiting = pairing.waiting_of(request)
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    if waiting is None or (now >= waiting.row.expires_at and not pairing.is_claimed(waiting)):
        response[PAGE] = _NOTHING
    else:
        response[PAGE] = _CLAIMED if pairing.is_claimed(waiting) else _page_of(waiting)
    response["Cache-Control"] = "private, no-store"
    return response


def _page_of(waiting: Waiting) -> str:
    return f"code-{waiting.row.pk}-{waiting.row.round}-{build()}"


def _qr(address: str) -> str:
    """A picture of an address, as SVG."""
    drawn: str = segno.make(address, error="m", micro=False).svg_inline(scale=1, border=2, omitsize=True, svgclass="qr")
    return drawn


def _page(template: str, context: dict[str, Any], page: str) -> HttpResponse:
    # Without a request: the page knows nobody.
    response = HttpResponse(render_to_string(template, context))
    response[PAGE] = page
    response["Cache-Control"] = "private, no-store"
    return response
