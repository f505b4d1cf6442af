"""Whether to try again, and after how long: a table, no clock and no sleeping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.debitura.errors import (
    BadRequest,
    InsecureAddress,
    Malformed,
    NotFound,
    RateLimited,
    Redirected,
    ServerFailed,
    Unauthorized,
    Unreachable,
    UnusableKey,
)
from partners.debitura.retry import GiveUp, Past, Retry, RetryPolicy, backoff, decide

POLICY = RetryPolicy(tries=3, base=0.5, cap=4.0, rate_limit_waits=2, longest_wait=120.0, overall=300.0)


@pytest.mark.parametrize(
    ("error", "past", "decision"),
    [
        (ServerFailed("x", status=500), Past(failures=1), Retry(0.5)),
        (ServerFailed("x", status=502), Past(failures=1), Retry(0.5)),
        (ServerFailed("x", status=503), Past(failures=2), Retry(1.0)),
        (ServerFailed("x", status=504), Past(failures=3), GiveUp("Gave up after 3 tries.")),
        (ServerFailed("x", status=501), Past(failures=1), GiveUp()),
        (Unreachable("x"), Past(failures=1), Retry(0.5)),
        (Malformed("x"), Past(failures=1), Retry(0.5)),
        (
            Malformed("x"),
            Past(failures=1, elapsed=299.6),
            GiveUp("Gave up: another try would take the call past 300 seconds."),
        ),
        (Unauthorized("x", status=401), Past(failures=1), GiveUp()),
        (Unauthorized("x", status=403), Past(failures=1), GiveUp()),
        (BadRequest("x", status=400), Past(failures=1), GiveUp()),
        (NotFound("x", status=404), Past(failures=1), GiveUp()),
        (Redirected("x", status=302), Past(failures=1), GiveUp()),
        (InsecureAddress("x"), Past(failures=1), GiveUp()),
        (UnusableKey("x"), Past(failures=1), GiveUp()),
        (RateLimited("x", retry_after=42.0), Past(rate_limits=1), Retry(42.0)),
        (RateLimited("x", retry_after=42.0), Past(failures=2, rate_limits=2), Retry(42.0)),
        (RateLimited("x", retry_after=42.0), Past(rate_limits=3), GiveUp("Gave up after 2 waits.")),
        (RateLimited("x", retry_after=0.0), Past(rate_limits=1), Retry(0.0)),
        (RateLimited("x", retry_after=120.0), Past(rate_limits=1), Retry(120.0)),
        (RateLimited("x", retry_after=120.1), Past(rate_limits=1), GiveUp()),
        (RateLimited("x"), Past(rate_limits=2), Retry(1.0)),
        (
            RateLimited("x", retry_after=100.0),
            Past(rate_limits=1, elapsed=201.0),
            GiveUp("Gave up: another try would take the call past 300 seconds."),
        ),
    ],
)
def test_decision(error, past, decision):
    assert decide(error, past, POLICY, 1.0) == decision


def test_single_try_gives_up_without_a_reason():
    assert decide(Unreachable("x"), Past(failures=1), RetryPolicy(tries=1), 1.0) == GiveUp()
    without_waits = RetryPolicy(rate_limit_waits=0)
    assert decide(RateLimited("x", retry_after=1.0), Past(rate_limits=1), without_waits, 1.0) == GiveUp()


@pytest.mark.parametrize(
    ("failures", "draw", "wait"),
    [
        (1, 1.0, 0.5),
        (2, 1.0, 1.0),
        (3, 1.0, 2.0),
        (4, 1.0, 4.0),
        (5, 1.0, 4.0),
        (10_000, 1.0, 4.0),
        (3, 0.25, 0.5),
        (3, 0.0, 0.0),
    ],
)
def test_backoff_doubles_to_the_cap_with_full_jitter(failures, draw, wait):
    assert backoff(failures, POLICY, draw) == wait


@given(
    st.integers(1, 100),
    st.integers(0, 100),
    st.floats(0, 1000),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(0, 1e9)),
)
def test_waits_never_pass_the_bounds(failures, rate_limits, elapsed, draw, retry_after):
    past = Past(failures, rate_limits, elapsed)
    for error in (Unreachable("x"), RateLimited("x", retry_after=retry_after)):
        decision = decide(error, past, POLICY, draw)
        if isinstance(decision, Retry):
            assert 0 <= decision.wait <= POLICY.longest_wait
            assert elapsed + decision.wait <= POLICY.overall
