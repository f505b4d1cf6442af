"""What the clients of Debitura's APIs share: one key at one address, and calls of as many requests as an answer takes."""

import random as dice
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import ClassVar, Self, TypeVar

from .address import checked_base_url, checked_key
from .errors import DebituraError, RateLimited
from .refusals import refusal
from .retry import DEFAULT_RETRY, Past, Retry, RetryPolicy, decide
from .transport import DEFAULT_TIMEOUTS, Request, Timeouts, Transport

Result = TypeVar("Result")
SHORTEST_REQUEST = 1.0


class ApiClient:
    """A context manager around one kept-alive session; use it from one thread, one client a thread.

    Every call returns whole, typed answers or raises a DebituraError. What passes by itself is asked again
    within `retry`, unless it changes something; every request is bounded by `timeouts`; neither errors nor repr()
    ever hold the key.

    Args:
        base_url: https, or http on this very machine; else InsecureAddress.
        api_key: sent as the header XApiKey; UnusableKey where no header can carry it.
        allow_private: also send it to machines that are not on the public Internet; else the call raises
            InsecureAddress. This very machine, written into the base URL as such, needs no leave.
        timeouts, retry: those of the class where none are given.
        before_request: called before every HTTP request, retries included; what it raises passes through.
        sleep, monotonic, random: seconds to wait, a clock in seconds, a draw from 0 to 1.

    Attributes:
        requests: HTTP requests sent so far, retries included.
        retries: how many of those repeated a failed one.
        before_request: the hook, which may be set later, too.
    """

    TIMEOUTS: ClassVar[Timeouts] = DEFAULT_TIMEOUTS
    RETRY: ClassVar[RetryPolicy] = DEFAULT_RETRY

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        allow_private: bool = False,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        before_request: Callable[[], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = dice.random,
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._key = checked_key(api_key)
        self._transport = Transport(self._base_url, self._key, timeouts or self.TIMEOUTS, allow_private=allow_private)
        self._retry = retry or self.RETRY
        self.before_request = before_request
        self._sleep = sleep
        self._monotonic = monotonic
        self._random = random
        self.requests = 0
        self.retries = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept-alive connection."""
        self._transport.close()

    def _call(self, request: Request, read: Callable[[bytes], Result], retry: RetryPolicy | None = None) -> Result:
        """One logical call: as many requests as it takes and the policy (the client's own by default) allows.

        One that changes something is sent once.
        """
        policy = retry or self._retry
        started = self._monotonic()
        failures = rate_limits = 0
        while True:
            try:
                left = policy.overall - (self._monotonic() - started)
                return read(self._answer(request, max(left, SHORTEST_REQUEST)))
            except DebituraError as error:
                if not request.is_repeatable:
                    raise
                rate_limits += isinstance(error, RateLimited)
                failures += not isinstance(error, RateLimited)
                wait = self._wait(error, Past(failures, rate_limits, self._monotonic() - started), policy)
            self._sleep(wait)
            self.retries += 1

    def _wait(self, error: DebituraError, past: Past, policy: RetryPolicy) -> float:
        """Seconds until the next try; raises the error where there is none."""
        decision = decide(error, past, policy, self._random())
        if isinstance(decision, Retry):
            return decision.wait
        if decision.reason:
            error.add_reason(decision.reason)
        raise error

    def _answer(self, request: Request, seconds: float) -> bytes:
        if self.before_request is not None:
            self.before_request()
        self.requests += 1
        answer = self._transport.send(request, seconds=seconds)
        if answer.status not in request.fine:
            raise refusal(answer, self._key, datetime.now(UTC), request.unknown)
        return answer.body
