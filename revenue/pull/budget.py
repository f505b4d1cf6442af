"""How many requests may be sent with an API key in a minute, an hour and a day; all who pull with it share one count.

Debitura slides its minute, and does not say when its hours and days begin; ours begin with those of UTC. Its windows, as
long as ours, touch two of ours at most: with half of its limits, which is the default, none of them can overflow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, reduce
from operator import or_
from typing import Protocol, TypeVar, cast

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from redis.backoff import NoBackoff
from redis.retry import Retry

from partners.models import PartnerAccount
from revenue.models import RequestCount

log = logging.getLogger(__name__)

Result = TypeVar("Result")
MINUTE, HOUR, DAY = 60, 3600, 86400
# A pull waits for no answer of Redis longer than this (seconds): the database counts as well.
REDIS_PATIENCE = 2


class BudgetSpent(Exception):
    """The hour or the day is used up: no error, what is left to ask waits for a later pull.

    until: when that window ends (UTC). left: how many requests may be taken before then; fewer than were asked for.
    """

    kind = "budget_spent"

    def __init__(self, until: datetime, left: int) -> None:
        super().__init__(f"The budget of requests is used up until {until.day} {until:%b %Y, %H:%M} UTC.")
        self.until = until
        self.left = left


@dataclass(frozen=True, slots=True)
class Limits:
    """The most requests with one key."""

    minute: int
    hour: int
    day: int

    @classmethod
    def of_settings(cls) -> Limits:
        return cls(settings.REQUESTS_PER_MINUTE, settings.REQUESTS_PER_HOUR, settings.REQUESTS_PER_DAY)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which at most `limit` requests are sent."""

    start: datetime
    seconds: int
    limit: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)


def windows(now: datetime, limits: Limits) -> list[Window]:
    """The windows that hold `now`. The longest first, in which order everybody counts: nobody waits in a circle."""
    lengths = ((DAY, limits.day), (HOUR, limits.hour), (MINUTE, limits.minute))
    moment = int(now.timestamp())
    return [Window(datetime.fromtimestamp(moment - moment % length, UTC), length, limit) for length, limit in lengths]


def wait_after(refusal: Sequence[int], asked: Sequence[Window], requests: int, now: datetime) -> float:
    """Seconds until the minute ends, where it alone has no room; `refusal` is how many each window has counted.

    Raises BudgetSpent where a longer one has none.
    """
    rooms = [(window, max(window.limit - used, 0)) for window, used in zip(asked, refusal, strict=True)]
    longer = [(window, room) for window, room in rooms if window.seconds > MINUTE]
    full = [window.end for window, room in longer if room < requests]
    if full:
        raise BudgetSpent(until=max(full), left=min(room for _, room in longer))
    return (asked[-1].end - now).total_seconds()


class Counter(Protocol):
    """Counts the requests of a key in several windows at once."""

    def take(self, key: str, asked: Sequence[Window], requests: int) -> list[int] | None:
        """Count `requests` in every window, or in none where one has no room: then, how many each has counted."""

    def add(self, key: str, asked: Sequence[Window], requests: int) -> None:
        """Count `requests` whether there is room or not; below zero, they are taken off again."""


class Budget:
    """What one pull may ask with its key. Not for use inside a database transaction, nor by two threads at once."""

    def __init__(
        self,
        api_key: str,
        *,
        limits: Limits | None = None,
        counter: Counter | None = None,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        # The count must find a key again in another process, and tell nobody what the key is.
        self._key = salted_hmac("revenue.pull.budget", api_key, algorithm="sha256").hexdigest()
        self._limits = limits or Limits.of_settings()
        self._counter: Counter = counter or (RedisCounter(settings.REDIS_URL) if settings.REDIS_URL else TableCounter())
        self._now = now
        # When lots were taken, and how many of each may still be given back.
        self._lots: list[tuple[datetime, int]] = []

    @classmethod
    def of(cls, account: PartnerAccount) -> Budget:
        """The budget of the account's key. Raises UnreadableSecret."""
        return cls(account.api_key)

    def take(self, requests: int) -> float:
        """Count a lot of requests that are about to be sent, and return 0.0.

        Where only the minute is used up: count nothing and return the seconds after which to try again. Raises
        BudgetSpent, nothing counted, where the hour or the day is; ValueError for a lot that fits into no window.
        """
        if requests > min(self._limits.minute, self._limits.hour, self._limits.day):
            raise ValueError(f"A lot of {requests} requests never fits into {self._limits}.")
        now = self._now()
        asked = windows(now, self._limits)
        refusal = self._count(lambda counter: counter.take(self._key, asked, requests))
        if refusal is not None:
            return wait_after(refusal, asked, requests, now)
        self._lots.append((now, requests))
        return 0.0

    def give_back(self, requests: int) -> None:
        """Some that were taken were not sent: those taken last, in the windows that they were counted in."""
        while requests > 0 and self._lots:
            taken_at, lot = self._lots.pop()
            back = min(requests, lot)
            requests -= back
            if lot > back:
                self._lots.append((taken_at, lot - back))
            self._add(taken_at, -back)

    def count(self, requests: int) -> None:
        """Some were sent beyond those taken, such as retries; there is no stopping them any more."""
        if requests > 0:
            self._add(self._now(), requests)

    def _add(self, moment: datetime, requests: int) -> None:
        asked = windows(moment, self._limits)
        self._count(lambda counter: counter.add(self._key, asked, requests))

    def _count(self, work: Callable[[Counter], Result]) -> Result:
        """Without Redis the database counts for the rest of the pull: one that is gone must not slow every request."""
        try:
            return work(self._counter)
        except redis.RedisError as error:
            log.warning("Redis does not count requests, so the database does until the pull ends: %s", error)
            self._counter = TableCounter()
            return work(self._counter)


# --- By Redis ---------------------------------------------------------------------------------------

# KEYS: the windows. ARGV: the requests, then the windows' limits, then the seconds after which to forget each.
_TAKE = """
local used, full = {}, false
for i, key in ipairs(KEYS) do
  used[i] = tonumber(redis.call('GET', key) or 0)
  full = full or used[i] + ARGV[1] > tonumber(ARGV[1 + i])
end
if full then return used end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, used[i] + ARGV[1], 'EX', ARGV[1 + #KEYS + i])
end
return false
"""
_ADD = """
for i, key in ipairs(KEYS) do
  local used = tonumber(redis.call('GET', key) or 0) + ARGV[1]
  redis.call('SET', key, math.max(used, 0), 'EX', ARGV[1 + #KEYS + i])
end
return false
"""


class RedisCounter:
    """One script a call, which nothing can come in between; Redis forgets a window some time after its end."""

    def __init__(self, url: str) -> None:
        self._server = _server(url)

    def take(self, key: str, asked: Sequence[Window], requests: int) -> list[int] | None:
        return cast("list[int] | None", self._run(_TAKE, key, asked, requests))

    def add(self, key: str, asked: Sequence[Window], requests: int) -> None:
        self._run(_ADD, key, asked, requests)

    def _run(self, script: str, key: str, asked: Sequence[Window], requests: int) -> object:
        # The braces keep the windows of a key together where Redis is a cluster.
        names = [f"feeboard:requests:{{{key}}}:{window.seconds}:{window.start:%Y%m%dT%H%M}" for window in asked]
        limits = [window.limit for window in asked]
        lives = [2 * window.seconds for window in asked]
        return self._server.eval(script, len(names), *names, requests, *limits, *lives)


@cache
def _server(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_connect_timeout=REDIS_PATIENCE, socket_timeout=REDIS_PATIENCE, retry=Retry(NoBackoff(), 0)
    )


# --- By the database --------------------------------------------------------------------------------


class TableCounter:
    """A row a window; each call is one short transaction, whose locks are gone before anybody waits."""

    def __init__(self) -> None:
        self._has_tidied = False

    def take(self, key: str, asked: Sequence[Window], requests: int) -> list[int] | None:
        self._tidy(asked)
        with transaction.atomic(durable=True):
            self._open(key, asked)
            # The condition is part of the update: it holds for whatever others have counted in the meantime.
            fits = all(
                self._row(key, window).filter(used__lte=window.limit - requests).update(used=F("used") + requests)
                for window in asked
            )
            transaction.set_rollback(not fits)
        return None if fits else [self._used(key, window) for window in asked]

    def add(self, key: str, asked: Sequence[Window], requests: int) -> None:
        with transaction.atomic(durable=True):
            self._open(key, asked)
            for window in asked:
                self._row(key, window).update(used=Greatest(F("used") + requests, 0))

    def _tidy(self, asked: Sequence[Window]) -> None:
        """Once a pull: clear away the windows of all keys that are long over."""
        if self._has_tidied:
            return
        self._has_tidied = True
        over = (Q(seconds=window.seconds, start__lt=window.start - (window.end - window.start)) for window in asked)
        RequestCount.objects.filter(reduce(or_, over)).delete()

    def _open(self, key: str, asked: Sequence[Window]) -> None:
        rows = [RequestCount(key=key, seconds=window.seconds, start=window.start) for window in asked]
        RequestCount.objects.bulk_create(rows, ignore_conflicts=True)

    def _row(self, key: str, window: Window) -> QuerySet[RequestCount]:
        return RequestCount.objects.filter(key=key, seconds=window.seconds, start=window.start)

    def _used(self, key: str, window: Window) -> int:
        return self._row(key, window).values_list("used", flat=True).first() or 0
