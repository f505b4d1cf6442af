"""What every part can use: the stand-ins, databases and installations of this run, made when first asked for."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import databases
from benchmarks.feeboard import Feeboard, Pull
from benchmarks.processes import ROOT
from benchmarks.upstream import Upstream, serving

FOLDER = ROOT / "var" / "bench"


@dataclass(slots=True)
class Bench:
    """One run. Everything in `stack` is gone at its end."""

    stack: ExitStack
    folder: Path = FOLDER
    begun: float = field(default_factory=time.perf_counter)
    _upstreams: dict[int, Upstream] = field(default_factory=dict)
    _loaded: dict[int, Feeboard] = field(default_factory=dict)
    _first_pulls: dict[int, Pull] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """A line of progress, for the terminal and not for the table."""
        print(f"{time.perf_counter() - self.begun:5.0f} s  {text}", file=sys.stderr, flush=True)

    def upstream(self, rows: int) -> Upstream:
        """The stand-in with so many rows, without latency."""
        if rows not in self._upstreams:
            self.say(f"starting a stand-in with {rows:,} rows")
            self._upstreams[rows] = self.stack.enter_context(serving(rows, self.folder))
        self._upstreams[rows].latency(0)
        return self._upstreams[rows]

    def loaded(self, rows: int) -> Feeboard:
        """A Feeboard on PostgreSQL that has pulled `upstream(rows)`, with a person who can sign in."""
        if rows not in self._loaded:
            upstream = self.upstream(rows)
            self.say(f"a first load of {rows:,} rows")
            url = self.stack.enter_context(databases.postgres())
            feeboard = Feeboard(url)
            feeboard.connect(upstream)
            feeboard.add_person()
            self._first_pulls[rows] = feeboard.sync(upstream)
            databases.settle(url)
            self._loaded[rows] = feeboard
        return self._loaded[rows]

    def first_pull(self, rows: int) -> Pull:
        """The pull that filled `loaded(rows)`."""
        self.loaded(rows)
        return self._first_pulls[rows]
