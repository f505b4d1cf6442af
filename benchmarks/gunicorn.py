"""A gunicorn that serves an installation, as it is used otherwise."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.feeboard import Feeboard
from benchmarks.processes import ROOT, Failed

SECONDS_TO_ANSWER = 30


@contextmanager
def gunicorn(
    feeboard: Feeboard, application: str = "config.wsgi", *, workers: int = 1, keep_alive: int = 2
) -> Iterator[tuple[int, int]]:
    """(port, process) of one with so many workers of four threads. keep_alive: seconds that a connection may be silent."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    numbers = {"--workers": workers, "--threads": 4, "--keep-alive": keep_alive}
    words = ["--bind", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "error"]
    words += [str(word) for pair in numbers.items() for word in pair]
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", application, *words], cwd=ROOT, env=feeboard.env)
    try:
        _wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise Failed("gunicorn did not start.")
