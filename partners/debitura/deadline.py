"""HTTP connections that go to checked addresses only, and whose answers are read against a deadline.

A socket's own time-out starts again with every byte, so a server that sends one now and then holds its reader
for ever. Here every receive, of headers and of body, may take only what is left of the whole request.
"""

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError

from .destination import addresses_of

_deadline: ContextVar[float] = ContextVar("deadline", default=threading.TIMEOUT_MAX)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Answers that begin in this block raise a time-out once `seconds` have passed since its start."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


class _BoundedStream(io.RawIOBase):
    """A socket's stream: each receive may take the socket's own patience, or the time left if less."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket) -> None:
        self._stream = stream
        self._sock = sock
        self._patience = sock.gettimeout()
        self._deadline = _deadline.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long as a whole")
        self._sock.settimeout(left if self._patience is None else min(self._patience, left))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedStream(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _BoundedResponse

    def _new_conn(self) -> socket.socket:
        """A socket to one of the addresses that were checked: the name is not looked up again. Raises InsecureAddress."""
        name = self._dns_host
        for address in (addresses := self._addresses()):
            self._dns_host = address
            try:
                return super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError):
                if address == addresses[-1]:
                    raise
            finally:
                self._dns_host = name  # whose certificate is asked for
        raise LocationParseError(name)

    def _addresses(self) -> list[str]:
        try:
            return addresses_of(self._dns_host.strip("[]"), self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError as error:
            raise LocationParseError(self.host) from error


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """Plugs the bounded connections into a requests session."""

    poolmanager: urllib3.PoolManager

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
