"""Many clients that ask a site over HTTP, each on a connection of its own that it keeps, and how long each answer took."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.processes import Failed


@dataclass(slots=True)
class Looker:
    """One client: it sends its cookie and the ETag of what it has been answered."""

    port: int
    cookie: str
    tags: dict[str, str] = field(default_factory=dict)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def look(self, address: str) -> float:
        """Seconds to the whole answer, with those to connect where the server has hung up. Raises Failed for 400 and more."""
        begun = time.perf_counter()
        try:
            await self._ask(address)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hang_up()
            await self._ask(address)
        return time.perf_counter() - begun

    def hang_up(self) -> None:
        if self._streams:
            self._streams[1].close()
        self._streams = None

    async def _ask(self, address: str) -> None:
        reader, writer = self._streams = self._streams or await asyncio.open_connection("127.0.0.1", self.port)
        known = f"If-None-Match: {self.tags[address]}\r\n" if address in self.tags else ""
        writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}\r\n{known}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
        headers = {name.lower(): value for name, value in lines}
        await reader.readexactly(int(headers.get("content-length", 0)) if status != 304 else 0)
        if status >= 400:
            raise Failed(f"{address} answered {status}.")
        if "etag" in headers:
            self.tags[address] = headers["etag"]
        if headers.get("connection") == "close":
            self.hang_up()


class Crowd:
    """Lookers whose connections outlive each of the measurements."""

    def __init__(self, runner: asyncio.Runner, lookers: Sequence[Looker]) -> None:
        self._runner = runner
        self.lookers = lookers

    def one_look_each(self, seconds: float, address: str) -> list[float]:
        """Each looks once, at any time within so many seconds; what each look took, in order."""

        async def screen(looker: Looker) -> list[float]:
            await asyncio.sleep(random.uniform(0, seconds))
            return [await looker.look(address)]

        return self._took(screen(looker) for looker in self.lookers)

    def hang_up(self) -> None:
        async def all_of_them() -> None:
            for looker in self.lookers:
                looker.hang_up()

        self._runner.run(all_of_them())

    def _took(self, screens: Iterable[Coroutine[Any, Any, list[float]]]) -> list[float]:
        async def all_of_them() -> list[list[float]]:
            return await asyncio.gather(*screens)

        return sorted(seconds for found in self._runner.run(all_of_them()) for seconds in found)
