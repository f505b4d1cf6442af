"""Who keeps guessing passwords waits: what django-axes (settings: AXES_…) counts by, and how it answers."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from allauth.core.internal import ratelimit
from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

LONGEST = 255  # what axes keeps of a name


class Throttle(AxesStandaloneBackend):  # type: ignore[misc]  # axes comes without types
    """Stops a sign-in that has to wait. What comes without a request, as from a command, comes from nobody far away."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **credentials: Any) -> None:
        if request is not None:
            super().authenticate(request, *args, **credentials)


class Attempts(AxesDatabaseHandler):  # type: ignore[misc]  # likewise
    """Counts in the database, also what comes at the same moment."""

    def user_login_failed(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            # SQLite lets who begins by writing wait for its turn, but fails who has read when another one has written since:
            # that guess would not be counted. This changes nothing.
            AccessAttempt.objects.filter(pk=0).update(path_info="")
            super().user_login_failed(*args, **kwargs)


def name_tried(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The e-mail address that somebody tried, alike however it is typed: letters of another case find the same person."""
    name = str((credentials or request.POST).get("username") or "")
    return name.strip().upper().casefold()[:LONGEST]


def client_address(request: HttpRequest) -> str | None:
    """Where a request came from, None where nobody tells. One house has all of an IPv6 network of 64 bits, and is one.

    What X-Forwarded-For says is the client's own invention, except for its end, which the proxy in front has written.
    """
    told = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_X_FORWARDED_FOR:
        told = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or told
    try:
        address = ip_address(told)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and not address.ipv4_mapped:
        return str(ip_network((int(address), 64), strict=False).network_address)
    return str(getattr(address, "ipv4_mapped", None) or address)


def comes_too_often(request: HttpRequest) -> bool:
    """Whether one network address asks too often (ACCOUNT_RATE_LIMITS) for what makes a session, or has us ask another server."""
    return not ratelimit.consume(request, app="allauth.account", action="login", limit_get=True)


def too_many(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """The answer to who has to wait; the same whether or not there is such a person."""
    wait = settings.AXES_COOLOFF_TIME
    page = render(request, "429.html", {"minutes": int(wait.total_seconds() // 60)}, status=429)
    page["Retry-After"] = str(int(wait.total_seconds()))
    return page
