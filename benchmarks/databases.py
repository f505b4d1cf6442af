"""Databases that exist for one benchmark: on the PostgreSQL of the tests, or a file."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

SERVER = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/feeboard")


def why_not() -> str | None:
    """Why PostgreSQL cannot be used, or None."""
    place = urlsplit(SERVER)
    try:
        _connect().close()
    except psycopg.OperationalError as error:
        return f"PostgreSQL does not answer at {place.hostname}:{place.port or 5432} (TEST_DATABASE_URL): {error}"
    return None


def version() -> str:
    """The server's version, such as 15.20."""
    with _connect() as connection:
        return str(connection.info.parameter_status("server_version")).split()[0]


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database, which is dropped at the end."""
    name = f"feeboard_bench_{uuid.uuid4().hex[:10]}"
    _execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    finally:
        _execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """The URL of a file that is removed at the end."""
    file = folder / f"bench-{uuid.uuid4().hex[:10]}.sqlite3"
    try:
        yield f"sqlite:///{file}"
    finally:
        for part in folder.glob(f"{file.name}*"):
            part.unlink()


def settle(url: str) -> None:
    """VACUUM ANALYZE, which PostgreSQL would do by itself some time later: in the middle of a measurement."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _execute(statement: sql.Composed) -> None:
    with _connect() as connection:
        connection.execute(statement)


def _connect() -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(urlsplit(SERVER)._replace(path="/postgres").geturl(), autocommit=True, connect_timeout=3)
