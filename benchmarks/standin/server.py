"""HTTP/1.1 with kept-alive connections over asyncio: no more of it than two clients that behave need."""

from __future__ import annotations

import asyncio
import socket

from benchmarks.standin.api import StandIn

KEY = "key-of-the-benchmark-stand-in"
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_UNAUTHORIZED = b'{"error":"unauthorized","message":"The header XApiKey is missing or wrong.","businessErrors":null}'


class Connection(asyncio.Protocol):
    """One client; its requests are answered in their order, each after the latency."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._unread = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_server makes
        self._transport = transport
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head, self._unread = self._unread[:end], self._unread[end + 4 :]
            self._answer(head.decode("latin-1"))

    def _answer(self, head: str) -> None:
        line, _, headers = head.partition("\r\n")
        target = line.split(" ")[1]
        if target.startswith("/_/") or f"xapikey: {KEY}" in headers.lower():
            status, body, wait = self._stand_in.answer(target)
        else:
            status, body, wait = 401, _UNAUTHORIZED, 0.0
        start = (
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\nContent-Type: application/json; charset=utf-8\r\n"
        )
        whole = f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body
        if wait:
            asyncio.get_running_loop().call_later(wait, self._send, whole)
        else:
            self._send(whole)

    def _send(self, whole: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(whole)


async def serve(stand_in: StandIn, port: int) -> None:
    """Answer on 127.0.0.1 until cancelled; prints the address once it listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stand_in), "127.0.0.1", port, backlog=256)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()
