"""A site that a test can stop and start again at the same address, as a server room does."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import QuietWSGIRequestHandler


class _Server(ThreadedWSGIServer):
    daemon_threads = False  # so that server_close waits for them
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(("127.0.0.1", port), QuietWSGIRequestHandler)
        self.set_app(WSGIHandler())

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """End what browsers keep alive, so that nothing answers after the end."""
        with self._lock:
            for request in self._open:
                with suppress(OSError):  # the other side was quicker
                    request.shutdown(socket.SHUT_RDWR)


class StoppableSite:
    """The site of this process, with the settings and the clock of the test. `address` stays what it is."""

    def __init__(self) -> None:
        self._port = 0
        self._server: _Server | None = None
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = server = _Server(self._port)
        self._port = server.server_port
        self._thread = Thread(target=server.serve_forever, args=(0.02,), name="site", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse and cut connections, and wait for their threads. Safe to repeat."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        self._thread.join()
        server.cut_connections()
        server.server_close()
