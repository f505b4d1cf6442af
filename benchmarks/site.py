"""A site in a process of its own, whose pages are timed from here, in turns with another one's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.feeboard import Feeboard
from benchmarks.processes import ROOT, Failed


class Site:
    """`session` is the key of a session that is signed in; `client` the creditor id of the largest client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        first = self._read()
        self.session: str = first["session"]
        self.client: str = first["client"]

    def milliseconds(self, address: str, *, times: int, anew: bool = False, hard_coded: bool = False) -> list[float]:
        """How long each of so many looks at the page took inside the process (benchmarks/inside/site.py)."""
        order = {"address": address, "times": times, "anew": anew, "hard_coded": hard_coded}
        if self._process.stdin is None:
            raise Failed("The site was started without a way to ask it.")
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        found: list[float] = self._read()
        return found

    def _read(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise Failed("The site ended; its last words are above.")
        return json.loads(line)


@contextmanager
def site_of(feeboard: Feeboard) -> Iterator[Site]:
    """The site of an installation, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.inside.site"],
        cwd=ROOT,
        env=feeboard.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Site(process)
    finally:
        process.terminate()
        process.communicate()
