"""What a screen says about its figures, and from when on it shows them as old."""

from __future__ import annotations

from datetime import timedelta

import pytest

from revenue.models import PullRun
from tests.factories import NOW, make_account, make_run
from walls.standing import patience, standing_of

pytestmark = pytest.mark.django_db
TICK = timedelta(seconds=1)
DIFFERENCE = {"stage": "paid", "ours_usd": "1.00", "theirs_usd": "2.00", "ours_count": 1, "theirs_count": 1}


def failed(account, kind: str):
    make_run(
        account,
        started_at=NOW + TICK,
        status=PullRun.Status.FAILED,
        as_of=None,
        ties_out=None,
        error_kind=kind,
    )


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        ("unreachable", "not_answering", "Debitura is not answering"),
        ("server_error", "not_answering", "Debitura is not answering"),
        ("unauthorized", "key_rejected", "Debitura rejects the API key"),
        ("unreadable", "failed", "the last pull failed"),
    ],
)
def test_failure_is_told_at_once_and_the_figures_are_old_past_the_threshold(kind, state, words):
    account = make_account()
    make_run(account)
    failed(account, kind)
    threshold = NOW + patience()
    soon, late = (standing_of(account, now)[0] for now in (threshold, threshold + TICK))
    assert (soon.state, soon.words, soon.look, soon.as_of) == (state, words, "bad", NOW)
    assert (soon.is_old, soon.until, late.is_old) == (False, threshold, True)


def test_failure_before_the_first_figures_has_none_that_could_be_old():
    account = make_account()
    failed(account, "unauthorized")
    found = standing_of(account, NOW + timedelta(days=1))[0]
    assert (found.state, found.as_of, found.is_old) == ("key_rejected", None, False)


def test_proven_figures_are_good():
    account = make_account()
    make_run(account)
    found = standing_of(account, NOW)[0]
    assert (found.state, found.look, found.words, found.is_old) == ("fresh", "good", "Agrees with Debitura", False)
    assert found.until == NOW + patience()


def test_figures_that_differ_are_old_when_their_last_proof_is():
    account = make_account()
    make_run(account)
    later = NOW + patience()
    differs = {"status": PullRun.Status.DIFFERS, "ties_out": False, "differences": [DIFFERENCE]}
    make_run(account, started_at=later, as_of=later, **differs)
    soon, late = (standing_of(account, now)[0] for now in (later, later + TICK))
    assert (soon.state, soon.look, soon.words) == ("differs", "bad", "Does not agree with Debitura")
    assert (soon.proven_at, soon.is_old, soon.until, late.is_old) == (NOW, False, later, True)


def test_figures_that_were_never_proven_and_differ_are_old_at_once():
    account = make_account()
    make_run(account, status=PullRun.Status.DIFFERS, ties_out=False, differences=[DIFFERENCE])
    assert standing_of(account, NOW)[0].is_old


def test_account_without_a_pull_says_so():
    found = standing_of(make_account(), NOW)[0]
    assert (found.state, found.words, found.as_of) == ("never", "no pull has run", None)
