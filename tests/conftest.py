"""What every test can use, and which tests run where (tests/environment.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches

from partners.models import PartnerAccount
from sandbox.server import SandboxServer
from sandbox.world import World
from tests import environment


def pytest_configure(config: pytest.Config) -> None:
    for service in environment.MISSING:
        config.addinivalue_line("markers", f"{service}: needs {service}; skipped, with the reason, where there is none")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what touches the database runs; what needs PostgreSQL runs only there."""
    unwanted = [item for item in items if not _belongs_here(item)]
    config.hook.pytest_deselected(items=unwanted)
    items[:] = [item for item in items if item not in set(unwanted)]


def _belongs_here(item: pytest.Item) -> bool:
    if environment.ON_POSTGRES:
        names = getattr(item, "fixturenames", ())
        touches = bool({"db", "transactional_db", "live_server"} & set(names)) or bool(
            item.get_closest_marker("django_db")
        )
        return touches and not item.get_closest_marker("chromium")
    return not item.get_closest_marker("postgres")


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


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    """Pages can be rendered without collecting static files first."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(autouse=True)
def _no_page_of_another_test() -> None:
    """What is rolled back may come again under the same ids."""
    caches["pages"].clear()


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
