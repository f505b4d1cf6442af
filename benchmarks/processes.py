"""Processes of their own, with their time and the most memory that they and their children held together."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

ROOT = Path(__file__).resolve().parent.parent
SECONDS_BETWEEN_LOOKS = 0.03
KIB_PER_MB = 1000 * 1000 / 1024


@dataclass(frozen=True, slots=True)
class Done:
    """A process that has ended: wall-clock seconds with start and end, peak memory in MB, and what it said."""

    status: int
    seconds: float
    peak_mb: float
    stdout: str
    stderr: str


class Failed(RuntimeError):
    """A process of the benchmark ended otherwise than it should have."""


@dataclass(slots=True)
class Watch:
    """The highest memory (MB) of a process and its children since the watch began, or since `reset`."""

    pid: int
    peak_mb: float = 0.0
    _ended: Event = field(default_factory=Event)

    def reset(self) -> float:
        """Begin anew; the memory held at this moment."""
        self.peak_mb = tree_mb(self.pid)
        return self.peak_mb

    def look(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            self.peak_mb = max(self.peak_mb, tree_mb(self.pid))

    def end(self) -> None:
        self._ended.set()


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Look at the memory of a process until the block ends."""
    watch = Watch(pid)
    thread = Thread(target=watch.look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()


def run(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    *,
    expected: Sequence[int] = (0,),
    cwd: Path = ROOT,
    text: str | None = None,
) -> Done:
    """Run to the end. Raises Failed, with what it said, for a status that is not `expected`."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with watched(process.pid) as watch:
        stdout, stderr = process.communicate(text)
    done = Done(process.returncode, time.perf_counter() - begun, watch.peak_mb, stdout, stderr)
    if done.status not in expected:
        raise Failed(f"{' '.join(map(str, command))[:300]} ended with {done.status}:\n{stdout[-2000:]}{stderr[-4000:]}")
    return done


def tree_mb(pid: int) -> float:
    """The memory of a process and all it started, in MB; what they share is counted once (PSS)."""
    return sum(map(_own_kib, _tree(pid))) / KIB_PER_MB


def tree_cpu_seconds(pid: int) -> float:
    """Seconds of processor time that a process and all it started, and that still run, have used."""
    return sum(map(_own_ticks, _tree(pid))) / os.sysconf("SC_CLK_TCK")


def plain_environment(**more: str) -> dict[str, str]:
    """Nothing of the surrounding environment but what any program needs."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ} | more


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _own_kib(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _own_ticks(pid: int) -> int:
    with suppress(OSError):
        # The name, in brackets, may hold anything; user and system time are the 14th and 15th word of all.
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(words[11]) + int(words[12])
    return 0
