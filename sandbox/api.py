"""From a request to its answer: the key, the limits, the endpoint."""

import hmac
from urllib.parse import urlsplit

from sandbox.directory import Directory
from sandbox.limits import RateLimits
from sandbox.query import Query
from sandbox.replies import Listing, Refused, Reply, rate_limited
from sandbox.transactions import Transactions
from sandbox.world import World

ROUTES = {"/me": "me", "/clients": "clients", "/reporting/transactions": "transactions", "/cases": "cases"}


class Api:
    """The four endpoints over one world, for one key."""

    def __init__(self, world: World, key: str, limits: RateLimits) -> None:
        self.world = world
        self.key = key
        self.limits = limits
        self.directory = Directory(world)
        self.transactions = Transactions(world)

    def answer(self, target: str, key: str | None) -> Reply | Listing:
        """The answer to GET `target` (path and query); every refusal is an answer too."""
        try:
            route, query = self._admit(target, key)
            wait = self.limits.wait()
            if wait is not None:
                return rate_limited(wait)
            with self.world.lock:
                return self._route(route, Query(query))
        except Refused as refused:
            return refused.reply()

    def _admit(self, target: str, key: str | None) -> tuple[str, str]:
        path, query = split(target)
        route = ROUTES.get(path)
        if route is None:
            raise Refused(404, "not_found", f"There is no {path}.")
        if key is None or not hmac.compare_digest(key.encode(), self.key.encode()):
            raise Refused(401, "unauthorized", "The header XApiKey is missing or its key is wrong.")
        return route, query

    def _route(self, route: str, query: Query) -> Reply | Listing:
        if route == "me":
            return self.directory.me()
        if route == "clients":
            return self.directory.clients(query)
        return self.transactions.page(query) if route == "transactions" else self.directory.cases(query)


def split(target: str) -> tuple[str, str]:
    """(path in lower case without a slash at its end, query)."""
    parts = urlsplit(target)
    return parts.path.rstrip("/").lower(), parts.query
