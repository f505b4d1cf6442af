"""A running sandbox and a plain HTTP client for it."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.limits import RateLimits
from sandbox.server import SandboxServer
from sandbox.world import World


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_float=Decimal)

    @property
    def ids(self) -> list[str]:
        return [row["transactionId"] for row in self.json["data"]]


class Caller:
    """Requests to one server over one kept-alive connection."""

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)

    def get(self, path: str, params: Any = (), *, key: str | None = None, method: str = "GET") -> Answer:
        return self._ask(method, path, params, self.server.key if key is None else key, None)

    def collect(self, method: str, path: str, body: Any = None, *, params: Any = (), key: str | None = None) -> Answer:
        """A request to the Collection Partner API; a body that is no bytes is sent as JSON."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask(method, path, params, self.server.collection_key if key is None else key, sent)

    def _ask(self, method: str, path: str, params: Any, key: str, body: bytes | None) -> Answer:
        target = f"{path}?{urlencode(params, doseq=True)}" if params else path
        self.connection.request(method, target, body=body, headers={"XApiKey": key})
        reply = self.connection.getresponse()
        return Answer(reply.status, dict(reply.headers), reply.read())

    def transactions(self, **params: Any) -> Answer:
        return self.get("/reporting/transactions", params)

    def summary(self, **params: Any) -> dict[str, Any]:
        summary: dict[str, Any] = self.transactions(**params).json["summary"]
        return summary

    def all_rows(self, **params: Any) -> list[dict[str, Any]]:
        """By the guide's stop rule: go on until a page holds fewer items than asked for."""
        rows: list[dict[str, Any]] = []
        for page in range(1, 10_000):
            data = self.transactions(**{"PageSize": 100, "Page": page} | params).json["data"]
            rows += data
            if len(data) < 100:
                return rows
        raise AssertionError("paging never ended")


@pytest.fixture
def serve() -> Iterator[Callable[..., Caller]]:
    """Start a sandbox over a world (default: an empty one); without rate limits unless they are given."""
    with ExitStack() as running:

        def start(world: World | None = None, **options: Any) -> Caller:
            options.setdefault("limits", RateLimits.none())
            caller = Caller(running.enter_context(SandboxServer(world or World.empty(), **options)))
            running.callback(caller.connection.close)
            return caller

        yield start


@pytest.fixture(scope="module")
def generated() -> Iterator[Caller]:
    """A generated world that no test may change."""
    with SandboxServer(World.generate(transactions=600, clients=28), limits=RateLimits.none()) as server:
        caller = Caller(server)
        yield caller
        caller.connection.close()
