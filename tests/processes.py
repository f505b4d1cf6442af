"""Real processes of Feeboard on the database of the tests, for what only a process can show: its death."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from tests import environment

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30


def database_url() -> str:
    """The database of the running tests, as DATABASE_URL."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(environment.POSTGRES_URL)._replace(path=f"/{name}").geturl()


def process_environment(**more: str) -> dict[str, str]:
    """What a process needs to open the database, and the secrets in it, of the tests."""
    names = ("SECRET_KEY", "FEEBOARD_ENV_FILE", "HTTPS", "PATH", "HOME", "TMPDIR", "LANG", "PGOPTIONS")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    place = {"DATABASE_URL": database_url(), "VAR_DIR_OF_TESTS": str(settings.VAR_DIR)}
    return kept | place | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONWARNINGS": "default"} | more


def start(*words: str, **more: str) -> subprocess.Popen[str]:
    """`python WORDS…` in a process group of its own, with pipes to it."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=process_environment(**more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """End a process and all it started at once, with no chance to clean up."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@contextmanager
def silent_server() -> Iterator[str]:
    """The address of a server that takes every connection and never answers; it hangs up at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The kernel takes the connections; nobody reads them.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Look until it has happened; fails after PATIENCE_SECONDS."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < give_up, f"waited in vain for: {what}"
        time.sleep(0.02)
