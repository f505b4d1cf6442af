"""From a request to its answer: the key, the limits, the endpoint."""

import hmac
from collections.abc import Callable

from sandbox.collection import Collection
from sandbox.directory import Directory
from sandbox.limits import RateLimits
from sandbox.query import Query
from sandbox.replies import Listing, Refused, Reply, rate_limited
from sandbox.routes import Asked, find, methods
from sandbox.transactions import Transactions
from sandbox.world import World


class Api:
    """Both APIs over one world, each for its key (none opens the second where it is ""); limits are the first one's."""

    def __init__(self, world: World, key: str, limits: RateLimits, *, collection_key: str = "") -> None:
        self.world = world
        self.key = key
        self.collection_key = collection_key
        self.limits = limits
        self.directory = Directory(world)
        self.transactions = Transactions(world)
        self.collection = Collection(world)

    def answer(self, target: str, key: str | None, *, method: str = "GET", body: bytes = b"") -> Reply | Listing:
        """The answer to a request of `target` (path and query); every refusal is an answer too."""
        try:
            asked = self._admit(method, target, key)
            wait = None if asked.route.is_collecting else self.limits.wait()
            if wait is not None:
                return rate_limited(wait)
            with self.world.lock:
                return self._endpoints(asked, body)[asked.route.name]()
        except Refused as refused:
            return refused.reply()

    def _admit(self, method: str, target: str, key: str | None) -> Asked:
        asked = find(method, target)
        if asked is None:
            raise _no_endpoint(target)
        expected = self.collection_key if asked.route.is_collecting else self.key
        if not key or not hmac.compare_digest(key.encode(), expected.encode()):
            raise Refused(401, "unauthorized", "The header XApiKey is missing or its key is wrong.")
        return asked

    def _endpoints(self, asked: Asked, body: bytes) -> dict[str, Callable[[], Reply | Listing]]:
        query = Query(asked.query)
        return {
            "me": self.directory.me,
            "clients": lambda: self.directory.clients(query),
            "transactions": lambda: self.transactions.page(query),
            "cases": lambda: self.directory.cases(query),
            "start": lambda: self.collection.start(asked.argument, body),
            "lifecycle": lambda: self.collection.update(asked.argument, body),
            "lookup": lambda: self.collection.look_up(asked.argument, query),
        }


def _no_endpoint(target: str) -> Refused:
    allowed = methods(target)
    if allowed:
        return Refused(405, "method_not_allowed", f"Only {' or '.join(allowed)} is allowed here.")
    return Refused(404, "not_found", f"There is no {target.partition('?')[0]}.")
