"""The first load against dlt and against draining alone, at 0 and 20 ms of latency; the repeat; memory by size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks import databases
from benchmarks.bench import Bench
from benchmarks.feeboard import Feeboard, Pull
from benchmarks.figures import Figure, Side, at_least, at_most
from benchmarks.peers import dlt
from benchmarks.upstream import Upstream

ROWS = 100_000
# Rounds at each latency (ms). With 20 ms dlt alone takes half a minute.
ROUNDS = {0: 2, 20: 1}
# Connections of the drain that we are compared with: without latency more than one only get into each other's way.
THREADS = {0: 1, 20: 8}
SHARDS = 10
# For memory, which must not grow with the history.
SIZES = (10_000, 1_000_000)


@dataclass(slots=True)
class Round:
    """What was measured at one latency, one after the other, time and again."""

    first: list[Pull] = field(default_factory=list)
    repeat: list[Pull] = field(default_factory=list)
    drained: list[float] = field(default_factory=list)
    peer: list[dlt.Load] = field(default_factory=list)
    split_peer: list[dlt.Load] = field(default_factory=list)


def first_load(bench: Bench) -> Iterator[Figure]:
    """Rows a second and memory, from an empty database to figures that tie out."""
    upstream = bench.upstream(ROWS)
    for ms, rounds in ROUNDS.items():
        found = Round()
        for number in range(rounds):
            bench.say(f"first load, {ms} ms, round {number + 1} of {rounds}")
            upstream.latency(ms)
            _measure(bench, upstream, found, THREADS[ms])
        yield from _figures(ms, found)


def memory(bench: Bench) -> Iterator[Figure]:
    """What a hundred times the history does to the memory of its first load."""
    few, many = (bench.first_pull(rows) for rows in SIZES)
    of = f"at {SIZES[0]:,}"
    yield at_most(
        f"Peak memory of a first load of {SIZES[1]:,} rows",
        Side([many.peak_mb], "MB"),
        Side([few.peak_mb], "MB", of),
        1.1,
        holds=many.ties_out and many.rows["seen"] == SIZES[1],
    )


def _measure(bench: Bench, upstream: Upstream, found: Round, threads: int) -> None:
    with databases.postgres() as url:
        feeboard = Feeboard(url)
        feeboard.connect(upstream)
        found.drained.append(feeboard.inside("drain", upstream.address, str(upstream.rows), str(threads))["seconds"])
        found.first.append(feeboard.sync(upstream))
        found.repeat.append(feeboard.sync(upstream, "--full"))
    found.peer.append(dlt.load(upstream, bench.folder))
    found.split_peer.append(dlt.load(upstream, bench.folder, shards=SHARDS))


def _figures(ms: int, found: Round) -> Iterator[Figure]:
    first = _seconds(found.first)
    proven = all(pull.ties_out and pull.rows["seen"] == ROWS for pull in (*found.first, *found.repeat))
    drained = Side(found.drained, "s", "to drain and parse")
    speed = Side([ROWS / pull.seconds for pull in found.first], "rows/s")
    size = f"{ROWS:,} rows, {ms} ms"
    yield at_most(f"First load, {size}", first, drained, 1.5, holds=proven)
    for name, peers in ((dlt.NAME, found.peer), (f"{dlt.NAME} split by hand into {SHARDS}", found.split_peer)):
        speed_of_peer = Side([ROWS / peer.seconds for peer in peers], "rows/s", name)
        yield at_least(f"First load, {size}", speed, speed_of_peer, 4)
        memory = Side([pull.peak_mb for pull in found.first], "MB")
        yield at_most(f"Its peak memory, {size}", memory, Side([peer.peak_mb for peer in peers], "MB", name), 0.5)
    yield at_most(f"Repeat of unchanged rows (--full), {size}", _seconds(found.repeat), first, 0.5, holds=proven)


def _seconds(pulls: list[Pull]) -> Side:
    return Side([pull.seconds for pull in pulls], "s")
