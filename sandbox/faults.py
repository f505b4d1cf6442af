"""What can go wrong, when: reading a fault specification and deciding for each request.

    spec  := fault ("," fault)*
    fault := [path "/"] kind ["!"] ["=" value] [":" when]
    when  := probability | "@" N | "@" N "-" | "x" N

`500:0.1` fails one request in ten, `500:@3` only the third, `500:@3-` the third and all later ones, `500:x2`
the next two, plain `500` every one. `transactions/500:@3` means the third request of that path. `429=2` and
`slow=5` give a number of seconds. Requests are counted from the moment the faults are set; of several faults
the first that fires wins.

`start/500!` does the work first and loses its answer after that, where `start/500` leaves a case as it was; so with
`close!`. Faults that break or delay the real answer (reset, truncate, slow, drip) come after the work in any case.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from threading import Lock

from sandbox.routes import ROUTES

PATHS = tuple(route.name for route in ROUTES)
KINDS: dict[str, str] = {
    "401": "key rejected",
    "403": "forbidden",
    "404": "not found",
    "429": "rate limited; value: seconds in the body's retryAfter (default 1)",
    "429header": "rate limited; value: seconds in a Retry-After header, no body field (default 1)",
    "429bare": "rate limited, no word of how long",
    "500": "server error, JSON body",
    "502": "bad gateway, HTML body",
    "503": "unavailable, HTML body",
    "504": "gateway time-out, HTML body",
    "reset": "connection reset in the middle of the answer",
    "close": "connection closed without an answer",
    "truncate": "half of the announced body",
    "html": "a proxy's HTML page with status 200",
    "garbage": "broken JSON with status 200",
    "slow": "a pause before the answer; value: seconds (default 2)",
    "drip": "the body in small pieces; value: seconds in total (default 3)",
    "empty": "200 with no rows and all totals 0",
    "short": "half a page, with totals as if it were whole",
    "badrow": "one unreadable row: in turn a bad UUID, no date, a NaN amount",
    "baduuid": "one row whose id is no UUID",
    "nodate": "one row without a date",
    "nan": "one row whose amounts are NaN",
    "unknownstatus": "one row with a status that nobody knows",
    "nopage": "the page member is missing",
    "pagedata": "the page member is called pageData",
    "nosummary": "the summary member is missing",
    "nodisputed": "the summary has no disputed pair",
    "dup": "the first row once more in the place of the last, as when rows move while one pages",
    "newfields": "fields that no documentation mentions",
}
_FAULT = re.compile(
    r"(?:(?P<path>[a-z]+)/)?(?P<kind>\w+)(?P<late>!)?(?:=(?P<value>\d+(?:\.\d+)?))?"
    r"(?::(?:@(?P<first>\d+)(?P<on>-)?|x(?P<next>\d+)|(?P<chance>[01]?\.?\d*)))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail: requests `first` to `last` (None: no end), each with probability `chance`; `late`: after the work."""

    kind: str
    path: str | None = None
    value: float | None = None
    chance: float = 1.0
    first: int = 1
    last: int | None = None
    late: bool = False

    def seconds(self, default: float) -> float:
        return default if self.value is None else self.value

    def due(self, number: int) -> bool:
        return self.first <= number and (self.last is None or number <= self.last)


def parse(spec: str) -> tuple[Fault, ...]:
    """Raises ValueError with a sentence that lists the kinds for a specification that cannot be read."""
    return tuple(_fault(part.strip()) for part in spec.split(",") if part.strip())


def _fault(text: str) -> Fault:
    match = _FAULT.fullmatch(text)
    if match is None or match["chance"] in ("", "."):
        raise ValueError(f"Cannot read the fault {text!r}. {usage()}")
    if match["kind"] not in KINDS:
        raise ValueError(f"Unknown fault {match['kind']!r}. {usage()}")
    if match["path"] not in (None, *PATHS):
        raise ValueError(f"Unknown path {match['path']!r} in {text!r}; one of {', '.join(PATHS)}.")
    chance = float(match["chance"] or 1)
    first, last = _span(match)
    if chance > 1 or first < 1 or last == 0:
        raise ValueError(f"Cannot read the fault {text!r}: a probability is 0 to 1, and requests count from 1.")
    value = None if match["value"] is None else float(match["value"])
    return Fault(match["kind"], match["path"], value, chance, first, last, late=bool(match["late"]))


def _span(match: re.Match[str]) -> tuple[int, int | None]:
    if match["first"]:
        first = int(match["first"])
        return first, None if match["on"] else first
    return 1, int(match["next"]) if match["next"] else None


def usage() -> str:
    return (
        "Write [path/]kind[!][=value][:probability | :@N | :@N- | :xN], separated by commas; ! strikes after the work. "
        f"Kinds: {', '.join(KINDS)}. Paths: {', '.join(PATHS)}."
    )


class FaultPlan:
    """Decides which fault, if any, strikes each request; the same for the same faults, seed and requests."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self.faults = tuple(faults)
        self.seed = seed
        self._counts: Counter[str | None] = Counter()
        self._lock = Lock()

    def pick(self, path: str) -> tuple[Fault, int] | None:
        """The fault for the next request of `path` (one of PATHS) and that request's number, or None."""
        with self._lock:
            self._counts.update((None, path))
            counts = {None: self._counts[None], path: self._counts[path]}
        return next(self._striking(counts), None)

    def _striking(self, counts: dict[str | None, int]) -> Iterator[tuple[Fault, int]]:
        for index, fault in enumerate(self.faults):
            number = counts.get(fault.path, 0)
            if number and fault.due(number) and self._dice(index, number) < fault.chance:
                yield fault, number

    def _dice(self, index: int, number: int) -> float:
        return Random(f"{self.seed}/{index}/{number}").random()
