"""How often a token may ask, counted in one process, in Redis, and without the Redis that should be there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from rest_framework.test import APIClient

from accounts.models import ApiToken
from accounts.tokens.rate import count
from tests import environment
from tests.factories import make_user, sign_in_now

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, 20, tzinfo=UTC)
# No such address: the least that a token can ask for.
ADDRESS = "/api/v1/nothing"
REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.fixture(autouse=True)
def _three_a_minute(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3


def counting_at(address: str) -> dict[str, Any]:
    """The caches of the settings, with the counts in Redis, apart from those of every other test."""
    rates = {"BACKEND": REDIS, "LOCATION": address, "KEY_PREFIX": f"tests-{uuid4()}"}
    return django_settings.CACHES | {"rates": rates}


def caller() -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {ApiToken.issue(make_user())}")


def statuses(api: APIClient, times: int) -> list[int]:
    return [api.get(ADDRESS).status_code for _ in range(times)]


def test_token_that_asks_too_often_is_told_when_to_come_back() -> None:
    api = caller()
    with time_machine.travel(NOW, tick=False) as clock:
        assert statuses(api, 3) == [404, 404, 404]
        answer = api.get(ADDRESS)
        assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (429, "40", "private, no-store")
        assert answer.json() == {
            "error": {"code": "throttled", "message": "Request was throttled. Expected available in 40 seconds."}
        }
        clock.shift(timedelta(seconds=39))
        assert (api.get(ADDRESS).status_code, api.get(ADDRESS)["Retry-After"]) == (429, "1")
        clock.shift(timedelta(seconds=1))
        assert statuses(api, 4) == [404, 404, 404, 429]


@time_machine.travel(NOW, tick=False)
def test_tokens_and_sessions_do_not_wait_for_each_other() -> None:
    person = make_user()
    one, other = (APIClient(HTTP_AUTHORIZATION=f"Bearer {ApiToken.issue(person)}") for _ in range(2))
    assert (statuses(one, 4), statuses(other, 3)) == ([404, 404, 404, 429], [404, 404, 404])
    session = APIClient()
    sign_in_now(session, person)
    assert statuses(session, 5) == [404] * 5


@pytest.mark.redis
@time_machine.travel(NOW, tick=False)
def test_processes_count_together_in_redis(settings: Any) -> None:
    settings.CACHES = counting_at(environment.REDIS_URL)
    api = caller()
    assert statuses(api, 2) == [404, 404]
    # Another process, which has nothing in its memory.
    settings.CACHES = settings.CACHES | {}
    assert statuses(api, 2) == [404, 429]


@pytest.mark.redis
def test_many_at_once_are_all_counted(settings: Any) -> None:
    settings.CACHES = counting_at(environment.REDIS_URL)
    cache = caches["rates"]
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: count(cache, "many"), range(200)))
    assert sorted(counts) == list(range(1, 201))


def test_count_that_a_full_cache_has_thrown_away_begins_anew() -> None:
    class Full(LocMemCache):
        def add(self, *args: Any, **options: Any) -> bool:
            return False

    assert count(Full("full", {}), "gone") == 1


@time_machine.travel(NOW, tick=False)
def test_process_counts_for_itself_while_redis_does_not_answer(settings: Any, caplog: Any) -> None:
    settings.CACHES = counting_at("redis://127.0.0.1:9/0")
    caches["default"].clear()
    assert statuses(caller(), 4) == [404, 404, 404, 429]
    assert {record.message for record in caplog.records if record.name == "accounts.tokens.rate"} == {
        "Redis does not answer; this process counts the requests of each token by itself."
    }
    caches["default"].clear()
