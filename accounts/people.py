"""Who is asking, and what they see of the account that an address speaks of."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import Sight, sight_of, sights_of
from accounts.models import User

# Where a request keeps what it has asked once, as Django's CSRF_COOKIE.
_SIGHTS = "FEEBOARD_SIGHTS"


def person(request: HttpRequest) -> User:
    """The person who is signed in. Raises TypeError for anybody else, whom LoginRequiredMiddleware keeps away from pages."""
    if not isinstance(request.user, User):
        raise TypeError("This page is for people who are signed in.")
    return request.user


def own_sight(request: HttpRequest) -> Sight:
    """What the reader sees of the account that the address speaks of. Raises as revenue.filters.sight_of does."""
    return sight_of(request.GET, asker=request.user, seen=sights_seen(request))[0]


def sights_seen(request: HttpRequest) -> list[Sight]:
    """What the reader sees of every account, the one that needs no naming first. Asked once a request."""
    if _SIGHTS not in request.META:
        request.META[_SIGHTS] = sights_of(request.user)
    seen: list[Sight] = request.META[_SIGHTS]
    return seen


def frame_of(request: HttpRequest, sight: Sight) -> dict[str, Any]:
    """The accounts to switch between; and the query that keeps this one, empty for the one that needs no naming."""
    accounts = [seen.account for seen in sights_seen(request)]
    return {
        "sight": sight,
        "account": sight.account,
        "accounts": sorted(accounts, key=attrgetter("slug")),
        "account_query": account_query(request, sight),
    }


def account_query(request: HttpRequest, sight: Sight) -> str:
    """The query that keeps an account in an address, without "?"; empty for the one that needs no naming."""
    is_default = sight.account == sights_seen(request)[0].account
    return "" if is_default else urlencode({"partner": sight.account.slug})


def account_address(request: HttpRequest, sight: Sight, page: str, *args: object) -> str:
    """The address of a page, by its name and what its route takes, for the account at hand."""
    query, address = account_query(request, sight), reverse(page, args=args)
    return f"{address}?{query}" if query else address
