"""One state of the database for everything a reader is shown at once: a pull that lands in between must not split a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def consistent_read() -> Iterator[None]:
    """Every query inside sees the same state, and nothing inside can write (on PostgreSQL it would be refused).

    SQLite gives this to any transaction. Inside a transaction that is already open, that one's state holds.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def consistent(view: Callable[P, R]) -> Callable[P, R]:
    """A view that reads, and renders, inside consistent_read()."""

    @wraps(view)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        with consistent_read():
            return view(*args, **kwargs)

    return reading
