"""Probes for whoever runs Feeboard: is it alive, and can it serve? They tell states, never errors' texts."""

from __future__ import annotations

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from revenue.models import PullRun

BROKER_TIMEOUT_SECONDS = 2.0


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether the database and, where one is set, the broker answer; and the age of the last good pull in seconds.

    An old pull makes nothing unready: what it brought can still be shown.
    """
    age, database = _last_good_pull_age()
    state: dict[str, object] = {"database": _word(database)}
    if settings.REDIS_URL:
        state["broker"] = _word(_broker_answers())
    state["last_good_pull_age_seconds"] = age
    return JsonResponse(state, status=503 if "failed" in state.values() else 200)


def _word(answers: bool) -> str:
    return "ok" if answers else "failed"


def _last_good_pull_age() -> tuple[int | None, bool]:
    """The age in seconds, None where nothing was published yet; and whether the database answered."""
    try:
        as_of = PullRun.objects.aggregate(latest=Max("as_of"))["latest"]
    except DatabaseError:
        connection.close()
        return None, False
    return None if as_of is None else int((timezone.now() - as_of).total_seconds()), True


def _broker_answers() -> bool:
    broker = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=BROKER_TIMEOUT_SECONDS, socket_timeout=BROKER_TIMEOUT_SECONDS
    )
    try:
        return bool(broker.ping())
    except redis.RedisError:
        return False
    finally:
        broker.close()
