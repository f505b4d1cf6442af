import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from revenue.models import PullRun, PullState
from revenue.selectors.pulls import DEAD_AFTER
from revenue.views.page import _age_changes_at
from tests.factories import make_account, make_client, make_run, make_user, sign_in_now
from tests.revenue.views.reading import words

pytestmark = pytest.mark.django_db

# The session, the person, the version.
QUERIES_OF_A_KEPT_PAGE = 3
AS_OF = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """12:03:10; the tests move it."""
    clock = Clock(AS_OF + timedelta(minutes=3, seconds=10))
    monkeypatch.setattr("django.utils.timezone.now", clock)
    return clock


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account, as_of=AS_OF, started_at=AS_OF)
    return account


@pytest.fixture
def browser(account, clock, signed_in):
    """A browser with the token that its first look gave it."""
    signed_in.get("/clients/")
    return signed_in


def is_kept(browser, address="/", **headers):
    """Whether the page comes from memory."""
    with CaptureQueriesContext(connection) as queries:
        response = browser.get(address, **headers)
    assert response.status_code in (200, 304)
    return len(queries) == QUERIES_OF_A_KEPT_PAGE


@pytest.mark.parametrize("address", ["/", "/?period=this_month", "/clients/", "/transactions/?page_size=10"])
def test_page_that_has_not_changed_is_not_made_again(browser, address):
    first = browser.get(address)
    assert is_kept(browser, address)
    again = browser.get(address)
    assert again.content == first.content
    names = ("ETag", "Cache-Control", "Content-Type", "Content-Security-Policy", "X-Frame-Options", "Vary")
    assert [sorted(again[name].split("; ")) for name in names] == [sorted(first[name].split("; ")) for name in names]
    assert again["Cache-Control"] == "private, no-cache"


def test_page_of_a_client_is_kept(browser, account):
    address = f"/clients/{make_client(account).creditor_id}/"
    browser.get(address)
    assert is_kept(browser, address)


def test_pages_of_pulls_are_not_kept(browser):
    browser.get("/pulls/")
    assert not is_kept(browser, "/pulls/")


def test_every_address_has_its_own_page(browser):
    browser.get("/")
    assert not is_kept(browser, "/?period=this_month")
    assert not is_kept(browser, "/", HTTP_HOST="127.0.0.1")


def test_nobody_gets_the_page_of_another(browser, account):
    browser.get("/")
    other = Client()
    sign_in_now(other, make_user("other@example.com"))
    other.cookies["csrftoken"] = browser.cookies["csrftoken"].value
    assert not is_kept(other)
    assert "other@example.com" in other.get("/").content.decode()
    assert "other@example.com" not in browser.get("/").content.decode()


@pytest.mark.parametrize(
    "fields",
    [{"name": "Ada"}, {"theme": "dark"}, {"time_zone": "Asia/Tokyo"}, {"columns": {"transactions": ["fee_usd"]}}],
)
def test_reader_who_wants_it_otherwise_gets_another_page(browser, reader, fields):
    browser.get("/")
    User.objects.filter(pk=reader.pk).update(**fields)
    assert not is_kept(browser)
    assert is_kept(browser)


def test_new_figures_make_a_new_page(browser, account, clock):
    assert "Data as of 13:00 ( 3 min ago )" in words(browser.get("/"))
    make_run(account, as_of=clock.now, started_at=clock.now)
    assert "Data as of 13:03 ( just now )" in words(browser.get("/"))


def test_age_is_never_that_of_a_minute_before(browser, clock):
    assert "( 3 min ago )" in words(browser.get("/"))
    clock.now = AS_OF + timedelta(minutes=3, seconds=59)
    assert is_kept(browser)
    clock.now = AS_OF + timedelta(minutes=4)
    assert "( 4 min ago )" in words(browser.get("/"))


def test_age_of_older_estimates_is_never_that_of_a_minute_before(browser, account, clock):
    PullState.objects.create(account=account, estimates_as_of=AS_OF - timedelta(seconds=30))
    assert "Estimates as of 12:59 ( 3 min ago )" in words(browser.get("/"))
    clock.now = AS_OF + timedelta(minutes=3, seconds=31)
    assert "Estimates as of 12:59 ( 4 min ago )" in words(browser.get("/"))


def test_figures_become_stale_without_anything_happening(browser, clock, settings):
    settings.PULL_EVERY_SECONDS = 65
    stale = "The figures are older than they should be"
    assert stale not in words(browser.get("/"))
    clock.now = AS_OF + timedelta(seconds=3 * 65 - 1)
    assert is_kept(browser)
    clock.now = AS_OF + timedelta(seconds=3 * 65 + 1)
    assert stale in words(browser.get("/"))


def test_pull_dies_without_anything_happening(browser, account, clock):
    heartbeat = clock.now - DEAD_AFTER + timedelta(seconds=5)
    fields = {"as_of": None, "ties_out": None, "finished_at": None, "started_at": heartbeat, "heartbeat_at": heartbeat}
    make_run(account, status=PullRun.Status.RUNNING, **fields)
    assert "A pull is running" in words(browser.get("/"))
    assert is_kept(browser)
    clock.now += timedelta(seconds=5)
    assert "A pull is running" not in words(browser.get("/"))


def test_day_ends_without_anything_happening(browser, account, clock):
    clock.now = datetime(2026, 3, 14, 22, 59, 50, tzinfo=UTC)
    make_run(account, as_of=clock.now, started_at=clock.now)
    assert "Data as of 23:59 ( just now )" in words(browser.get("/?period=today"))
    clock.now += timedelta(seconds=11)
    text = words(browser.get("/?period=today"))
    assert "Data as of 14 Mar 2026, 23:59 ( just now )" in text
    assert "15 Mar 2026, Europe/Copenhagen" in text


@pytest.mark.parametrize("seconds", [0, 30, 59, 59.4, 59.6, 60, 119.4, 119.6, 3599.7, 7300.2])
def test_age_changes_after_now_and_within_a_minute(seconds):
    now = AS_OF + timedelta(seconds=seconds)
    assert now < _age_changes_at(AS_OF, now) <= now + timedelta(minutes=1)


def test_message_is_told_once(browser, account, clock):
    browser.get("/")
    browser.post("/profile/", {"name": "Ada", "time_zone": "UTC", "theme": "dark"})
    assert "Your profile is saved." in words(browser.get("/"))
    assert "Your profile is saved." not in words(browser.get("/"))


def test_refusal_is_not_kept(browser):
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/?from=never").status_code == 400
        assert len(queries) > QUERIES_OF_A_KEPT_PAGE


def test_unknown_account_is_not_found(browser):
    assert [browser.get("/?partner=nobody").status_code for _ in range(2)] == [404, 404]


def test_no_account_at_all_says_so(signed_in):
    assert [signed_in.get("/").status_code for _ in range(3)] == [200, 200, 200]


def test_page_in_debug_mode_is_made_anew(browser, settings):
    browser.get("/")
    settings.DEBUG = True
    assert not is_kept(browser)


# --- The browser's own copy -------------------------------------------------------------------------


def test_browser_that_holds_the_page_is_sent_nothing(browser):
    first = browser.get("/")
    again = browser.get("/", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == "private, no-cache"


def test_browser_that_holds_an_older_page_is_sent_the_new_one(browser, account):
    first = browser.get("/")
    make_run(account, as_of=AS_OF + timedelta(minutes=1), started_at=AS_OF + timedelta(minutes=1))
    again = browser.get("/", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    assert again["ETag"] != first["ETag"]


def test_copy_with_the_token_of_another_secret_is_of_no_use(browser):
    first = browser.get("/")
    browser.cookies["csrftoken"] = "b" * 32
    browser.get("/")
    assert browser.get("/", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_who_has_signed_out_gets_no_page(browser):
    first = browser.get("/")
    browser.logout()
    response = browser.get("/", headers={"If-None-Match": first["ETag"]})
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/")


def test_who_may_not_come_in_any_more_gets_no_page(browser, reader):
    first = browser.get("/")
    User.objects.filter(pk=reader.pk).update(is_active=False)
    assert browser.get("/", headers={"If-None-Match": first["ETag"]}).status_code == 302


def test_form_of_a_kept_page_works(account, reader, clock):
    browser = Client(enforce_csrf_checks=True)
    sign_in_now(browser, reader)
    for _ in range(3):
        page = browser.get("/").content.decode()
    assert is_kept(browser)
    [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
    assert browser.post("/sign-out/", {"csrfmiddlewaretoken": "x" * 64}).status_code == 403
    assert browser.post("/sign-out/", {"csrfmiddlewaretoken": token}).status_code == 302
