"""What a screen is answered: its page, its refreshes, and what an unchanged picture costs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core.cache import caches
from django.db import OperationalError, connection
from django.test import Client

from partners.models import PartnerAccount
from revenue.models import PullRun
from tests.factories import NOW, make_account, make_client, make_run, make_transaction
from tests.walls.builders import browser_of, make_screen
from walls.models import Screen

pytestmark = pytest.mark.django_db
FRAGMENT = "/wall/board/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def account() -> PartnerAccount:
    account = make_account()
    make_run(account)
    return account


@pytest.fixture
def browser(account) -> Client:
    return browser_of(make_screen(account))


def again(browser: Client, tag: str):
    return browser.get(FRAGMENT, headers={"If-None-Match": tag})


def test_unchanged_picture_costs_a_304_and_the_query_of_the_credential(browser, django_assert_num_queries):
    tag = browser.get(FRAGMENT).headers["ETag"]
    with django_assert_num_queries(1):
        answer = again(browser, tag)
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)


def test_unchanged_picture_costs_one_query_in_a_page_that_is_loaded_anew(browser, django_assert_num_queries):
    browser.get(FRAGMENT)
    with django_assert_num_queries(1):
        assert browser.get("/wall/").status_code == 200


def test_another_process_makes_the_same_tag(browser):
    tag = browser.get(FRAGMENT).headers["ETag"]
    caches["walls"].clear()
    assert again(browser, tag).status_code == 304


def test_screens_that_show_the_same_share_a_picture(account, browser, django_assert_num_queries):
    tag = browser.get(FRAGMENT).headers["ETag"]
    other = browser_of(make_screen(account, name="Another", place="Elsewhere", theme="light"))
    with django_assert_num_queries(1):
        assert again(other, tag).status_code == 304


def test_pull_that_brought_something_changes_the_picture(account, browser):
    tag = browser.get(FRAGMENT).headers["ETag"]
    make_transaction(account, fee_usd=Decimal("4321.00"))
    make_run(account, started_at=NOW + timedelta(seconds=1))
    answer = again(browser, tag)
    assert (answer.status_code, "4,321.00" in answer.content.decode()) == (200, True)


def test_pull_that_fails_changes_the_picture_and_keeps_the_figures(account, browser):
    make_transaction(account, fee_usd=Decimal("4321.00"))
    tag = browser.get(FRAGMENT).headers["ETag"]
    failed = {"as_of": None, "ties_out": None, "status": PullRun.Status.FAILED, "error_kind": "unreachable"}
    make_run(account, started_at=NOW + timedelta(seconds=1), **failed)
    text = again(browser, tag).content.decode()
    assert "Data from 13:00: Debitura is not answering" in text
    assert "4,321.00" in text


def test_picture_grows_old_by_itself(browser, clock, settings):
    before = browser.get(FRAGMENT)
    assert "picture--old" not in before.content.decode()
    clock.shift(timedelta(seconds=3 * settings.PULL_EVERY_SECONDS + 1))
    after = again(browser, before.headers["ETag"])
    assert after.status_code == 200
    assert "picture--old" in after.content.decode()
    assert "Data from 13:00: nothing new since: no pull has finished" in after.content.decode()


def test_picture_of_another_day_is_another_one(browser, clock):
    tag = browser.get(FRAGMENT).headers["ETag"]
    clock.shift(timedelta(hours=12))
    text = again(browser, tag).content.decode()
    assert "1–15 Mar 2026" in text
    assert "14 Mar 13:00" in text


def test_changed_settings_change_the_page_that_belongs_to_the_screen(browser):
    before = browser.get(FRAGMENT).headers["Wall-Page"]
    assert browser.get("/wall/").headers["Wall-Page"] == before
    Screen.objects.update(theme="light")
    assert browser.get(FRAGMENT).headers["Wall-Page"] != before


def test_another_build_changes_the_page_that_belongs_to_the_screen(browser, settings):
    before = browser.get(FRAGMENT).headers["Wall-Page"]
    settings.WALL_BUILD = "next"
    assert browser.get(FRAGMENT).headers["Wall-Page"] != before


def test_answers_are_kept_by_nobody_in_between(browser):
    assert browser.get("/wall/").headers["Cache-Control"] == "private, no-store"
    assert browser.get(FRAGMENT).headers["Cache-Control"] == "private, no-cache"


def test_page_goes_on_by_itself_without_a_script(account):
    screen = make_screen(account, boards=["cash", "health"], rotation_seconds=17)
    page = browser_of(screen).get("/wall/?board=1").content.decode()
    assert '<noscript><meta http-equiv="refresh" content="17; url=/wall/?board=0"></noscript>' in page
    assert 'data-shown="1"' in page


@pytest.mark.parametrize("board", ["", "x", "-1", "9999", "²", "12345678901234567890"])
def test_board_that_makes_no_sense_is_one_that_there_is(browser, board):
    assert browser.get(f"/wall/?board={board}").status_code == 200


def test_nothing_is_sent_to_who_may_only_look(browser):
    assert [browser.post(address).status_code for address in ("/wall/", FRAGMENT)] == [405, 405]


def test_words_of_other_people_are_escaped(account):
    client = make_client(account, company_name="<script>alert(1)</script>")
    make_transaction(client=client, fee_usd=Decimal("4321.00"))
    make_run(account, started_at=NOW + timedelta(seconds=1))
    page = browser_of(make_screen(account, name="<b>", place="<i>")).get("/wall/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;i&gt;" in page


def test_session_of_a_person_is_not_looked_at(browser, admin_client):
    assert 'id="code"' in admin_client.get("/wall/").content.decode()
    assert browser.get("/wall/").cookies.get("sessionid") is None


def out_of_order(*_: object) -> None:
    raise OperationalError("the database does not answer")


@pytest.mark.parametrize("is_paired", [True, False])
def test_screen_that_is_switched_on_while_the_database_does_not_answer_tries_again(browser, is_paired):
    screen = browser if is_paired else Client()
    with connection.execute_wrapper(out_of_order):
        page, fragment = screen.get("/wall/"), screen.get(FRAGMENT)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert '<noscript><meta http-equiv="refresh" content="60; url=/wall/"></noscript>' in page.content.decode()
    assert 'data-url="/wall/board/"' in page.content.decode()
    if is_paired:
        assert (fragment.status_code, fragment.headers.get("Wall-Page")) == (503, None)
        assert screen.get(FRAGMENT).status_code == 200
