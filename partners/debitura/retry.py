"""Whether a failed request is made again, and after how long. Pure: no clock, no dice, no sleeping."""

from dataclasses import dataclass

from .errors import DebituraError, RateLimited


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The bounds of one logical call.

    tries: requests made at most for one answer, 429s not counted.
    base, cap: seconds; the n-th backoff is drawn from 0 to min(cap, base × 2^(n−1)).
    rate_limit_waits: how many 429s are waited for.
    longest_wait: seconds; a 429 asking for more is not waited for.
    overall: seconds for everything together, requests and waits.
    """

    tries: int = 5
    base: float = 0.5
    cap: float = 30.0
    rate_limit_waits: int = 5
    longest_wait: float = 120.0
    overall: float = 300.0


DEFAULT_RETRY = RetryPolicy()
# For what a pull can do without: whoever waits for figures must not wait long for it.
FOR_EXTRAS = RetryPolicy(tries=3, cap=5.0, rate_limit_waits=1, longest_wait=60.0, overall=60.0)


@dataclass(frozen=True, slots=True)
class Past:
    """What one logical call has been through, the failure at hand included; `elapsed` in seconds."""

    failures: int = 0
    rate_limits: int = 0
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `wait` seconds."""

    wait: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Raise the error; `reason` is a sentence for its text, "" where the error speaks for itself."""

    reason: str = ""


def decide(error: DebituraError, past: Past, policy: RetryPolicy, draw: float) -> Retry | GiveUp:
    """What to do about `error`; `draw`, from 0 to 1, is the jitter that keeps clients out of step."""
    if not error.retryable:
        return GiveUp()
    if isinstance(error, RateLimited):
        choice = _after_rate_limit(error, past, policy, draw)
    else:
        choice = _after_failure(past, policy, draw)
    if isinstance(choice, Retry) and past.elapsed + choice.wait > policy.overall:
        return GiveUp(f"Gave up: another try would take the call past {policy.overall:g} seconds.")
    return choice


def _after_failure(past: Past, policy: RetryPolicy, draw: float) -> Retry | GiveUp:
    if past.failures >= policy.tries:
        return GiveUp(f"Gave up after {past.failures} tries." if past.failures > 1 else "")
    return Retry(backoff(past.failures, policy, draw))


def _after_rate_limit(error: RateLimited, past: Past, policy: RetryPolicy, draw: float) -> Retry | GiveUp:
    if past.rate_limits > policy.rate_limit_waits:
        return GiveUp(f"Gave up after {policy.rate_limit_waits} waits." if policy.rate_limit_waits else "")
    if error.retry_after is None:
        return Retry(backoff(past.rate_limits, policy, draw))
    if error.retry_after > policy.longest_wait:
        return GiveUp()
    return Retry(error.retry_after)


def backoff(failures: int, policy: RetryPolicy, draw: float) -> float:
    """Seconds to wait after the n-th failure: exponential with full jitter."""
    exponent = min(max(failures - 1, 0), 60)
    return float(draw * min(policy.cap, policy.base * 2**exponent))
