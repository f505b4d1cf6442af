"""500 screens in offices against a hello-world view of the same server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Side, at_most
from benchmarks.gunicorn import gunicorn
from benchmarks.inside.addresses import HELLO
from benchmarks.looks import Crowd, Looker
from benchmarks.processes import tree_cpu_seconds

ROWS = 10_000
SCREENS, SECONDS = 500, 30
BOARD = "/wall/board/"
WORKERS = CORES = 2
ROUNDS = 2
SWITCHED_ON_WITHIN_SECONDS = 10
# A connection outlives the pause between two refreshes.
KEEP_ALIVE = 75
LIMIT = 2


@dataclass(slots=True)
class Load:
    """What one view took in each round: milliseconds of the slowest of a hundred looks, percent of the cores."""

    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def screens(bench: Bench) -> Iterator[Figure]:
    """At their own pace, over connections that they keep; nothing has changed since their last look."""
    feeboard = bench.loaded(ROWS)
    cookies: list[str] = feeboard.inside("screens", str(SCREENS))["cookies"]
    loads = {address: Load() for address in (BOARD, HELLO)}
    with (
        gunicorn(feeboard, "benchmarks.inside.served", workers=WORKERS, keep_alive=KEEP_ALIVE) as (port, pid),
        asyncio.Runner() as runner,
    ):
        crowd = Crowd(runner, [Looker(port, cookie) for cookie in cookies])
        bench.say(f"{SCREENS} screens are switched on")
        for address in loads:
            crowd.one_look_each(SWITCHED_ON_WITHIN_SECONDS, address)
        for number in range(ROUNDS):
            bench.say(f"{SCREENS} screens, one look in {SECONDS} s each, round {number + 1} of {ROUNDS}")
            for address, load in loads.items():
                _measure(load, crowd, pid, address)
        crowd.hang_up()
    yield from _figures(loads[BOARD], loads[HELLO])


def _measure(load: Load, crowd: Crowd, pid: int, address: str) -> None:
    begun, used = perf_counter(), tree_cpu_seconds(pid)
    # Two, as every second look of a screen is written down.
    looks = sorted(crowd.one_look_each(SECONDS, address) + crowd.one_look_each(SECONDS, address))
    load.cpu.append((tree_cpu_seconds(pid) - used) / (perf_counter() - begun) / CORES * 100)
    load.p99.append(looks[len(looks) * 99 // 100] * 1000)


def _figures(ours: Load, hello: Load) -> Iterator[Figure]:
    pace = f"{SCREENS} screens, one look in {SECONDS} s each"
    of = "hello-world"
    yield at_most(f"{pace}: p99", Side(ours.p99, "ms"), Side(hello.p99, "ms", of), LIMIT)
    yield at_most(f"{pace}: share of two cores", Side(ours.cpu, "%"), Side(hello.cpu, "%", of), LIMIT)
