"""The environment of the tests, set before Django reads its settings (pytest loads this first: `-p tests.environment`).

The suite runs once on SQLite, and once more, with FEEBOARD_TEST_ON=postgres, the part that touches the database.
Nothing of the developer's own .env or database gets in.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

ON_POSTGRES = os.environ.get("FEEBOARD_TEST_ON") == "postgres"
REQUIRE_SERVICES = os.environ.get("REQUIRE_SERVICES") == "1"
POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/feeboard")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")

# Of this process alone: two runs of the suite at the same time must not share a database.
_folder = Path(tempfile.mkdtemp(prefix="feeboard-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)

os.environ.update(
    FEEBOARD_ENV_FILE=os.devnull,
    SECRET_KEY="only for tests: " + "x" * 50,
    DATABASE_URL=POSTGRES_URL if ON_POSTGRES else f"sqlite:///{_folder / 'feeboard.sqlite3'}",
    HTTPS="off",
    PGOPTIONS="-c synchronous_commit=off",  # a test's database need not outlive a power cut
)
for name in (
    *("REDIS_URL", "FIELD_ENCRYPTION_KEYS", "DEBUG", "ALLOWED_HOSTS", "PULL_EVERY_SECONDS", "DEFAULT_TIME_ZONE"),
    *(
        "ALLOW_PRIVATE_UPSTREAM",
        "TRUST_X_FORWARDED_FOR",
        "FULL_SWEEP_AT",
        "REQUESTS_PER_MINUTE",
        "REQUESTS_PER_HOUR",
        "REQUESTS_PER_DAY",
        "API_REQUESTS_PER_MINUTE",
        "REAUTHENTICATE_AFTER_SECONDS",
        "MAIL_FROM",
        "OIDC_SERVER_URL",
        "OIDC_CLIENT_ID",
        "OIDC_CLIENT_SECRET",
        "OIDC_NAME",
    ),
):
    os.environ.pop(name, None)


def missing_postgres() -> str | None:
    """Why PostgreSQL cannot be used, or None."""
    place = urlsplit(POSTGRES_URL)
    try:
        psycopg.connect(POSTGRES_URL.replace(place.path, "/postgres"), connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return f"PostgreSQL does not answer at {place.hostname}:{place.port or 5432} (TEST_DATABASE_URL): {error}"
    return None


def missing_redis() -> str | None:
    """Why Redis cannot be used, or None."""
    try:
        with redis.Redis.from_url(REDIS_URL, socket_connect_timeout=3) as server:
            server.ping()
    except redis.RedisError as error:
        return f"Redis does not answer at {urlsplit(REDIS_URL).netloc} (TEST_REDIS_URL): {error}"
    return None


def chromium() -> str | None:
    """Where Chromium is, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def missing_chromium() -> str | None:
    """Why Chromium cannot be used, or None."""
    return None if chromium() else "Chromium is not on the PATH"


MISSING = {"postgres": missing_postgres, "redis": missing_redis, "chromium": missing_chromium}
