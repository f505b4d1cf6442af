"""The stand-in as a process: started, steered, counted, stopped."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.processes import ROOT, Failed, plain_environment


@dataclass(frozen=True, slots=True)
class Upstream:
    """A running stand-in."""

    address: str
    rows: int

    @property
    def pages(self) -> int:
        """Pages of 100 in a sweep of everything."""
        return -(-self.rows // 100)

    def latency(self, ms: int) -> None:
        """Milliseconds that each request waits for its answer."""
        self._ask(f"latency?ms={ms}")

    def change(self, what: str, rows: int, *, seed: int = 1) -> None:
        """One of benchmarks.standin.changes.CHANGES."""
        self._ask(f"{what}?rows={rows}&seed={seed}")

    def take_requests(self) -> int:
        """How many requests there were since the last time."""
        count = int(json.loads(self._ask("count"))["requests"])
        self._ask("reset")
        return count

    def _ask(self, order: str) -> bytes:
        with urllib.request.urlopen(f"{self.address}/_/{order}", timeout=120) as answer:
            return bytes(answer.read())


@contextmanager
def serving(rows: int, folder: Path) -> Iterator[Upstream]:
    """A stand-in with so many rows up to yesterday; the first one of a day takes its time to make them."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    command = [sys.executable, "-m", "benchmarks.standin", str(rows), str(yesterday), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, env=plain_environment(), stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise Failed("The stand-in did not start.")
        yield Upstream(address, rows)
    finally:
        process.terminate()
        process.wait()
