"""How long somebody may be kept waiting for a write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection


class Busy(Exception):
    """Somebody else was writing, such as a pull, for longer than whoever asked may be kept waiting: nothing was written."""


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Writes inside wait for another writer no longer than this. Raises Busy. Not inside a transaction.

    SQLite has one writer at a time, and a pull may take a minute to publish. PostgreSQL makes a write wait for one of the same
    row alone, which takes a moment here.
    """
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    [patience] = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    connection.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
    try:
        yield
    except OperationalError as error:
        if "locked" not in str(error):
            raise
        raise Busy("A pull is being written at this moment.") from error
    finally:
        connection.connection.execute(f"PRAGMA busy_timeout = {patience}")
