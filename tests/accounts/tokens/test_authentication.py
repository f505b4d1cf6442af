"""A token at the API's door: who gets in, what the others are told, and when it was last used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
SUMMARY = "/api/v1/summary"


@pytest.fixture(autouse=True)
def _account(db: None) -> None:
    make_account()


def ask(token: str) -> Any:
    return APIClient().get(SUMMARY, HTTP_AUTHORIZATION=f"Bearer {token}")


def last_used() -> datetime | None:
    return ApiToken.objects.get().last_used_at


def unknown(person: User) -> str:
    return "fb_unknown"


def nonsense(person: User) -> str:
    return "\u00e6\u00f8\u00e5 \u0000"


def expired(person: User) -> str:
    return ApiToken.issue(person, expires_at=NOW)


def revoked(person: User) -> str:
    token = ApiToken.issue(person)
    person.api_tokens.all().delete()
    return token


def of_somebody_deactivated(person: User) -> str:
    return ApiToken.issue(make_user(is_active=False))


@pytest.mark.parametrize("make", [unknown, nonsense, expired, revoked, of_somebody_deactivated])
@time_machine.travel(NOW, tick=False)
def test_tokens_that_let_nobody_in_are_answered_alike(make: Any) -> None:
    answer = ask(make(make_user()))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json() == {
        "error": {
            "code": "authentication_failed",
            "message": "This token is not valid. Make a new one in Feeboard: Profile, API tokens.",
        }
    }
    assert not ApiToken.objects.exclude(last_used_at=None).exists()


def test_token_works_until_it_expires() -> None:
    token = ApiToken.issue(make_user(), expires_at=NOW + timedelta(days=30))
    with time_machine.travel(NOW + timedelta(days=30, seconds=-1), tick=False) as clock:
        assert ask(token).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert ask(token).status_code == 401


def test_token_of_somebody_who_is_deactivated_ends_with_the_next_request() -> None:
    person = make_user()
    token = ApiToken.issue(person)
    assert ask(token).status_code == 200
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert ask(token).status_code == 401


def test_last_use_is_written_at_most_once_a_minute() -> None:
    token = ApiToken.issue(make_user())
    assert last_used() is None
    with time_machine.travel(NOW, tick=False) as clock:
        ask(token)
        assert last_used() == NOW
        clock.shift(timedelta(seconds=59))
        ask(token)
        assert last_used() == NOW
        clock.shift(timedelta(seconds=1))
        ask(token)
        assert last_used() == NOW + timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_last_use_waits_for_nobody_who_writes() -> None:
    token = ApiToken.issue(make_user())
    on_sqlite = connection.vendor == "sqlite"
    other = connection.copy()
    with other.cursor() as writer:
        writer.execute("BEGIN IMMEDIATE" if on_sqlite else "BEGIN")
        writer.execute("UPDATE accounts_user SET name = 'Otto'")
        # SQLite has one writer at a time: the use is noted by a later request.
        assert (ask(token).status_code, last_used() is None) == (200, on_sqlite)
        writer.execute("ROLLBACK")
    other.close()
    assert (ask(token).status_code, last_used() is None) == (200, False)
    if on_sqlite:
        # Other writes wait for each other as before.
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA busy_timeout").fetchone() == (60_000,)


@pytest.mark.django_db(transaction=True)
def test_tokens_from_before_they_had_scopes_keep_working() -> None:
    person = make_user()
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", "0002_client_seats")])
    try:
        old = executor.loader.project_state(("accounts", "0002_client_seats")).apps.get_model("accounts", "ApiToken")
        old.objects.create(user_id=person.pk, digest=ApiToken.digest_of("fb_old"))
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    kept = ApiToken.objects.get()
    assert (kept.name, kept.scopes, kept.expires_at) == ("made by command", ["read", "references"], None)
    assert ask("fb_old").status_code == 200
