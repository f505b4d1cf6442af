"""How often a token may ask: so many times in each minute of the clock (API_REQUESTS_PER_MINUTE).

The count is kept where all processes see it, in Redis, if there is one. Else each process counts for itself, so that
several allow as many times more: a count in the database would be a write for every read, and on SQLite that read would
have to wait for a pull.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import BaseCache, caches
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiToken

if TYPE_CHECKING:
    # The framework loads this file while it loads its views.
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds


class TokenRate(BaseThrottle):
    """Counts what comes with a token; sessions belong to people, who are slow."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        return _asked(request.auth.pk) <= settings.API_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        """Seconds until the next window begins: at least one, as a client that waits for none would be refused again."""
        return WINDOW - int(time.time()) % WINDOW


def _asked(token: int) -> int:
    """How often a token has asked in this window, this time included."""
    key = f"token-rate:{token}:{int(time.time()) // WINDOW}"
    try:
        return count(caches["rates"], key)
    except RedisError:
        # Figures are not to be had less often than Redis: until it is back, this process counts for itself.
        logger.warning("Redis does not answer; this process counts the requests of each token by itself.")
        return count(caches["default"], key)


def count(cache: BaseCache, key: str) -> int:
    """One more for `key`, also where several count at the same moment."""
    cache.add(key, 0, timeout=2 * WINDOW)
    try:
        return cache.incr(key)
    except ValueError:
        # A full cache has thrown the number away in between: it begins anew.
        return 1
