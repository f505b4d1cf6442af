"""One pull an account at a time, by a lock that dies with its process: a dead pull blocks nobody."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from partners.models import PartnerAccount

# The first half of PostgreSQL's two-part advisory lock: "feeb" in ASCII, so that nobody else's locks meet ours.
NAMESPACE = 0x66656562


@contextmanager
def pull_lock(account: PartnerAccount) -> Iterator[bool]:
    """Yields True while this process alone may pull the account, False where another one is at it."""
    take = _advisory_lock if connection.vendor == "postgresql" else _file_lock
    with take(account) as taken:
        yield taken


def is_being_pulled(account: PartnerAccount) -> bool:
    """Whether a pull of the account is at work somewhere; a dead one is not.

    Only where a record says so is the lock tried: trying takes it for a moment, and a pull that begins just then gives up.
    """
    if not account.pulls.filter(status="running").exists():
        return False
    with pull_lock(account) as taken:
        return not taken


@contextmanager
def _advisory_lock(account: PartnerAccount) -> Iterator[bool]:
    """PostgreSQL gives the lock to the connection, and takes it back when that breaks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [NAMESPACE, account.pk])
        taken = bool(cursor.fetchone()[0])
    try:
        yield taken
    finally:
        if taken:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [NAMESPACE, account.pk])


@contextmanager
def _file_lock(account: PartnerAccount) -> Iterator[bool]:
    """With SQLite every process is on this machine: the kernel frees a lock on a file when its process ends."""
    folder = settings.VAR_DIR / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    database = hashlib.sha256(str(connection.settings_dict["NAME"]).encode()).hexdigest()[:12]
    with (folder / f"pull-{database}-{account.pk}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
