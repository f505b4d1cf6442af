"""The budget of requests: its arithmetic with a given clock, and two counters that many use at once."""

from __future__ import annotations

import json
import logging
import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from revenue.models import RequestCount
from revenue.pull.budget import (
    Budget,
    BudgetSpent,
    Counter,
    Limits,
    RedisCounter,
    TableCounter,
    Window,
    wait_after,
    windows,
)
from tests import environment
from tests.factories import make_account
from tests.processes import PATIENCE_SECONDS, kill, start

LIMITS = Limits(minute=10, hour=25, day=60)
NOON = datetime(2026, 3, 14, 12, 0, 30, tzinfo=UTC)
NEXT_MINUTE = datetime(2026, 3, 14, 12, 1, tzinfo=UTC)
NEXT_HOUR = datetime(2026, 3, 14, 13, tzinfo=UTC)
NEXT_DAY = datetime(2026, 3, 15, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Memory:
    """A counter as simple as can be: what the real ones must be equal to."""

    def __init__(self) -> None:
        self.used: dict[tuple[str, int, datetime], int] = defaultdict(int)

    def take(self, key: str, asked: Sequence[Window], requests: int) -> list[int] | None:
        used = [self.used[key, window.seconds, window.start] for window in asked]
        if any(before + requests > window.limit for before, window in zip(used, asked, strict=True)):
            return used
        self.add(key, asked, requests)
        return None

    def add(self, key: str, asked: Sequence[Window], requests: int) -> None:
        for window in asked:
            name = (key, window.seconds, window.start)
            self.used[name] = max(self.used[name] + requests, 0)


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.redis)])
def counter(request: pytest.FixtureRequest, db: None) -> Counter:
    return TableCounter() if request.param == "database" else RedisCounter(environment.REDIS_URL)


@pytest.fixture
def key() -> str:
    """A key that no other test has counted with."""
    return f"key {uuid4()}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(key: str, counter: Counter, clock: Clock) -> Budget:
    return Budget(key, limits=LIMITS, counter=counter, now=clock)


# --- The arithmetic ----------------------------------------------------------------------------------


moments = st.integers(1_577_836_800_000, 2_208_988_800_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


@given(moments)
def test_windows_hold_the_moment_and_begin_with_those_of_utc(now: datetime) -> None:
    day, hour, minute = windows(now, LIMITS)
    assert day.start == now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert hour.start == now.replace(minute=0, second=0, microsecond=0)
    assert minute.start == now.replace(second=0, microsecond=0)
    assert all(window.start <= now < window.end for window in (day, hour, minute))
    assert [window.limit for window in (day, hour, minute)] == [60, 25, 10]


@pytest.mark.parametrize(
    ("used", "requests", "outcome"),
    [
        ([0, 0, 10], 1, 30.0),
        ([0, 0, 6], 5, 30.0),
        ([0, 25, 0], 1, (NEXT_HOUR, 0)),
        ([0, 22, 10], 5, (NEXT_HOUR, 3)),
        ([60, 3, 0], 1, (NEXT_DAY, 0)),
        ([58, 24, 0], 5, (NEXT_DAY, 1)),
        ([70, 0, 0], 1, (NEXT_DAY, 0)),
    ],
)
def test_refusal_waits_for_the_minute_and_ends_with_the_longest_window_that_is_full(
    used: list[int], requests: int, outcome: float | tuple[datetime, int]
) -> None:
    if isinstance(outcome, float):
        assert wait_after(used, windows(NOON, LIMITS), requests, NOON) == outcome
        return
    with pytest.raises(BudgetSpent) as spent:
        wait_after(used, windows(NOON, LIMITS), requests, NOON)
    assert (spent.value.until, spent.value.left) == outcome


# Steps of a pull: seconds that pass, then a lot that is taken, and how many of it are not sent.
steps = st.lists(st.tuples(st.integers(0, 900), st.integers(1, 10), st.integers(0, 10)), max_size=60)


@given(moments, steps)
def test_no_window_wherever_it_begins_sees_more_than_twice_the_limit(start: datetime, steps: Any) -> None:
    """Twice the limit is what Debitura allows, in minutes that slide and in hours and days that begin we know not when."""
    clock = Clock(start)
    budget = Budget("k", limits=LIMITS, counter=Memory(), now=clock)
    sent: list[tuple[datetime, int]] = []
    for seconds, lot, unsent in steps:
        clock.now += timedelta(seconds=seconds)
        try:
            wait = budget.take(lot)
        except BudgetSpent as spent:
            assert spent.left < lot
            assert clock.now < spent.until
            continue
        assert 0 <= wait <= 60
        if not wait:
            budget.give_back(min(unsent, lot))
            sent.append((clock.now, lot - min(unsent, lot)))
    for seconds, limit in ((60, 10), (3600, 25), (86400, 60)):
        for first, _ in sent:
            end = first + timedelta(seconds=seconds)
            assert sum(lot for moment, lot in sent if first <= moment < end) <= 2 * limit


@given(moments, steps)
def test_wait_is_never_for_nothing(start: datetime, steps: Any) -> None:
    """After the wait, and at the end of the window that was used up, the same lot fits where nobody else counts."""
    clock = Clock(start)
    budget = Budget("k", limits=LIMITS, counter=Memory(), now=clock)
    for seconds, lot, _ in steps:
        clock.now += timedelta(seconds=seconds)
        for _ in range(4):
            try:
                wait = budget.take(lot)
            except BudgetSpent as spent:
                clock.now = spent.until
                continue
            if not wait:
                break
            clock.now += timedelta(seconds=wait)
        else:
            pytest.fail("a lot that fits was refused for ever")


# --- Both counters -----------------------------------------------------------------------------------


def test_lots_are_taken_until_the_minute_is_used_up(budget: Budget, clock: Clock) -> None:
    assert [budget.take(5), budget.take(5), budget.take(1)] == [0.0, 0.0, 30.0]
    clock.now = NEXT_MINUTE
    assert budget.take(10) == 0.0


def test_hour_that_is_used_up_says_until_when_and_what_is_left(budget: Budget, clock: Clock) -> None:
    for minute in range(2):
        clock.now = NOON + timedelta(minutes=minute)
        assert budget.take(10) == 0.0
    clock.now = NOON + timedelta(minutes=2)
    with pytest.raises(BudgetSpent) as spent:
        budget.take(6)
    assert (spent.value.until, spent.value.left) == (NEXT_HOUR, 5)
    assert budget.take(5) == 0.0
    clock.now = NEXT_HOUR
    assert budget.take(10) == 0.0


def test_day_that_is_used_up_ends_with_it(budget: Budget, clock: Clock) -> None:
    for hour in range(6):
        clock.now = NOON + timedelta(hours=hour)
        assert budget.take(10) == 0.0
    with pytest.raises(BudgetSpent) as spent:
        budget.take(1)
    assert spent.value.until == NEXT_DAY


def test_refusal_counts_nothing(budget: Budget, clock: Clock) -> None:
    budget.take(6)
    assert budget.take(5) == 30.0
    assert budget.take(4) == 0.0


def test_requests_that_were_not_sent_are_given_back_in_the_minute_they_were_taken_in(
    budget: Budget, clock: Clock
) -> None:
    budget.take(8)
    clock.now = NEXT_MINUTE
    budget.take(9)
    budget.give_back(11)
    assert budget.take(10) == 0.0
    # Of the first minute's 8, 2 came back; so have all of the second's 9: the hour has counted 6 and 10.
    clock.now = NEXT_MINUTE + timedelta(minutes=1)
    assert budget.take(9) == 0.0
    with pytest.raises(BudgetSpent):
        budget.take(1)


def test_no_more_is_given_back_than_was_taken(budget: Budget) -> None:
    budget.count(4)
    budget.take(2)
    budget.give_back(9)
    assert [budget.take(6), budget.take(1)] == [0.0, 30.0]


def test_retries_count_even_where_there_is_no_room(budget: Budget, clock: Clock) -> None:
    budget.take(10)
    budget.count(15)
    budget.count(0)
    clock.now = NEXT_MINUTE
    with pytest.raises(BudgetSpent) as spent:
        budget.take(1)
    assert (spent.value.until, spent.value.left) == (NEXT_HOUR, 0)


def test_lot_that_never_fits_is_refused_for_good(budget: Budget) -> None:
    with pytest.raises(ValueError, match="never fits"):
        budget.take(11)


def test_another_key_has_a_budget_of_its_own(budget: Budget, counter: Counter, clock: Clock) -> None:
    budget.take(10)
    other = Budget(f"key {uuid4()}", limits=LIMITS, counter=counter, now=clock)
    assert other.take(10) == 0.0


def test_same_key_shares_one_budget(budget: Budget, key: str, counter: Counter, clock: Clock) -> None:
    budget.take(10)
    assert Budget(key, limits=LIMITS, counter=counter, now=clock).take(1) == 30.0


actions = st.lists(
    st.tuples(st.integers(0, 2000), st.sampled_from(["take", "give_back", "count"]), st.integers(1, 10)), max_size=12
)


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(actions)
def test_counter_counts_as_one_in_memory_would(counter: Counter, actions: Any) -> None:
    clock, key = Clock(), f"key {uuid4()}"
    real = Budget(key, limits=LIMITS, counter=counter, now=clock)
    model = Budget(key, limits=LIMITS, counter=Memory(), now=clock)
    for seconds, action, requests in actions:
        clock.now += timedelta(seconds=seconds)
        assert _outcome(real, action, requests) == _outcome(model, action, requests)


def _outcome(budget: Budget, action: str, requests: int) -> object:
    try:
        return getattr(budget, action)(requests)
    except BudgetSpent as spent:
        return spent.until, spent.left


# --- Many at once ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by", ["database", pytest.param("redis", marks=pytest.mark.redis)])
def test_threads_together_take_exactly_what_there_is(by: str, key: str, transactional_db: None) -> None:
    limits = Limits(minute=100, hour=100, day=100)

    def work(_: int) -> int:
        counter = TableCounter() if by == "database" else RedisCounter(environment.REDIS_URL)
        budget, taken = Budget(key, limits=limits, counter=counter, now=Clock()), 0
        try:
            while True:
                assert budget.take(7) == 0.0
                taken += 7
        except BudgetSpent as spent:
            assert spent.left < 7
            return taken
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 98


TAKE_ALL = """
import django, json, sys
django.setup()
from datetime import UTC, datetime
from revenue.pull.budget import Budget, BudgetSpent, Limits
budget = Budget("one key", limits=Limits(200, 200, 200), now=lambda: datetime(2026, 3, 14, 12, tzinfo=UTC))
print("ready", flush=True)
sys.stdin.readline()
taken = 0
try:
    while budget.take(3) == 0.0:
        taken += 3
except BudgetSpent:
    print(json.dumps(taken), flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_processes_together_take_exactly_what_there_is(transactional_db: None) -> None:
    workers = [start("-c", TAKE_ALL) for _ in range(2)]
    try:
        for worker in workers:
            assert worker.stdout is not None and worker.stdin is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        taken = [json.loads(worker.communicate(timeout=PATIENCE_SECONDS)[0]) for worker in workers]
    finally:
        for worker in workers:
            kill(worker)
    assert sum(taken) == 198


# --- What is kept, and where -------------------------------------------------------------------------


@pytest.fixture
def silent_redis(settings: Any) -> Iterator[None]:
    """The application is told of a Redis where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    yield


@pytest.mark.django_db
def test_database_counts_where_redis_does_not_answer(
    silent_redis: None, key: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    budget = Budget(key, limits=LIMITS, now=clock)
    with caplog.at_level(logging.WARNING):
        assert [budget.take(10), budget.take(1)] == [0.0, 30.0]
    assert [record.name for record in caplog.records] == ["revenue.pull.budget"]
    assert set(RequestCount.objects.values_list("seconds", "used")) == {(60, 10), (3600, 10), (86400, 10)}


@pytest.mark.django_db
def test_database_counts_where_there_is_no_redis(key: str, clock: Clock) -> None:
    Budget(key, now=clock).take(20)
    assert set(RequestCount.objects.values_list("used", flat=True)) == {20}


@pytest.mark.redis
@pytest.mark.django_db
def test_redis_counts_where_there_is_one(settings: Any, key: str, clock: Clock) -> None:
    settings.REDIS_URL = environment.REDIS_URL
    Budget(key, now=clock).take(20)
    assert not RequestCount.objects.exists()
    assert Budget(key, limits=Limits(20, 40, 40), now=clock).take(1) == 30.0


@pytest.mark.django_db
def test_limits_are_those_of_the_settings(settings: Any, key: str, clock: Clock) -> None:
    settings.REQUESTS_PER_MINUTE, settings.REQUESTS_PER_HOUR, settings.REQUESTS_PER_DAY = 100, 200, 300
    budget = Budget(key, now=clock)
    assert [budget.take(100), budget.take(1)] == [0.0, 30.0]


@pytest.mark.django_db
def test_key_is_kept_nowhere(clock: Clock) -> None:
    account = make_account()
    account.api_key = "a secret key"
    budget = Budget.of(account)
    budget.take(1)
    (stored,) = set(RequestCount.objects.values_list("key", flat=True))
    assert (len(stored), "secret" in stored) == (64, False)
    assert "secret" not in repr(vars(budget))


@pytest.mark.django_db
def test_windows_that_are_long_over_are_cleared_away(key: str, clock: Clock) -> None:
    for moment in (NOON - timedelta(days=3), NOON - timedelta(hours=3), NOON - timedelta(minutes=1), NOON):
        clock.now = moment
        Budget(key, limits=LIMITS, now=clock).take(1)
    kept = RequestCount.objects.order_by("seconds", "start").values_list("seconds", "start__minute", "used")
    assert list(kept) == [(60, 59, 1), (60, 0, 1), (3600, 0, 1), (3600, 0, 1), (86400, 0, 3)]
