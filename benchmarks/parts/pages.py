"""Medians of pages at ten thousand rows and at a million, in turns, each from a process that does nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Side, at_most
from benchmarks.inside.addresses import HELLO
from benchmarks.site import Site, site_of

FEW, MANY = 10_000, 1_000_000
PAGE_SIZE = 50
ROUNDS, TIMES = 9, 12
Medians = dict[tuple[int, str], Side]


@dataclass(frozen=True, slots=True)
class Look:
    """One way of asking for a page."""

    address: str
    anew: bool = False
    hard_coded: bool = False


def pages(bench: Bench) -> Iterator[Figure]:
    """The overview and the page of the largest client: growth, what the figures cost, and what a second look costs."""
    with ExitStack() as stack:
        sites = _sites(bench, stack)
        looks: dict[int, dict[str, Look]] = {}
        for rows, site in sites.items():
            looks[rows] = {"hello": Look(HELLO)}
            for page, address in (("Overview", "/"), ("Client page", f"/clients/{site.client}/")):
                looks[rows] |= {
                    f"{page}, anew": Look(address, anew=True),
                    f"{page}, again": Look(address),
                    f"{page}, hard-coded": Look(address, hard_coded=True),
                }
        bench.say("timing the overview and a client page")
        found = _medians(sites, looks)
    for page in ("Overview", "Client page"):
        anew = found[MANY, f"{page}, anew"]
        size = f"{MANY:,} rows"
        yield at_most(f"{page}: {size} against {FEW:,}", anew, _of(found[FEW, f"{page}, anew"], f"at {FEW:,}"), 1.1)
        hard_coded = _of(found[MANY, f"{page}, hard-coded"], "with its figures hard-coded")
        yield at_most(f"{page}, {size}, after a pull", anew, hard_coded, 1.25)
        hello = _of(found[MANY, "hello"], "hello-world behind the log-in")
        yield at_most(f"{page}, {size}, nothing changed since", found[MANY, f"{page}, again"], hello, 1.5)


def lists(bench: Bench) -> Iterator[Figure]:
    """The list of transactions at a million rows, wherever one enters it, against its first page at ten thousand."""
    with ExitStack() as stack:
        sites = _sites(bench, stack)
        client = sites[MANY].client
        last = MANY // PAGE_SIZE
        list_looks = {
            "first page": "",
            "page in the middle": f"?page={last // 2}",
            "last page": f"?page={last}",
            "one stage": "?stage=paid",
            "one stage, page in the middle": f"?stage=paid&page={last // 3}",
            "one client": f"?client={client}",
            "one quarter": "?from=2025-01-01&to=2025-03-31",
            "a stage of a client in a quarter": f"?client={client}&stage=paid&from=2025-01-01&to=2025-03-31",
            "search": "?q=hanse",
        }
        looks = {
            FEW: {"first page": Look("/transactions/", anew=True)},
            MANY: {name: Look(f"/transactions/{query}", anew=True) for name, query in list_looks.items()},
        }
        bench.say("timing the list of transactions")
        found = _medians(sites, looks)
    first = _of(found[FEW, "first page"], f"first page at {FEW:,}")
    for name in list_looks:
        yield at_most(f"Transactions at {MANY:,} rows, {name}", found[MANY, name], first, 2)


def _sites(bench: Bench, stack: ExitStack) -> dict[int, Site]:
    installed = {rows: bench.loaded(rows) for rows in (FEW, MANY)}
    return {rows: stack.enter_context(site_of(feeboard)) for rows, feeboard in installed.items()}


def _medians(sites: dict[int, Site], looks: dict[int, dict[str, Look]]) -> Medians:
    """Turns of a few looks at each, so that noise meets all of them; the first turn only warms up."""
    taken: dict[tuple[int, str], list[float]] = defaultdict(list)
    for turn in range(ROUNDS + 1):
        names = dict.fromkeys(name for some in looks.values() for name in some)
        for name in names:
            for rows, site in sites.items():
                if look := looks[rows].get(name):
                    times = site.milliseconds(look.address, times=TIMES, anew=look.anew, hard_coded=look.hard_coded)
                    taken[rows, name] += times if turn else []
    return {key: Side(values, "ms") for key, values in taken.items()}


def _of(side: Side, what: str) -> Side:
    return Side(side.values, side.unit, what)
