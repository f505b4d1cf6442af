"""Probes for whoever runs Feeboard: is it alive, and can it serve? They tell states, never errors' texts."""

from __future__ import annotations

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from partners.models import PartnerAccount

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
    """Whether the database and, where one is set, the broker answer; and how old the oldest figures shown are.

    `last_good_pull_age_seconds` is that of the account whose last good pull is the oldest, so that one account that
    stands still does not hide behind the others; null where no account was pulled yet. `accounts_without_a_pull` counts
    those that never were. Both are null where the database does not answer.

    An old pull makes nothing unready: what it brought can still be shown.
    """
    pulls = _pulls()
    state: dict[str, object] = {"database": _word(pulls is not None)}
    if settings.REDIS_URL:
        state["broker"] = _word(_broker_answers())
    state |= pulls or {"last_good_pull_age_seconds": None, "accounts_without_a_pull": None}
    return JsonResponse(state, status=503 if "failed" in state.values() else 200)


def _word(answers: bool) -> str:
    return "ok" if answers else "failed"


def _pulls() -> dict[str, int | None] | None:
    """How the accounts stand, as readyz tells it; None where the database does not answer."""
    try:
        latest = list(PartnerAccount.objects.order_by().annotate(latest=Max("pulls__as_of")).values_list("latest"))
    except Error:
        connection.close()
        return None
    pulled = [as_of for (as_of,) in latest if as_of is not None]
    age = int((timezone.now() - min(pulled)).total_seconds()) if pulled else None
    return {"last_good_pull_age_seconds": age, "accounts_without_a_pull": len(latest) - len(pulled)}


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
