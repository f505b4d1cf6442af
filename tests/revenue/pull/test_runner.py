"""Pulls from start to end: whatever happens upstream and on the way, what is published is right or stays as it was."""

from __future__ import annotations

import logging
from random import Random
from typing import Any

import pytest

from partners.models import PartnerAccount
from revenue.models import PullRun, StagedRow
from revenue.pull.runner import pull
from sandbox.replies import Refused, Reply
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull import walk
from tests.revenue.pull.support import (
    QuickClient,
    Rows,
    SmallPages,
    counted,
    everything,
    pull_in_small_pages,
    pull_now,
    rows_stored,
    rows_upstream,
)

PULLS_A_WALK = 10


def _fill(world: World, rng: Random, rows: int = 25) -> None:
    for _ in range(4):
        world.add_client()
    for _ in range(rows):
        walk.add(world, rng)


@pytest.mark.either
@pytest.mark.parametrize("seed", range(8))
def test_pull_is_right_or_changes_nothing_whatever_happens(
    account: PartnerAccount, world: World, upstream: SandboxServer, seed: int
) -> None:
    """Any sequence of upstream changes and faults: ok means the same figures, failed means that nothing was touched.

    What no figure tells, such as another date in the same month, is for the next full pull to see.
    """
    rng = Random(seed)
    _fill(world, rng)
    assert pull_now(account).status == PullRun.Status.OK
    for _ in range(PULLS_A_WALK):
        walk.live(world, rng)
        upstream.faults = rng.choice(walk.FAULTS) if rng.random() < 0.7 else ""
        before = everything()
        run = pull_in_small_pages(account)
        assert run.status in (PullRun.Status.OK, PullRun.Status.DIFFERS, PullRun.Status.FAILED)
        if run.status == PullRun.Status.OK:
            stored, truth = rows_stored(account), rows_upstream(world)
            assert (stored.keys(), counted(stored)) == (truth.keys(), counted(truth))
        elif run.status == PullRun.Status.FAILED:
            assert everything() == before
        assert run.status == PullRun.Status.FAILED or not StagedRow.objects.exists()
    upstream.faults = ""
    assert pull(account, full=True, make_client=QuickClient).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.either
@pytest.mark.parametrize("seed", range(3))
def test_pull_ties_out_while_the_world_changes_between_pages(
    account: PartnerAccount, world: World, upstream: SandboxServer, seed: int
) -> None:
    """Changes hit random requests; a run that says ok holds the rows and the figures of some answer of that run.

    What no summary tells, such as a new date of a row that was already read, is the next pull's to see.
    """
    rng = Random(seed)
    _fill(world, rng, rows=45)
    at_the_answers: list[Rows] = []

    def change(server: SandboxServer, number: int, target: str) -> None:
        if rng.random() < 0.15:
            walk.live(world, rng, most=2)
        at_the_answers.append(rows_upstream(world))

    upstream.on_request = change
    for _ in range(6):
        at_the_answers.clear()
        run = pull_in_small_pages(account)
        if run.status == PullRun.Status.OK:
            stored = rows_stored(account)
            assert (stored.keys(), counted(stored)) in [(truth.keys(), counted(truth)) for truth in at_the_answers]
    upstream.on_request = None
    assert pull(account, full=True, make_client=QuickClient).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


# --- The record of a run -----------------------------------------------------------------------------

FAILURES = [
    ("401", "unauthorized", False, 1),
    ("403", "unauthorized", False, 1),
    ("404", "not_found", False, 1),
    ("500", "server_error", True, 5),
    ("503", "server_error", True, 5),
    ("reset", "unreachable", True, 5),
    ("close", "unreachable", True, 5),
    ("truncate", "unreachable", True, 5),
    ("html", "malformed", True, 5),
    ("garbage", "malformed", True, 5),
    ("429=1", "rate_limited", True, 6),
    ("429=3600", "rate_limited", True, 1),
    ("transactions/500", "server_error", True, 7),
    ("transactions/short", "malformed", True, 7),
    ("clients/short", "malformed", True, 6),
]


@pytest.mark.parametrize(("faults", "kind", "retryable", "requests"), FAILURES)
def test_failure_is_recorded_with_its_kind_and_whether_trying_again_can_help(
    account: PartnerAccount,
    world: World,
    upstream: SandboxServer,
    faults: str,
    kind: str,
    retryable: bool,
    requests: int,
) -> None:
    for _ in range(4):
        world.add_payment(world.add_client())
    pull_now(account)
    before = everything()
    upstream.faults = faults
    run = pull_now(account)
    assert (run.status, run.error_kind, run.error_retryable) == (PullRun.Status.FAILED, kind, retryable)
    assert (run.as_of, run.ties_out, run.requests) == (None, None, requests)
    assert run.finished_at is not None
    assert everything() == before


def test_failure_that_passes_is_counted_and_survived(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    world.add_payment()
    upstream.faults = "me/500:x2,clients/reset:x1,transactions/429=1:x1,transactions/html:@2"
    run = pull_now(account)
    assert (run.status, run.requests, run.retries) == (PullRun.Status.OK, 9, 5)


def test_watcher_is_told_how_far_a_pull_is(account: PartnerAccount, world: World) -> None:
    for _ in range(25):
        world.add_payment()
    told: list[tuple[str, int, int | None]] = []

    def watch(run: PullRun) -> None:
        told.append((run.phase, run.pages_done, run.pages_total))

    pull(account, make_client=SmallPages, watch=watch)
    assert [phase for phase, _, _ in told] == ["transactions", "cases", "writing"]


# --- The key -----------------------------------------------------------------------------------------

LEAKS = [
    Refused(400, "bad", "Your key {key} may not."),
    Refused(401, "{key}", "Wrong key: {key}"),
    Refused(403, "forbidden", "{key}"),
    Refused(404, "not_found", "no {key} here"),
    Refused(500, "error", "at Authenticate({key})"),
    Refused(302, "moved", "{key}"),
]


@pytest.mark.parametrize("refused", LEAKS, ids=lambda refused: str(refused.status))
def test_key_is_never_logged_or_stored_even_where_debitura_echoes_it(
    account: PartnerAccount,
    upstream: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    refused: Refused,
) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(target: str, key: str | None, **request: object) -> Reply:
        return Refused(refused.status, refused.code.format(key=key), refused.message.format(key=key)).reply()

    monkeypatch.setattr(upstream.api, "answer", echo)
    run = pull_now(account)
    stored = str([everything(), list(PullRun.objects.values())])
    assert run.status == PullRun.Status.FAILED
    assert upstream.key not in stored + caplog.text
    assert "[key]" in run.error_message


@pytest.mark.parametrize("faults", ["", *walk.FAULTS[::4]])
def test_key_is_in_no_log_line_and_no_row_of_any_run(
    account: PartnerAccount, world: World, upstream: SandboxServer, caplog: pytest.LogCaptureFixture, faults: str
) -> None:
    caplog.set_level(logging.DEBUG)
    world.add_payment()
    upstream.faults = faults
    pull_now(account)
    stored = str([everything(), list(PullRun.objects.values())])
    assert "acme" in stored
    assert upstream.key not in stored + caplog.text


@pytest.mark.parametrize(("allowed", "kind"), [(False, "insecure_address"), (True, "unreachable")])
def test_pull_goes_to_the_own_network_only_where_that_is_allowed(
    account: PartnerAccount, settings: Any, allowed: bool, kind: str
) -> None:
    settings.ALLOW_PRIVATE_UPSTREAM = allowed
    account.base_url = "https://[::ffff:127.0.0.1]:9"
    run = pull_now(account)
    assert (run.status, run.error_kind) == (PullRun.Status.FAILED, kind)
