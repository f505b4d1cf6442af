"""The documented rate limits: 2,000 requests in any 60 seconds, 20,000 in an hour, 100,000 in a day."""

import math
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

MINUTE, HOUR, DAY = 60, 3600, 86_400


class RateLimits:
    """Counts the requests of one key: a sliding minute, a fixed hour and a fixed day; 0 = no limit.

    `clock` tells seconds since 1970; hours and days begin where UTC's do. A refused request is not counted.
    """

    def __init__(self, per_minute: int, per_hour: int, per_day: int, *, clock: Callable[[], float] = time.time) -> None:
        self.per_minute = per_minute
        self.fixed = {HOUR: per_hour, DAY: per_day}
        self.clock = clock
        self._recent: deque[float] = deque()
        self._counted = {HOUR: (0, 0), DAY: (0, 0)}
        self._lock = Lock()

    @classmethod
    def documented(cls, *, clock: Callable[[], float] = time.time) -> "RateLimits":
        return cls(2_000, 20_000, 100_000, clock=clock)

    @classmethod
    def none(cls) -> "RateLimits":
        return cls(0, 0, 0)

    def wait(self) -> float | None:
        """Count a request now: None lets it pass, else the seconds until one would."""
        with self._lock:
            now = self.clock()
            waits = [self._sliding_wait(now), *(self._fixed_wait(now, length) for length in self.fixed)]
            longest = max(waits)
            if longest > 0:
                return math.ceil(longest * 1000) / 1000
            self._count(now)
            return None

    def _sliding_wait(self, now: float) -> float:
        while self._recent and self._recent[0] <= now - MINUTE:
            self._recent.popleft()
        if not self.per_minute or len(self._recent) < self.per_minute:
            return 0
        return self._recent[-self.per_minute] + MINUTE - now

    def _fixed_wait(self, now: float, length: int) -> float:
        window, used = self._counted[length]
        current = int(now // length)
        if not self.fixed[length] or window != current or used < self.fixed[length]:
            return 0
        return (current + 1) * length - now

    def _count(self, now: float) -> None:
        if self.per_minute:
            self._recent.append(now)
        for length in self.fixed:
            window, used = self._counted[length]
            current = int(now // length)
            self._counted[length] = (current, used + 1 if window == current else 1)
