"""A scripted server on loopback: real sockets, so that it can reset, truncate, drip and lie."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from partners.debitura.client import DebituraClient
from partners.debitura.collection import CollectionClient

KEY = "s3cret-Key_0123456789/+="


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    connection: int
    body: bytes

    def value(self, name: str) -> str | None:
        return dict(self.query).get(name)


Reply = Callable[[socket.socket, Asked], None]


class StubServer:
    """Answers request N with script[N], and with the last entry for all that follow."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.asked: list[Asked] = []
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        connections = 0
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connections += 1
            self._open.append(connection)
            self._start(self._serve, connection, connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), connection:
            while (asked := self._read(connection, number)) is not None:
                self.asked.append(asked)
                reply = self.script[min(len(self.asked), len(self.script)) - 1]
                reply(connection, asked)

    def _read(self, connection: socket.socket, number: int) -> Asked | None:
        head, end, body = b"", b"", b""
        while not end:
            piece = connection.recv(65536)
            if not piece:
                return None
            head, end, body = (head + piece).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        method, target, _ = first.split()
        parts = urlsplit(target)
        return Asked(method, parts.path, parse_qsl(parts.query), headers, number, body)

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)

    @property
    def stopping(self) -> threading.Event:
        return self._stop


class Replies:
    """The vocabulary of a script."""

    def __init__(self, server: StubServer) -> None:
        self._server = server

    @staticmethod
    def raw(data: bytes) -> Reply:
        return lambda connection, asked: connection.sendall(data)

    def body(self, body: bytes, status: int = 200, *headers: str) -> Reply:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def json(self, value: Any, status: int = 200, *headers: str) -> Reply:
        return self.body(json.dumps(value).encode(), status, "Content-Type: application/json", *headers)

    def html(self, text: str = "<html><h1>Bad gateway</h1></html>", status: int = 200) -> Reply:
        return self.body(text.encode(), status, "Content-Type: text/html")

    def echo(self, status: int) -> Reply:
        """An error whose message holds the key it was sent."""

        def reply(connection: socket.socket, asked: Asked) -> None:
            message = f"The key {asked.headers['xapikey']} was used " * 20
            self.json({"error": asked.headers["xapikey"], "message": message}, status)(connection, asked)

        return reply

    @staticmethod
    def close() -> Reply:
        return lambda connection, asked: connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def reset() -> Reply:
        """Half an answer, then RST."""

        def reply(connection: socket.socket, asked: Asked) -> None:
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data":')
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        return reply

    @staticmethod
    def truncate(body: bytes = b'{"data":[') -> Reply:
        """A body shorter than its Content-Length."""

        def reply(connection: socket.socket, asked: Asked) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body)
            connection.shutdown(socket.SHUT_RDWR)

        return reply

    @staticmethod
    def broken_chunks() -> Reply:
        """A chunked body that ends in the middle of a chunk."""

        def reply(connection: socket.socket, asked: Asked) -> None:
            connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"data":')
            connection.shutdown(socket.SHUT_RDWR)

        return reply

    def silence(self) -> Reply:
        def reply(connection: socket.socket, asked: Asked) -> None:
            self._server.stopping.wait(10)

        return reply

    def drip(self, start: bytes, every: float = 0.02) -> Reply:
        """`start`, then one byte after the other, for longer than any test waits."""

        def reply(connection: socket.socket, asked: Asked) -> None:
            connection.sendall(start)
            for _ in range(1000):
                if self._server.stopping.wait(every):
                    return
                connection.sendall(b" ")

        return reply


@pytest.fixture
def server() -> Iterator[StubServer]:
    stub = StubServer()
    yield stub
    stub.close()


@pytest.fixture
def replies(server: StubServer) -> Replies:
    return Replies(server)


@pytest.fixture
def key() -> str:
    return KEY


@dataclass
class FakeTime:
    """A clock that only sleeping moves, in seconds."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def connect(server: StubServer, clock: FakeTime) -> Iterator[Callable[..., DebituraClient]]:
    """A client of the stub that sleeps on the fake clock and draws 1, the longest backoff."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(
            DebituraClient(server.address, KEY, **(_settings(clock) | options))
        )


@pytest.fixture
def collecting(server: StubServer, clock: FakeTime) -> Iterator[CollectionClient]:
    """As `connect`, of the Collection Partner API."""
    with CollectionClient(server.address, KEY, **_settings(clock)) as client:
        yield client


def _settings(clock: FakeTime) -> dict[str, Any]:
    return {"sleep": clock.sleep, "monotonic": clock.monotonic, "random": lambda: 1.0}


def _transaction(number: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "transactionId": f"00000000-0000-4000-8000-{number:012d}",
        "date": "2026-03-01T00:00:00Z",
        "client": {
            "externalTenantId": "tenant-7",
            "creditorId": "11111111-1111-4111-8111-111111111111",
            "companyName": "Åkerlund & Søn",
        },
        "case": {
            "invoiceId": "22222222-2222-4222-8222-222222222222",
            "caseReference": "Q8OAXF3W",
            "debtorName": "Debtor Ltd",
            "originalAmount": 1000,
            "currency": "EUR",
        },
        "payment": {"amount": 1000.5, "currency": "EUR", "paymentDate": "2026-03-01T10:00:00.1234567Z"},
        "earnings": {
            "currency": "EUR",
            "debituraRevenue": 60,
            "debituraRevenueUsd": 65.123456,
            "referralFeePercentage": 50,
            "referralFeeAmount": 30,
            "referralFeeAmountUsd": 32.561728,
            "isEstimate": False,
        },
        "recognition": {"isRecognized": True, "referralFeeRecognizedUsd": 32.561728},
        "status": {
            "commissionPaymentStatus": "Paid",
            "platformInvoicingStatus": "PaymentReceived",
            "referralInvoicingStatus": "Invoiced",
        },
    }
    return row | changes


@pytest.fixture
def transaction() -> Callable[..., dict[str, Any]]:
    """A believable row; keyword arguments replace its top-level members."""
    return _transaction


def _answer(rows: list[Any], total: int, size: int, number: int = 1) -> dict[str, Any]:
    return {
        "data": rows,
        "page": {"totalResults": total, "pageSize": size, "currentPage": number, "responseCount": len(rows)},
        "summary": {"revenue": {"paidReferralFeeUsd": 12.5, "paidCount": 3}, "totalDebituraRevenueUsd": 25},
    }


@pytest.fixture
def answer() -> Callable[..., dict[str, Any]]:
    """An answer of GET /reporting/transactions that agrees with itself if the arguments do."""
    return _answer
