"""The clients that the benchmark of screens sends to a site."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from benchmarks.looks import Crowd, Looker
from benchmarks.processes import Failed

Heard = list[tuple[int, str | None, str | None]]


class Server(ThreadingHTTPServer):
    """Answers with an ETag, then with 304; /missing/ with 404. `heard`: port of the client, cookie, ETag it knew."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: Heard = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        known = self.headers["If-None-Match"]
        self.server.heard.append((self.client_address[1], self.headers["Cookie"], known))
        self.send_response(404 if self.path == "/missing/" else 304 if known else 200)
        self.send_header("ETag", '"Tag"')
        if not known:
            self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"" if known else b"Hello")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written to the terminal."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def elsewhere() -> Iterator[Executor]:
    """Another thread: in this one Playwright's loop may be running since an earlier test, beside which there is no other."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def looks_of(lookers: list[Looker], path: str, times: int) -> list[list[float]]:
    """What each round of looks took, in seconds."""
    with asyncio.Runner() as runner:
        crowd = Crowd(runner, lookers)
        try:
            return [crowd.one_look_each(0, path) for _ in range(times)]
        finally:
            crowd.hang_up()


def test_each_keeps_its_connection_and_says_what_it_knows(server: Server, elsewhere: Executor) -> None:
    lookers = [Looker(server.server_port, f"wall={number}") for number in (1, 2)]
    took = elsewhere.submit(looks_of, lookers, "/wall/board/", 2).result()
    assert [len(looks) for looks in took] == [2, 2]
    assert len({port for port, _, _ in server.heard}) == 2
    assert sorted((cookie, known) for _, cookie, known in server.heard[2:]) == [
        ("wall=1", '"Tag"'),
        ("wall=2", '"Tag"'),
    ]
    assert [known for _, _, known in server.heard[:2]] == [None, None]


def test_refusal_is_no_figure(server: Server, elsewhere: Executor) -> None:
    lookers = [Looker(server.server_port, "wall=1")]
    with pytest.raises(Failed, match="answered 404"):
        elsewhere.submit(looks_of, lookers, "/missing/", 1).result()
