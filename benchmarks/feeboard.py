"""A Feeboard with a database of its own, used the way people use it: by its commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.processes import ROOT, Done, plain_environment, run
from benchmarks.standin.server import KEY
from benchmarks.upstream import Upstream

# The provider's limits are no part of how fast we are.
NO_BUDGET = {f"REQUESTS_PER_{span}": "100000000" for span in ("MINUTE", "HOUR", "DAY")}
EMAIL = "bench@feeboard.example"


@dataclass(frozen=True, slots=True)
class Pull:
    """One `sync`: `seconds` are its own, without the start of the process; `requests` as the upstream counted them."""

    seconds: float
    requests: int
    peak_mb: float
    ties_out: bool
    rows: Mapping[str, int]


class Feeboard:
    """Commands and scripts over one database."""

    def __init__(self, database_url: str) -> None:
        self.env = plain_environment(
            FEEBOARD_ENV_FILE="/dev/null",
            DATABASE_URL=database_url,
            SECRET_KEY="only for benchmarks: " + "x" * 50,
            HTTPS="off",
            DJANGO_SETTINGS_MODULE="config.settings",
            PYTHONPATH=str(ROOT),
            **NO_BUDGET,
        )
        self.manage("migrate", "--verbosity=0")

    def manage(self, *words: str, expected: tuple[int, ...] = (0,), **more: str) -> Done:
        """`manage.py WORDS…`; raises processes.Failed."""
        return run([sys.executable, "manage.py", *words], self.env | more, expected=expected)

    def inside(self, script: str, *words: str) -> dict[str, Any]:
        """The JSON that `benchmarks/inside/<script>.py` prints when run in a process of its own."""
        done = run([sys.executable, "-m", f"benchmarks.inside.{script}", *words], self.env)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found | {"peak_mb": done.peak_mb}

    def connect(self, upstream: Upstream) -> None:
        """Connect the account to `upstream`; the check costs a request."""
        self.manage(
            "connect_partner",
            "--slug=bench",
            "--name=Bench",
            f"--base-url={upstream.address}",
            "--api-key-env=BENCH_KEY",
            BENCH_KEY=KEY,
        )
        upstream.take_requests()

    def add_person(self) -> None:
        """Somebody who can sign in."""
        words = ("createsuperuser", "--noinput", f"--email={EMAIL}", "--verbosity=0")
        self.manage(*words, DJANGO_SUPERUSER_PASSWORD="benchmarks-need-one")

    def sync(self, upstream: Upstream, *words: str) -> Pull:
        """One pull. That it does not tie out (3) is a result, too."""
        upstream.take_requests()
        done = self.manage("sync", "--json", *words, expected=(0, 3))
        report = json.loads(done.stdout)
        return Pull(
            seconds=report["seconds"],
            requests=upstream.take_requests(),
            peak_mb=done.peak_mb,
            ties_out=report["ties_out"],
            rows=report["transactions"],
        )
