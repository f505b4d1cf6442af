import re
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection
from django.utils import timezone

from partners.models import PartnerAccount
from revenue.models import PullRun, PullState, QuarantinedRow
from revenue.pull.lock import pull_lock
from revenue.views import pulls
from tests.factories import make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

DIFFERENCE = {"stage": "paid", "ours_usd": "30.00", "theirs_usd": "31.50", "ours_count": 1, "theirs_count": 2}


@pytest.fixture
def account():
    return make_account(slug="acme", name="Acme Referrals")


@pytest.fixture
def asked(monkeypatch):
    """The accounts for which a pull was asked; nothing is pulled."""
    found: list[PartnerAccount] = []
    monkeypatch.setattr(pulls, "start_pull", found.append)
    return found


def make_running(account, **fields):
    now = timezone.now()
    fields = {"status": PullRun.Status.RUNNING, "phase": PullRun.Phase.TRANSACTIONS, "finished_at": None} | fields
    return make_run(account, as_of=None, ties_out=None, started_at=now, heartbeat_at=now, **fields)


def test_pulls_stand_with_what_they_did(signed_in, account):
    run = make_run(account, requests=1234, retries=2, transactions_seen=1500, transactions_created=7, quarantined=1)
    response = signed_in.get("/pulls/")
    assert (
        "14 Mar 2026, 13:00 Ties out 14 Mar 2026, 13:00 Schedule What changed 0 s 1,234 2 retried 1,500 7 0 0 1"
        in words(response)
    )
    assert f"/pulls/{run.pk}/" in links(response)


@pytest.mark.parametrize(
    ("page", "status"), [("1", 200), ("2", 404), ("0", 404), ("x", 404), ("²", 404), ("9" * 30, 404)]
)
def test_pulls_have_pages(signed_in, account, page, status):
    make_run(account)
    assert signed_in.get("/pulls/", {"page": page}).status_code == status


def test_pull_that_does_not_tie_out_shows_where_and_the_rows_that_may_explain_it(signed_in, account):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    row = make_transaction(account, case=case)
    why = {"stage": "paid", "why": "Its status is new.", "transaction_id": str(row.transaction_id), "fee_usd": "30.00"}
    run = make_run(account, status="differs", ties_out=False, differences=[DIFFERENCE], explanations=[why])
    text = words(signed_in.get(f"/pulls/{run.pk}/"))
    assert "Paid 30.00 31.50 1.50 1 2" in text
    assert f"Paid Its status is new. Q8OAXF3W {row.transaction_id} 30.00" in text


def test_pull_shows_a_dash_for_what_debitura_did_not_say_and_for_rows_we_do_not_have(signed_in, account):
    unknown = DIFFERENCE | {"theirs_usd": None, "theirs_count": None}
    why = {"stage": "paid", "why": "Not listed.", "transaction_id": None, "fee_usd": None}
    run = make_run(account, status="differs", ties_out=False, differences=[unknown], explanations=[why])
    text = words(signed_in.get(f"/pulls/{run.pk}/"))
    assert "Paid 30.00 — — 1 —" in text
    assert "Paid Not listed. — — —" in text


@pytest.mark.parametrize(
    ("fields", "look", "sentence"),
    [
        ({"differences": [DIFFERENCE]}, "bad", "Does not agree with Debitura."),
        ({"quarantined": 2}, "warn", "2 rows could not be read."),
        ({"ties_out": True}, "good", "Every stage agrees with Debitura's own summary, to the cent and to the row."),
    ],
)
def test_pull_says_what_it_proves(signed_in, account, fields, look, sentence):
    run = make_run(account, **{"status": "differs", "ties_out": False} | fields)
    response = signed_in.get(f"/pulls/{run.pk}/")
    assert sentence in words(response)
    assert f'class="banner banner--{look}"' in response.content.decode()


SUMS = {"stage": "pending", "ours_usd": "1.00", "theirs_usd": "1.01", "ours_count": 1, "theirs_count": 1}
ESTIMATES_LEFT = {
    "status": "differs",
    "ties_out": False,
    "differences": [SUMS],
    "left_for_later": [{"what": "estimates", "rows": 1284}],
}


def test_pull_says_what_it_left_for_later(signed_in, account):
    run = make_run(account, **ESTIMATES_LEFT)
    text = words(signed_in.get(f"/pulls/{run.pk}/"))
    assert "Left for later: 1,284 estimates. The budget of requests was used up." in text
    assert "Firm figures agree, to the cent and to the row; estimates are those of an earlier pull." in text
    assert "Where older estimates differ" in text
    assert "Firm figures agree Left for later: 1,284 estimates 14 Mar 2026" in words(signed_in.get("/pulls/"))


def test_pull_says_why_it_read_everything(signed_in, account):
    run = make_run(account, reach="everything", fallback="The summary of 2026 contradicts its rows.")
    text = words(signed_in.get(f"/pulls/{run.pk}/"))
    assert "Debitura's summaries were not to be trusted. The summary of 2026 contradicts its rows." in text
    assert "Read Everything" in text
    assert "Ties out Summaries not trusted 14 Mar 2026, 13:00 Schedule Everything 0 s" in words(
        signed_in.get("/pulls/")
    )


def test_pull_says_what_it_read_of_the_cases_and_how_old_the_others_are(signed_in, account):
    told = {"cases_seen": 1234, "cases_created": 2, "cases_updated": 3}
    run = make_run(account, **told, cases_as_of=timezone.now().replace(year=2026, month=3, day=14, hour=1, minute=5))
    assert (
        "Cases in their turn 1,234 seen: 2 new, 3 changed All cases as of 14 Mar 2026, 02:05 or later Unreadable"
        in words(signed_in.get(f"/pulls/{run.pk}/"))
    )
    run = make_run(account, **told, cases_left=12400, cases_unreadable=1)
    assert (
        "1,234 seen: 2 new, 3 changed, 1 unreadable All cases as of Not all have been read yet; 12,400 left for the "
        "next pulls" in words(signed_in.get(f"/pulls/{run.pk}/"))
    )


def test_pull_says_why_the_cases_were_not_read_and_that_no_figure_depends_on_it(signed_in, account):
    trouble = 'Debitura knows no such address. Debitura said: "<b>No</b>"'
    run = make_run(account, cases_trouble=trouble)
    response = signed_in.get(f"/pulls/{run.pk}/")
    assert (
        "The list of cases was not read as far as it was due. Debitura knows no such address. Debitura said: "
        '"<b>No</b>" No figure depends on it' in words(response)
    )
    assert "<b>No</b>" not in response.content.decode()
    assert 'class="banner banner--good"' in response.content.decode()


def test_pull_shows_a_case_that_could_not_be_read(signed_in, account):
    run = make_run(account, cases_unreadable=1)
    row = {"identity": "0f6c", "digest": "d" * 32, "reason": "grossAmount is NaN.", "raw": '{"id":"0f6c"}'}
    QuarantinedRow.objects.create(account=account, resource="cases", first_run=run, last_run=run, **row)
    assert "Case 0f6c grossAmount is NaN." in words(signed_in.get(f"/pulls/{run.pk}/"))


def test_pull_that_left_nothing_says_nothing_of_it(signed_in, account):
    run = make_run(account)
    assert "eft for later" not in words(signed_in.get(f"/pulls/{run.pk}/"))


def test_every_page_says_how_old_the_estimates_are_where_they_are_older(signed_in, account):
    now = timezone.now()
    make_run(account, as_of=now - timedelta(minutes=1), **ESTIMATES_LEFT)
    state = PullState.objects.create(account=account, estimates_as_of=now - timedelta(minutes=26))
    text = words(signed_in.get("/"))
    clock = r"(\d+ \w+ \d+, )?\d\d:\d\d"
    assert re.search(rf"Data as of {clock} \( 1 min ago \) Estimates as of {clock} \( 26 min ago \)", text)
    assert re.search(rf"Firm figures agree, {clock} ", text)
    state.estimates_as_of = now
    state.save()
    assert "Estimates as of" not in words(signed_in.get("/"))


def test_row_of_a_failed_pull_says_why(signed_in, account):
    fields = {"status": "failed", "as_of": None, "ties_out": None}
    make_run(account, **fields, error_message="Debitura rejects the key.")
    make_run(account, **fields, error_message="x" * 500)
    text = words(signed_in.get("/pulls/"))
    assert "Failed Debitura rejects the key. —" in text
    assert f"Failed {'x' * 99}… —" in text


def test_pull_shows_its_quarantine_as_text(signed_in, account):
    run = make_run(account, quarantined=1)
    QuarantinedRow.objects.create(
        account=account,
        resource="transactions",
        identity="no-uuid",
        digest="d",
        reason="transactionId is no UUID.",
        raw='{"name": "<script>"}',
        first_run=run,
        last_run=run,
    )
    html = signed_in.get(f"/pulls/{run.pk}/").content.decode()
    assert "<code>no-uuid</code>" in html
    assert "transactionId is no UUID." in html
    assert "<pre>{&quot;name&quot;: &quot;&lt;script&gt;&quot;}</pre>" in html


@pytest.mark.parametrize(
    ("retryable", "advice"),
    [(True, "The next pull tries again by itself."), (False, "Trying again will not help until this is put right.")],
)
def test_failed_pull_says_why_and_whether_trying_again_helps(signed_in, account, retryable, advice):
    fields = {"status": "failed", "as_of": None, "ties_out": None, "error_kind": "unauthorized"}
    run = make_run(account, **fields, error_message="Debitura rejects the key.", error_retryable=retryable)
    text = words(signed_in.get(f"/pulls/{run.pk}/"))
    assert f"Debitura rejects the key. {advice}" in text


def test_pull_whose_budget_ran_out_is_no_failure_and_says_what_comes_next(signed_in, account):
    reason = "The budget of requests is used up until 14 Mar 2026, 13:00 UTC."
    fields = {"error_kind": "budget_spent", "error_message": reason, "error_retryable": True}
    run = make_run(account, status=PullRun.Status.FAILED, as_of=None, ties_out=None, **fields)
    text = words(signed_in.get(f"/pulls/{run.pk}/"))
    assert f"Out of budget {reason} The pulls after it go on with what was read." in text
    assert "The budget of requests is used up Times in" in text
    assert "Failed" not in text


def test_pull_of_another_account_is_not_found(signed_in, account):
    run = make_run(make_account(slug="zeta"))
    assert signed_in.get(f"/pulls/{run.pk}/").status_code == 404
    assert signed_in.get("/pulls/99999999999999999999999/").status_code == 404


def test_pull_now_starts_one_and_waits_for_it(signed_in, account, asked):
    last = make_run(account)
    response = signed_in.post("/pulls/now/")
    assert (response["Location"], asked) == (f"/pulls/?after={last.pk}", [account])
    assert "A pull is asked for." in words(signed_in.get(response["Location"]))


def test_pull_now_is_of_the_account_in_the_address(signed_in, account, asked):
    other = make_account(slug="zeta")
    response = signed_in.post("/pulls/now/?partner=zeta")
    assert (response["Location"], asked) == ("/pulls/?partner=zeta&after=0", [other])


@contextmanager
def pulled_elsewhere(account):
    """Another thread, with a database connection of its own, holds the account's lock as a pull does."""
    holds, may_end = Event(), Event()

    def hold():
        with pull_lock(account) as taken:
            assert taken
            holds.set()
            may_end.wait(30)
        connection.close()

    thread = Thread(target=hold)
    thread.start()
    assert holds.wait(30)
    yield
    may_end.set()
    thread.join()


def test_pull_now_while_one_runs_says_so_and_starts_none(signed_in, account, asked):
    make_running(account)
    with pulled_elsewhere(account):
        response = signed_in.post("/pulls/now/", follow=True)
    assert "A pull is already running; its progress is below." in words(response)
    assert asked == []


def test_pull_now_after_a_dead_one_starts_one(signed_in, account, asked):
    run = make_running(account)
    PullRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now())
    signed_in.post("/pulls/now/")
    assert asked == [account]


def test_pull_now_needs_post_and_an_account(signed_in, asked):
    assert signed_in.get("/pulls/now/").status_code == 405
    assert (signed_in.post("/pulls/now/")["Location"], asked) == ("/", [])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"pages_done": 3, "pages_total": 12}, "Reading transactions : 3 of 12 pages"),
        ({"pages_done": 3}, "Reading transactions : 3 pages so far"),
        ({"phase": PullRun.Phase.CLIENTS}, "Reading clients"),
    ],
)
def test_progress_tells_how_far_a_pull_is(signed_in, account, fields, sentence):
    make_running(account, **fields)
    assert words(signed_in.get("/pulls/progress/")) == sentence
    assert sentence in words(signed_in.get("/pulls/"))


def test_page_of_a_running_pull_reloads_by_itself_without_scripts(signed_in, account):
    refresh = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
    assert refresh not in signed_in.get("/pulls/").content.decode()
    make_running(account)
    assert refresh in signed_in.get("/pulls/").content.decode()


@pytest.mark.parametrize("after", ["", "x", "9" * 40, "0"])
def test_progress_of_no_running_pull_makes_the_page_load_anew(signed_in, account, after):
    make_run(account)
    response = signed_in.get("/pulls/progress/", {"after": after})
    assert (response.status_code, response["HX-Refresh"]) == (204, "true")


def test_news_links_to_newer_figures_and_leaves_the_shown_ones(signed_in, account):
    old = make_run(account)
    assert "Newer figures" not in words(signed_in.get("/pulls/news/", {"since": old.pk}))
    make_run(account, as_of=timezone.now())
    assert "Newer figures are there, as of" in words(signed_in.get("/pulls/news/", {"since": old.pk}))


@pytest.mark.parametrize("rows", [1, 3])
def test_pulls_ask_the_database_equally_often_for_any_number(signed_in, account, rows, django_assert_num_queries):
    for _ in range(rows):
        make_run(account)
    with django_assert_num_queries(7):
        assert signed_in.get("/pulls/").status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_pull_asks_the_database_equally_often_for_any_number_of_rows(
    signed_in, account, rows, django_assert_num_queries
):
    why = [
        {"stage": "paid", "why": "", "transaction_id": str(make_transaction(account).transaction_id), "fee_usd": "1"}
        for _ in range(rows)
    ]
    run = make_run(account, status="differs", ties_out=False, differences=[DIFFERENCE], explanations=why, quarantined=1)
    with django_assert_num_queries(7):
        assert signed_in.get(f"/pulls/{run.pk}/").status_code == 200
