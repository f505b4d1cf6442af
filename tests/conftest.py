"""What every test can use, and which tests run where (tests/environment.py)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection

from accounts.audit import guard as audit_guard
from partners.models import PartnerAccount
from sandbox.server import SandboxServer
from sandbox.world import World
from tests import environment

# How many cases of a test have been seen.
TURNS = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "either: runs on one of the databases; SQLite and PostgreSQL take its cases in turns"
    )
    for service in environment.MISSING:
        config.addinivalue_line("markers", f"{service}: needs {service}; skipped, with the reason, where there is none")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what touches the database runs; what needs PostgreSQL runs only there; some take turns."""
    wanted = [item for item in items if _belongs_here(item) and _is_its_turn(item)]
    kept = set(wanted)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = wanted


def _belongs_here(item: pytest.Item) -> bool:
    if environment.ON_POSTGRES:
        return _touches_the_database(item) and not item.get_closest_marker("chromium")
    return not item.get_closest_marker("postgres")


def _touches_the_database(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return bool({"db", "transactional_db", "live_server"} & set(names)) or bool(item.get_closest_marker("django_db"))


def _is_its_turn(item: pytest.Item) -> bool:
    """Of the cases of a test that runs on either database, SQLite takes the first, PostgreSQL the second, and so on."""
    if not item.get_closest_marker("either"):
        return True
    if not _touches_the_database(item):
        raise pytest.UsageError(
            f"{item.nodeid} touches no database: PostgreSQL would never take its turn; not `either`"
        )
    turns = item.config.stash.setdefault(TURNS, Counter())
    test = item.nodeid.partition("[")[0]
    turns[test] += 1
    return (turns[test] % 2 == 0) == environment.ON_POSTGRES


@cache
def _missing(service: str) -> str | None:
    return environment.MISSING[service]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = {name for name in environment.MISSING if item.get_closest_marker(name)}
    for service in sorted(needed | ({"postgres"} if environment.ON_POSTGRES else set())):
        if reason := _missing(service):
            if environment.REQUIRE_SERVICES:
                pytest.fail(f"{reason}; REQUIRE_SERVICES=1 allows no skip", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, worker_id: str) -> None:
    """SQLite in a file, as it is used: threads and other processes must be able to open it too."""
    if not environment.ON_POSTGRES:
        folder = Path(settings.DATABASES["default"]["NAME"]).parent
        settings.DATABASES["default"]["TEST"]["NAME"] = str(folder / f"test_{worker_id}.sqlite3")


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    """TRUNCATE makes new files for every table and index, also for the empty ones: a hundred times what DELETE takes.

    Nothing but a test may take a line from the audit trail: for it, the table is open while it is emptied.
    """
    vendor, usual = connection.vendor, type(connection.ops).sql_flush

    def sql_flush(ops: Any, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        deletes = [f"DELETE FROM {ops.quote_name(table)}" for table in tables]
        emptied = deletes if environment.ON_POSTGRES else usual(ops, style, tables, **options)
        return [*audit_guard.unguard(vendor), *emptied, *audit_guard.guard(vendor)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(connection.ops), "sql_flush", sql_flush)
        yield


@pytest.fixture(autouse=True, scope="module")
def _vacuum(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """What a module wrote and rolled back stays in PostgreSQL's files, where it slows down all that comes after."""
    yield
    if environment.ON_POSTGRES:
        request.getfixturevalue("django_db_setup")
        with django_db_blocker.unblock():
            _vacuum_what_has_grown()


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """`with module_db.unblock():` saves rows that all tests of a module may read, and that are gone after it."""
    yield django_db_blocker
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)


def _vacuum_what_has_grown() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 2^20")
        for (table,) in cursor.fetchall():
            cursor.execute(f"VACUUM {table}")


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    """Pages can be rendered without collecting static files first."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """A hash that withstands guessing takes a third of a second."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nothing_kept_of_another_test() -> None:
    """What is rolled back may come again under the same ids."""
    for name in ("default", "pages", "rates", "walls"):
        caches[name].clear()


@pytest.fixture(autouse=True, scope="session")
def _own_var_dir(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings.VAR_DIR = tmp_path_factory.mktemp("var")


@pytest.fixture
def world() -> World:
    """An upstream with nothing in it yet."""
    return World.empty()


@pytest.fixture
def upstream(world: World) -> Iterator[SandboxServer]:
    """The world behind real HTTP."""
    with SandboxServer(world) as server:
        yield server


@pytest.fixture
def account(db: None, upstream: SandboxServer) -> PartnerAccount:
    """A partner account connected to `upstream`."""
    account = PartnerAccount(slug="acme", name="Acme Referrals", base_url=upstream.address)
    account.api_key = upstream.key
    account.save()
    return account


@pytest.fixture
def collecting(account: PartnerAccount, upstream: SandboxServer) -> PartnerAccount:
    """`account`, connected to the Collection Partner API of `upstream` as well."""
    account.collection_base_url, account.collection_key = upstream.address, upstream.collection_key
    account.lifecycle_path = "/cases/{id}/lifecycle"
    account.save()
    return account


os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs an event loop beside the tests
