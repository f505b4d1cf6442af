"""dlt, measured: a fresh process, a database of its own, the fastest of the settings that its documentation names.

Tried with 100,000 rows: `insert_values` (its default), `csv` (COPY), `parquet` (ADBC); `delete-insert` and `upsert`;
buffers of 5,000 and 50,000 items; one process and two for `normalize`. A REST resource reads its pages one after the
other, so that latency is paid for every page; the only way around it is to split the list by hand into resources that
run in parallel.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import databases
from benchmarks.peers.environment import REQUIREMENTS, python_of
from benchmarks.processes import Failed, plain_environment, run
from benchmarks.standin.server import KEY
from benchmarks.upstream import Upstream

SCRIPT = Path(__file__).with_name("dlt_load.py")
NAME = REQUIREMENTS[0].replace("[postgres]==", " ")
BEST = {"file_format": "csv", "strategy": "delete-insert", "workers": 1, "buffer": 5000, "file_items": 10_000_000}


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds of extract, normalize and load, without the start of the process; peak memory in MB."""

    seconds: float
    peak_mb: float


def load(upstream: Upstream, folder: Path, *, shards: int = 1) -> Load:
    """Everything into an empty database, from `shards` resources side by side. Raises Failed where rows are missing."""
    home = folder / "dlt"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with databases.postgres() as url:
        place = urlsplit(url)
        host = f"{place.hostname}:{place.port or 5432}"
        settings = BEST | {
            "base_url": upstream.address,
            "key": KEY,
            "shards": shards,
            "home": str(home),
            # dlt refuses a URL without a password, also where the server asks for none.
            "database_url": f"postgresql://{place.username}:{place.password or 'none'}@{host}{place.path}",
        }
        done = run([python_of(folder), "-P", SCRIPT, json.dumps(settings)], plain_environment(), cwd=home)
    found = json.loads(done.stdout.splitlines()[-1])
    if found["rows"] != upstream.rows:
        raise Failed(f"dlt loaded {found['rows']} of {upstream.rows} rows.")
    return Load(found["seconds"], done.peak_mb)
