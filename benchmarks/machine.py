"""What the figures were measured with."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import django
import psycopg

from benchmarks import databases
from benchmarks.peers import dlt

BYTES_PER_GIB = 2**30


def description() -> str:
    """A sentence for below the table."""
    parts = (
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{os.cpu_count()} × {_processor()}, {_memory_gib():.0f} GiB",
        f"Linux {platform.release().split('-')[0]}",
        f"Python {platform.python_version()}",
        f"Django {django.__version__}",
        f"psycopg {psycopg.__version__}",
        f"PostgreSQL {databases.version()}",
        f"SQLite {sqlite3.sqlite_version}",
        dlt.NAME,
    )
    return "; ".join(parts)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / BYTES_PER_GIB
