"""Writes that nobody is to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection


@contextmanager
def without_waiting() -> Iterator[None]:
    """A write that is left out while somebody else is writing: SQLite has one writer at a time, and a pull may take seconds.

    PostgreSQL makes a write wait for one of the same row alone, which here takes a moment.
    """
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    [patience] = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    connection.connection.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    except OperationalError as error:
        if "locked" not in str(error):
            raise
    finally:
        connection.connection.execute(f"PRAGMA busy_timeout = {patience}")
