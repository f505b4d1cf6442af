"""`python -m benchmarks.inside.site`: the whole site in this process, asked over standard input for the time of a page.

First it prints a line of JSON: the session of a person who is signed in, and the client with the most rows. Then each
line of JSON in, {"address", "times", "anew", "hard_coded"}, is answered by one out: the milliseconds of each time.
`anew` forgets, off the clock, every page that was kept. `hard_coded` answers with the same template, given what the
page was given the first time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

django.setup()
settings.ROOT_URLCONF = "benchmarks.inside.site"

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402  after the set-up
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.cache import caches  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks.inside.addresses import HARD_CODED, HELLO  # noqa: E402
from revenue.models import Transaction  # noqa: E402
from revenue.views import page as pages  # noqa: E402

# A reader of a second page has it from the first one.
CSRF_SECRET = "b" * 32
Given = tuple[str, dict[str, Any]]
given_to: dict[str, Given] = {}


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello")


def hard_coded(request: HttpRequest, address: str) -> HttpResponse:
    """The page's own template over what it was given when it was asked for in earnest."""
    template, context = given_to[f"/{address}"]
    with timezone.override(context["zone"]):
        return HttpResponse(render_to_string(template, context, request))


def remember(template: str, context: dict[str, Any], request: HttpRequest) -> str:
    """In place of `render_to_string`: keep what each page is given."""
    given_to.setdefault(request.path, (template, context))
    return render_to_string(template, context, request)


urlpatterns = [
    path(HELLO.removeprefix("/"), hello),
    path(f"{HARD_CODED.removeprefix('/')}/<path:address>", hard_coded),
    path(f"{HARD_CODED.removeprefix('/')}/", hard_coded, {"address": ""}),
    path("", include("config.urls")),
]


class Site:
    """The WSGI application, asked by somebody who is signed in."""

    def __init__(self, session: str) -> None:
        self.application = WSGIHandler()
        self.session = session

    def milliseconds(self, address: str, *, times: int, anew: bool) -> list[float]:
        """From the call to the last byte, each time. Raises RuntimeError for an answer that is not 200."""
        return [self._once(address, anew=anew) for _ in range(times)]

    def _once(self, address: str, *, anew: bool) -> float:
        if anew:
            caches["pages"].clear()
        environ = self._environ(address)
        statuses: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], error: Any = None, /) -> Callable[[bytes], object]:
            statuses.append(status)
            return bytes

        begun = time.perf_counter()
        response: Any = self.application(environ, start)
        body = b"".join(response)
        response.close()
        passed = time.perf_counter() - begun
        if statuses != ["200 OK"]:
            raise RuntimeError(f"{address}: {statuses} {body[:300]!r}")
        return passed * 1000

    def _environ(self, address: str) -> dict[str, Any]:
        parts = urlsplit(address)
        return {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.CSRF_COOKIE_NAME}={CSRF_SECRET}",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": sys.stderr,
        }


def signed_in() -> str:
    """The key of a new session of the first person."""
    person = User.objects.earliest("pk")
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def largest_client() -> str:
    """The creditor id of the client with the most rows."""
    rows = Transaction.objects.filter(client__isnull=False).values("client__creditor_id").annotate(rows=Count("pk"))
    return str(rows.order_by("-rows")[0]["client__creditor_id"])


def main(orders: Iterable[str]) -> None:
    vars(pages)["render_to_string"] = remember
    site = Site(signed_in())
    print(json.dumps({"session": site.session, "client": largest_client()}), flush=True)
    for line in orders:
        order = json.loads(line)
        address = f"{HARD_CODED}{order['address']}" if order["hard_coded"] else order["address"]
        print(json.dumps(site.milliseconds(address, times=order["times"], anew=order["anew"])), flush=True)


if __name__ == "__main__":
    # The routes are found by the module's name, in the module of that name and not in a second copy of it.
    from benchmarks.inside import site as this

    this.main(sys.stdin)
