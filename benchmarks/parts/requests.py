"""What a pull costs in requests when little or nothing has changed upstream."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.feeboard import Feeboard, Pull
from benchmarks.figures import Figure
from benchmarks.upstream import Upstream

ROWS = 100_000
SIZES = (1_000, 1_000_000)
NOTHING = 8
# What any pull with news costs beside the search for them.
FIXED = 12


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to `rows` rows; `counted_as` is where `sync` has to count them."""

    label: str
    change: str
    rows: int
    counted_as: str = "updated"


EVENTS = (
    Event("1 row changed", "edit", 1),
    Event("20 scattered rows changed", "edit", 20),
    Event("500 neighbouring rows changed", "burst", 500),
    Event("20 estimates settled", "settle", 20),
    Event("1 row deleted", "delete", 1, "removed"),
    Event("3 new rows", "add", 3, "created"),
    Event("5 recent rows re-dated into the month before", "redate", 5),
)


def unchanged(bench: Bench) -> Iterator[Figure]:
    """A pull with nothing to fetch, at a thousand rows and at a million."""
    for rows in SIZES:
        feeboard, upstream = bench.loaded(rows), bench.upstream(rows)
        bench.say(f"pulls with nothing changed, {rows:,} rows")
        pulls = [feeboard.sync(upstream) for _ in range(3)]
        most = max(pulls, key=lambda pull: pull.requests)
        yield _figure(f"Nothing changed, {rows:,} rows", most, upstream, NOTHING, found=True)


def changed(bench: Bench) -> Iterator[Figure]:
    """Pulls after changes that Debitura would make between two of them."""
    feeboard, upstream = bench.loaded(ROWS), bench.upstream(ROWS)
    for seed, event in enumerate(EVENTS, start=1):
        bench.say(event.label)
        upstream.change(event.change, event.rows, seed=seed)
        pull = feeboard.sync(upstream)
        right = pull.ties_out and pull.rows[event.counted_as] == event.rows
        yield _figure(event.label, pull, upstream, _bound(event, upstream), found=right)
    yield _tick(bench, feeboard, upstream)


def _tick(bench: Bench, feeboard: Feeboard, upstream: Upstream) -> Figure:
    bench.say("a rate tick")
    upstream.change("tick", 1)
    pull = feeboard.sync(upstream)
    name = f"Rate tick over {pull.rows['updated']:,} estimates"
    return _figure(name, pull, upstream, upstream.pages + 1, found=pull.ties_out)


def _bound(event: Event, upstream: Upstream) -> int:
    """The bound that docs/pull.md states. A burst counts by its pages; a row in two windows counts twice."""
    pages = upstream.pages
    k = -(-event.rows // 100) + 1 if event.change == "burst" else event.rows
    k *= 2 if event.change in ("redate", "settle") else 1
    sweep = pages * 5 // 4 + 2 * -(-pages // 8)
    search = min(math.ceil(k * (2 + math.log2(max(pages / k, 1)))), sweep)
    return FIXED + search + (event.rows if event.change == "delete" else 0)


def _figure(name: str, pull: Pull, upstream: Upstream, most: int, *, found: bool) -> Figure:
    sweep = upstream.pages + 1
    return Figure(
        name=name + ("" if found else " (not all of it was found)"),
        ours=f"{pull.requests:,} requests",
        other=f"{sweep:,} in a full sweep",
        ratio=f"{pull.requests / sweep:.3f}×",
        wanted=f"≤ {most:,}",
        holds=found and pull.requests <= most,
    )
