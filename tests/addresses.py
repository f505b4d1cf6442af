"""Every address of the site, as the resolver knows it: what walks them meets an address that is added later by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver

# The name of a parameter, behind the kind of its converter.
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def every_route() -> list[str]:
    """Every route of the site, and one that there is not."""
    return [*routes(get_resolver()), "nowhere/"]


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """The routes of a resolver and of those below it."""
    for entry in resolver.url_patterns:
        route = f"{before}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from routes(entry, route)


def parameters(route: str) -> list[str]:
    """The names of what differs from address to address of a route."""
    return [name for _, name in PARAMETER.findall(route)]


def addresses(route: str, values: Mapping[str, Sequence[object]]) -> list[str]:
    """The route with every value of its parameters."""
    names = parameters(route)
    missing = [name for name in names if name not in values]
    assert missing == [], f"/{route} needs an example of {missing}"
    quoted = ([quote(str(value), safe="") for value in values[name]] for name in names)
    return [f"/{PARAMETER.sub('{}', route)}".format(*chosen) for chosen in product(*quoted)]
