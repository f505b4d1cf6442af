"""The documented rate limits, on a clock that the test moves."""

import pytest

from sandbox.limits import DAY, HOUR, RateLimits
from sandbox.world import World


class Clock:
    """Seconds since 1970; begins at a full day."""

    def __init__(self) -> None:
        self.now = 20_000.0 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def passed(limits, count):
    return sum(limits.wait() is None for _ in range(count))


def test_documented_minute_slides(clock):
    limits = RateLimits.documented(clock=clock)
    assert passed(limits, 1_000) == 1_000
    clock.now += 40
    assert passed(limits, 1_500) == 1_000
    assert limits.wait() == 20
    clock.now += 20
    assert passed(limits, 1_500) == 1_000
    assert limits.wait() == 40


def test_documented_hour_is_a_fixed_window(clock):
    limits = RateLimits.documented(clock=clock)
    for _ in range(10):
        assert passed(limits, 2_000) == 2_000
        clock.now += 60
    assert limits.wait() == HOUR - 600
    clock.now += HOUR - 600
    assert limits.wait() is None


def test_documented_day_is_a_fixed_window(clock):
    limits = RateLimits.documented(clock=clock)
    for _ in range(5):
        for _ in range(10):
            assert passed(limits, 2_000) == 2_000
            clock.now += 60
        clock.now += HOUR - 600
    assert limits.wait() == DAY - 5 * HOUR
    clock.now += DAY - 5 * HOUR
    assert limits.wait() is None


def test_refused_requests_are_not_counted(clock):
    limits = RateLimits(2, 3, 0, clock=clock)
    assert [limits.wait() for _ in range(4)] == [None, None, 60, 60]
    clock.now += 60
    assert [limits.wait() for _ in range(2)] == [None, HOUR - 60]


def test_wait_told_is_long_enough(clock):
    limits = RateLimits(1, 0, 0, clock=clock)
    clock.now += 0.12345678
    limits.wait()
    clock.now += 0.87654321
    clock.now += limits.wait()
    assert limits.wait() is None


def test_server_over_the_limit_answers_429_with_the_wait_in_the_body(serve, clock):
    caller = serve(World.empty(), limits=RateLimits(1, 0, 0, clock=clock))
    caller.get("/me")
    clock.now += 18
    answer = caller.get("/me")
    assert answer.status == 429
    assert answer.json == {
        "error": "rate_limit_exceeded",
        "message": "Too many requests. Try again in 42 seconds.",
        "retryAfter": 42,
    }
    assert "Retry-After" not in answer.headers


def test_server_does_not_count_requests_with_a_wrong_key(serve, clock):
    caller = serve(World.empty(), limits=RateLimits(1, 0, 0, clock=clock))
    assert [caller.get("/me", key="wrong").status, caller.get("/me").status] == [401, 200]
