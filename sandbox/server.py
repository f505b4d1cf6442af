"""The sandbox on a socket: HTTP/1.1 with kept-alive connections, on 127.0.0.1 only."""

import socket
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from sandbox import faults as fault_specs
from sandbox.api import Api
from sandbox.damage import WIRE, instead, spoil
from sandbox.faults import Fault, FaultPlan
from sandbox.limits import RateLimits
from sandbox.replies import Listing, Refused, Reply
from sandbox.routes import find
from sandbox.world import World

OnRequest = Callable[["SandboxServer", int, str], None]
_DRIP_PIECES = 20
_LARGEST_BODY = 1 << 20


class SandboxServer:
    """Serves one world from a thread, as a context manager.

    `address` is `http://127.0.0.1:PORT`, of both APIs, each with a key of its own; `log` holds (method, path with query,
    status sent; 0 for none).
    `faults` takes a specification or Faults and can be set while running, which starts its counting anew.
    `on_request(server, N, path with query)` runs before request N (from 1) is answered. `latency` in seconds
    is added to every answer. Raises OSError where the port is taken.
    """

    def __init__(
        self,
        world: World,
        *,
        port: int = 0,
        key: str = "sandbox-key-for-tests",
        collection_key: str = "sandbox-collection-key-for-tests",
        faults: str | Iterable[Fault] = (),
        limits: RateLimits | None = None,
        on_request: OnRequest | None = None,
        latency: float = 0.0,
    ) -> None:
        self.world = world
        self.key = key
        self.collection_key = collection_key
        self.limits = limits or RateLimits.documented()
        self.api = Api(world, key, self.limits, collection_key=collection_key)
        self.on_request = on_request
        self.latency = latency
        self.log: list[tuple[str, str, int]] = []
        self.faults = faults
        self.stopping = Event()
        self._numbers = 0
        self._lock = Lock()
        self._http = _HttpServer(("127.0.0.1", port), self)
        self.port: int = self._http.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._http.serve_forever, args=(0.02,), name="sandbox", daemon=True)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults in force; setting them (also to a specification) starts their counting anew."""
        return self._plan.faults

    @faults.setter
    def faults(self, value: str | Iterable[Fault]) -> None:
        self._plan = FaultPlan(fault_specs.parse(value) if isinstance(value, str) else value, self.world.seed)

    def __enter__(self) -> "SandboxServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse new connections, cut those that are open, wait for their threads. Safe to repeat."""
        self.stopping.set()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.cut_connections()
        self._http.server_close()

    def next_number(self) -> int:
        with self._lock:
            self._numbers += 1
            return self._numbers

    def strike(self, method: str, target: str) -> tuple[Fault, int] | None:
        """The fault for this request; what the APIs do not have never fails."""
        asked = find(method, target)
        return self._plan.pick(asked.route.name) if asked else None


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them
    request_queue_size = 64
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """End the connections that clients keep alive, so that nothing answers after the end."""
        with self._open_lock:
            for request in self._open:
                _shut(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Sandbox"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _HttpServer

    def _serve(self) -> None:
        sandbox = self.server.sandbox
        try:
            body = self._body()
        except Refused as refused:
            self.close_connection = True  # what is left of the body is not read
            self._answer(refused.reply(), None)
            return
        number = sandbox.next_number()
        if sandbox.on_request:
            sandbox.on_request(sandbox, number, self.path)
        struck = sandbox.strike(self.command, self.path)
        if sandbox.latency:
            sandbox.stopping.wait(sandbox.latency)
        fault = struck[0] if struck and struck[0].kind in WIRE else None
        self._answer(self._reply(body, struck), fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _body(self) -> bytes:
        """What the request brings, read whole, as another one may follow it; raises Refused for a body without an end."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            raise Refused(411, "length_required", "Send the body with its Content-Length.")
        if len(length) > 9 or int(length) > _LARGEST_BODY:
            raise Refused(413, "too_large", f"The body has more than {_LARGEST_BODY} bytes.")
        return self.rfile.read(int(length))

    def _answer(self, reply: Reply, fault: Fault | None) -> None:
        self.server.sandbox.log.append((self.command, self.path, reply.status))
        self._send(reply, fault)

    def _reply(self, body: bytes, struck: tuple[Fault, int] | None) -> Reply:
        replaced = instead(struck[0]) if struck else None
        if struck and replaced and not struck[0].late:
            return replaced
        key = self.headers.get("XApiKey")
        answer = self.server.sandbox.api.answer(self.path, key, method=self.command, body=body)
        if struck and isinstance(answer, Listing):
            spoil(answer, *struck)
        return replaced or (answer.reply() if isinstance(answer, Listing) else answer)

    def _send(self, reply: Reply, fault: Fault | None) -> None:
        match fault.kind if fault else None:
            case "close":
                self._hang_up()
            case "reset":
                self._send_half(reply)
                self.close_connection = True
                # A linger of 0 seconds makes the close a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case "truncate":
                self._send_half(reply)
                self._hang_up()
            case "drip":
                self._drip(reply, fault.seconds(3) if fault else 0)
            case _:
                if fault:
                    self.server.sandbox.stopping.wait(fault.seconds(2))
                self._head(reply)
                self.wfile.write(reply.body)

    def _head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_half(self, reply: Reply) -> None:
        self._head(reply)
        self.wfile.write(reply.body[: len(reply.body) // 2])
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        _shut(self.connection)

    def _drip(self, reply: Reply, seconds: float) -> None:
        self._head(reply)
        size = max(1, len(reply.body) // _DRIP_PIECES)
        for start in range(0, len(reply.body), size):
            self.wfile.write(reply.body[start : start + size])
            self.wfile.flush()
            if self.server.sandbox.stopping.wait(seconds / _DRIP_PIECES):
                break

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are in `SandboxServer.log`; the terminal stays quiet."""


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it may be gone already
        connection.shutdown(socket.SHUT_RDWR)
