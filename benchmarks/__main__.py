"""`python -m benchmarks`: run the parts (BENCH_ONLY=name,name for some), print their table, keep it in var/bench/table.md."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from benchmarks import databases, machine
from benchmarks.bench import FOLDER, Bench
from benchmarks.figures import Figure, table
from benchmarks.parts.export import export
from benchmarks.parts.first_load import first_load, memory
from benchmarks.parts.pages import lists, pages
from benchmarks.parts.requests import changed, unchanged
from benchmarks.parts.screens import screens

Part = Callable[[Bench], Iterator[Figure]]
# In this order, whatever was chosen: `changed` changes the upstream of `first-load`, and a million rows come last.
PARTS: dict[str, Part] = {
    "first-load": first_load,
    "changed": changed,
    "screens": screens,
    "memory": memory,
    "unchanged": unchanged,
    "pages": pages,
    "lists": lists,
    "export": export,
}


def main() -> int:
    chosen = {name for name in os.environ.get("BENCH_ONLY", "").split(",") if name} or set(PARTS)
    if unknown := chosen - set(PARTS):
        print(f"There is no part {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}.", file=sys.stderr)
        return 1
    if reason := databases.why_not():
        print(reason, file=sys.stderr)
        return 1
    figures = measure([name for name in PARTS if name in chosen])
    text = f"{table(figures)}\n\n{machine.description()}\n"
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "table.md").write_text(text)
    print(text)
    return 0


def measure(names: Sequence[str]) -> list[Figure]:
    """The figures of these parts, in their order."""
    with ExitStack() as stack:
        bench = Bench(stack)
        figures = []
        for name in names:
            for figure in PARTS[name](bench):
                # What was measured is worth having, whatever a later part meets.
                bench.say(" | ".join((figure.name, figure.ours, figure.other, figure.ratio)))
                figures.append(figure)
        return figures


if __name__ == "__main__":
    sys.exit(main())
