"""A page that was made before and has not changed since: the same reader gets it again without its being made anew.

A page is the same as long as the reader, the address, the data (revenue.selectors.version), the code and the words that
depend on the time ("3 min ago", "stale", today) are. What a reader may see is asked at every look, before anything is served.
Pages are kept for a minute at most, in the memory of the process that made them; nothing is shared between readers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import cache, wraps
from http import HTTPStatus
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec

from django.conf import settings
from django.contrib.messages import get_messages
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.crypto import salted_hmac

from accounts.access import seen_by
from accounts.people import person
from revenue.selectors.version import data_version

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# Beside what the page itself says (FiguresPage.until).
LONGEST_SECONDS = 60
_ROOMS = ("templates", "config", "revenue", "accounts", "partners")


class FiguresPage(HttpResponse):
    """A page of figures. until: when it says something else although nothing has changed.

    Nothing is kept by caches in between: who may see a figure is asked again at every look.
    """

    def __init__(self, content: str | bytes, *, until: datetime, status: int = 200) -> None:
        super().__init__(content, status=status, headers={"Cache-Control": "private, no-cache"})
        self.until = until


class KeptPage(NamedTuple):
    content: bytes
    until: datetime


def again_while_unchanged(view: View[P]) -> View[P]:
    """A view of FiguresPages that are made again only where something has changed."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        key = _key(request)
        kept: KeptPage | None = caches["pages"].get(key) if key else None
        if key and kept and timezone.now() < kept.until:
            return _served_again(request, key, kept)
        page = view(request, *args, **kwargs)
        if key and isinstance(page, FiguresPage) and page.status_code == HTTPStatus.OK:
            caches["pages"].set(key, KeptPage(page.content, page.until), LONGEST_SECONDS)
            page["ETag"] = _tag(key, page.until)
        return page

    return answer


def _key(request: HttpRequest) -> str | None:
    """What the page depends on, as a digest. None where it is not to be kept.

    That is where a message is waiting to be told once, and before the browser has a secret that the page's forms are for.
    """
    secret = request.META.get("CSRF_COOKIE")
    if settings.DEBUG or secret is None or len(get_messages(request)):
        return None
    version = data_version(seen_by(request.user), request.GET.get("partner", ""))
    if version is None:
        return None
    user = person(request)
    reader = [getattr(user, field.attname) for field in user._meta.concrete_fields]
    text = repr((reader, secret, request.scheme, request.get_host(), request.get_full_path(), version, _code()))
    return salted_hmac("revenue.views.unchanged", text, algorithm="sha256").hexdigest()


def _served_again(request: HttpRequest, key: str, kept: KeptPage) -> HttpResponse:
    """The kept page; or 304 where the browser holds it already."""
    page = FiguresPage(kept.content, until=kept.until)
    page["ETag"] = tag = _tag(key, kept.until)
    return get_conditional_response(request, etag=tag, response=page) or page


def _tag(key: str, until: datetime) -> str:
    return f'W/"{key}-{until.timestamp():.6f}"'


@cache
def _code() -> str:
    """The code and templates that make the pages."""
    found = (
        path for room in _ROOMS for path in Path(settings.BASE_DIR, room).rglob("*") if path.suffix in {".py", ".html"}
    )
    stats = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(found)]
    return hashlib.sha256(repr(stats).encode()).hexdigest()
