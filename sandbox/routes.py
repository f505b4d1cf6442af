"""The addresses of both APIs: which endpoint a request is for."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `name` is what faults call it; `is_collecting`: of the Collection Partner API, which has its own key."""

    name: str
    method: str
    path: re.Pattern[str]
    is_collecting: bool = False


def _route(name: str, method: str, path: str, **more: bool) -> Route:
    return Route(name, method, re.compile(f"{path}/?", re.IGNORECASE), **more)


ROUTES = (
    _route("me", "GET", "/me"),
    _route("clients", "GET", "/clients"),
    _route("transactions", "GET", "/reporting/transactions"),
    _route("cases", "GET", "/cases"),
    _route("start", "POST", "/cases/([^/]+)/start", is_collecting=True),
    _route("lifecycle", "PUT", "/cases/([^/]+)/lifecycle", is_collecting=True),
    _route("lookup", "GET", "/cases/by-partner-reference(?:/([^/]+))?", is_collecting=True),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an endpoint that exists: what its path names (a case id, a reference, or ""), and its query."""

    route: Route
    argument: str
    query: str


def find(method: str, target: str) -> Asked | None:
    """What a request of `target` (path and query) is for; None where there is no such endpoint, or not by this method."""
    parts = urlsplit(target)
    for route in ROUTES:
        match = route.path.fullmatch(parts.path)
        if match and route.method == method:
            return Asked(route, unquote(match[1] or "") if match.re.groups else "", parts.query)
    return None


def methods(target: str) -> list[str]:
    """The methods by which the path may be asked; none where there is no such path."""
    path = urlsplit(target).path
    return [route.method for route in ROUTES if route.path.fullmatch(path)]
