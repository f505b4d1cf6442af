from datetime import timedelta

import pytest

from accounts.access import Sight
from revenue.models import PullRun, PullState, QuarantinedRow
from revenue.selectors.paging import PageNotFound
from revenue.selectors.pulls import SENTENCES, freshness, left_in_words, quarantined, run_of, runs
from tests.factories import NOW, make_account, make_run

pytestmark = pytest.mark.django_db
Status = PullRun.Status


@pytest.fixture
def partner():
    return make_account()


def published(partner, *, minutes_ago=1, **fields):
    moment = NOW - timedelta(minutes=minutes_ago)
    fields = {"started_at": moment, "heartbeat_at": moment, "finished_at": moment, "as_of": moment} | fields
    return make_run(partner, **fields)


def unpublished(partner, status, *, seconds_ago=10, **fields):
    moment = NOW - timedelta(seconds=seconds_ago)
    fields = {"started_at": moment, "heartbeat_at": moment, "finished_at": None} | fields
    return make_run(partner, status=status, as_of=None, ties_out=None, **fields)


def test_freshness_before_any_pull(partner):
    found = freshness(partner, NOW)
    assert (found.state, found.as_of, found.ties_out, found.run, found.last, found.running) == ("never", *[None] * 5)
    assert found.estimates_as_of is None


def test_freshness_of_a_first_pull_that_runs(partner):
    run = unpublished(partner, Status.RUNNING)
    found = freshness(partner, NOW)
    assert (found.state, found.running, found.last) == ("first_pull_running", run, None)


def test_freshness_of_a_first_pull_that_died(partner):
    run = unpublished(partner, Status.RUNNING, phase=PullRun.Phase.TRANSACTIONS, seconds_ago=300)
    found = freshness(partner, NOW)
    assert (found.state, found.running, found.last) == ("failed", None, run)
    assert found.sentence == "No pull has succeeded yet: there are no figures to show."


def test_pull_that_writes_is_alive_until_its_time_limit(partner, settings):
    limit = settings.PULL_TIME_LIMIT_SECONDS
    run = unpublished(partner, Status.RUNNING, phase=PullRun.Phase.WRITING, seconds_ago=limit - 1)
    assert freshness(partner, NOW).running == run
    assert freshness(partner, NOW + timedelta(seconds=2)).running is None


def test_freshness_after_a_good_pull(partner):
    run = published(partner, ties_out=False, status=Status.DIFFERS)
    found = freshness(partner, NOW)
    assert (found.state, found.as_of, found.ties_out, found.run, found.last) == ("fresh", run.as_of, False, run, run)


@pytest.mark.parametrize(("minutes", "state"), [(15, "fresh"), (15.1, "stale")])
def test_freshness_is_lost_after_three_pulls_that_did_not_come(partner, settings, minutes, state):
    settings.PULL_EVERY_SECONDS = 300
    published(partner, minutes_ago=minutes)
    assert freshness(partner, NOW).state == state


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("unauthorized", "key_rejected"),
        ("unusable_key", "key_rejected"),
        ("unreachable", "not_answering"),
        ("server_error", "not_answering"),
        ("rate_limited", "not_answering"),
        ("malformed", "not_answering"),
        ("not_found", "failed"),
        ("empty_answer", "failed"),
    ],
)
def test_freshness_after_a_failure_keeps_the_last_good_figures(partner, kind, state):
    good = published(partner)
    bad = unpublished(partner, Status.FAILED, error_kind=kind)
    found = freshness(partner, NOW)
    assert (found.state, found.as_of, found.run, found.last) == (state, good.as_of, good, bad)
    assert found.sentence == SENTENCES[state]


def test_freshness_of_a_failure_before_any_success_speaks_of_no_figures(partner):
    unpublished(partner, Status.FAILED, error_kind="unauthorized")
    found = freshness(partner, NOW)
    assert (found.state, found.as_of) == ("key_rejected", None)
    assert found.sentence == "Debitura rejects the API key: there are no figures to show."


def test_freshness_after_an_interruption_goes_by_age(partner):
    published(partner)
    unpublished(partner, Status.INTERRUPTED)
    assert freshness(partner, NOW).state == "fresh"


def test_freshness_after_the_budget_ran_out_goes_by_age(partner):
    published(partner)
    unpublished(partner, Status.FAILED, error_kind="budget_spent")
    assert freshness(partner, NOW).state == "fresh"


def test_freshness_where_the_budget_ran_out_before_any_success_speaks_of_no_figures(partner):
    unpublished(partner, Status.FAILED, error_kind="budget_spent")
    assert freshness(partner, NOW).sentence == "No pull has succeeded yet: there are no figures to show."


def test_freshness_is_that_of_the_account(partner):
    published(make_account())
    assert freshness(partner, NOW).state == "never"


@pytest.mark.parametrize("count", [1, 3])
def test_freshness_takes_one_query(partner, django_assert_num_queries, count):
    for _ in range(count):
        published(partner)
    with django_assert_num_queries(1):
        freshness(partner, NOW)


@pytest.mark.parametrize(("minutes", "shown"), [(26, True), (1.01, True), (1, False), (0.5, False), (None, False)])
def test_estimates_have_their_own_time_where_they_are_older_than_the_figures(partner, minutes, shown):
    estimates = None if minutes is None else NOW - timedelta(minutes=minutes)
    PullState.objects.create(account=partner, estimates_as_of=estimates)
    published(partner, minutes_ago=1)
    assert freshness(partner, NOW).estimates_as_of == (estimates if shown else None)


def test_estimates_of_an_account_without_figures_have_no_time(partner):
    PullState.objects.create(account=partner, estimates_as_of=NOW)
    assert freshness(partner, NOW).estimates_as_of is None


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({}, ""),
        ({"estimates": 1284}, "1,284 estimates"),
        ({"estimates": 2, "settled": 1}, "1 settled row and 2 estimates"),
        ({"new": 12, "estimates": 1, "settled": 3}, "3 settled rows, 12 new rows and 1 estimate"),
    ],
)
def test_what_was_left_for_later_is_said_with_what_matters_most_first(rows, sentence):
    assert left_in_words([{"what": what, "rows": count} for what, count in rows.items()]) == sentence


def test_runs_are_the_latest_first_and_paged(partner):
    made = [published(partner, minutes_ago=minutes) for minutes in (3, 2, 1)]
    published(make_account())
    assert runs(Sight.of_everything(partner)).rows == made[::-1]
    assert runs(Sight.of_everything(partner), page=2, page_size=2).rows == made[:1]
    with pytest.raises(PageNotFound):
        runs(Sight.of_everything(partner), page=3, page_size=2)


def test_run_of_another_account_does_not_exist(partner):
    run = published(make_account())
    with pytest.raises(PullRun.DoesNotExist):
        run_of(Sight.of_everything(partner), run.pk)


def test_quarantined_rows_are_those_that_the_run_listed(partner):
    first, second, third = (published(partner, minutes_ago=minutes, quarantined=1) for minutes in (3, 2, 1))

    def quarantine(digest, first_run, last_run):
        return QuarantinedRow.objects.create(
            account=partner,
            resource="transactions",
            identity=digest,
            digest=digest,
            reason="no date",
            raw="{}",
            first_run=first_run,
            last_run=last_run,
        )

    ended = quarantine("a", first, first)
    stays = quarantine("b", first, third)
    assert quarantined(first) == [ended, stays]
    assert quarantined(second) == [stays]


def test_run_without_unreadable_rows_has_no_quarantine(partner):
    before, failed, after = published(partner), unpublished(partner, Status.FAILED), published(partner)
    fields = {"identity": "a", "digest": "a", "reason": "no date", "raw": "{}", "resource": "transactions"}
    QuarantinedRow.objects.create(account=partner, first_run=before, last_run=after, **fields)
    assert quarantined(failed) == []


def test_freshness_brings_the_portfolio_of_the_published_pull(partner):
    published(partner, portfolio={"total_clients": 3})
    unpublished(partner, Status.FAILED, portfolio={"total_clients": 9})
    found = freshness(partner, NOW).run
    assert found is not None and found.portfolio == {"total_clients": 3}
