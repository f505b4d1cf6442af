"""The pages on which admins look after their screens."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client

from accounts.models import AuditEvent, Role
from tests.factories import NOW, make_account, make_member, make_run, sign_in_now
from tests.walls.builders import browser_of, make_screen
from tests.walls.test_pairing import FORM
from walls.models import Screen

pytestmark = pytest.mark.django_db
# Another one in every answer.
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"')


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def account():
    account = make_account()
    make_run(account)
    return account


@pytest.fixture
def browser(account) -> Client:
    browser = Client()
    sign_in_now(browser, make_member(account, Role.ADMIN))
    return browser


def addresses(screen: Screen) -> list[str]:
    own = f"/settings/screens/{screen.pk}/"
    return ["/settings/screens/", "/settings/screens/claim/", own, f"{own}preview/"]


def test_list_tells_when_each_screen_was_seen_last_and_which_is_dark(account, browser):
    make_screen(account, name="Alive", last_seen_at=NOW - timedelta(minutes=2), build="old", width=1920, height=1080)
    make_screen(account, name="Silent", last_seen_at=NOW - timedelta(hours=3))
    make_screen(account, name="Revoked", revoked_at=NOW)
    make_screen(make_account(), name="Foreign")
    page = browser.get("/settings/screens/").content.decode()
    assert [name for name in ("Alive", "Silent", "Revoked", "Foreign") if f"<bdi>{name}</bdi>" in page] == [
        "Alive",
        "Silent",
    ]
    assert (page.count("Dark</span>"), page.count("not this one")) == (1, 1)
    assert "1920 × 1080" in page


def test_who_signed_in_long_ago_is_asked_again_before_a_screen_gets_figures(account, browser):
    screen = make_screen(account, privacy="index")
    browser.force_login(make_member(account, Role.ADMIN))
    for page in ("/settings/screens/claim/?code=ACDEFGHJ", f"/settings/screens/{screen.pk}/"):
        again = f"/sign-in/again/?{urlencode({'next': page})}"
        assert [browser.get(page)["Location"], browser.post(page, FORM)["Location"]] == [again, again]
    screen.refresh_from_db()
    assert (screen.privacy, Screen.objects.count()) == ("index", 1)


def test_page_of_a_screen_says_who_paired_it(account, browser):
    screen = make_screen(account)
    screen.paired_by = make_member(account, Role.ADMIN, email="gone@example.com", is_active=False)
    screen.save()
    assert "by <bdi>gone@example.com</bdi>." in browser.get(f"/settings/screens/{screen.pk}/").content.decode()


def test_list_costs_as_many_queries_for_three_screens_as_for_one(account, browser, django_assert_num_queries):
    make_screen(account)
    browser.get("/settings/screens/")
    for _ in range(2):
        with django_assert_num_queries(6):
            browser.get("/settings/screens/")
        make_screen(account), make_screen(account)


def test_change_is_saved_and_written_down(account, browser):
    screen = make_screen(account)
    answer = browser.post(f"/settings/screens/{screen.pk}/", FORM | {"board_2": ""})
    assert answer.status_code == 302
    screen.refresh_from_db()
    assert (screen.name, screen.boards, screen.numbers, screen.zoom) == ("Sales", ["cash"], "da", 110)
    line = AuditEvent.objects.get(action="screen_changed")
    assert (line.subject, "boards" in line.detail["changed"], "privacy" in line.detail["changed"]) == (
        *("Sales", True),
        False,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"board_1": ""},
        {"board_1": "wages"},
        {"board_2": "cash"},
        {"rotation_seconds": "4"},
        {"dark_after_minutes": "4"},
        {"zoom": "400"},
        {"time_zone": "Nowhere"},
        {"privacy": ""},
        {"place": "x" * 41},
    ],
)
def test_settings_that_make_no_sense_change_nothing(account, browser, wrong):
    screen = make_screen(account)
    assert browser.post(f"/settings/screens/{screen.pk}/", FORM | wrong).status_code == 400
    assert Screen.objects.get().name == screen.name


def test_preview_shows_the_boards_and_is_no_sign_of_life(account, browser):
    screen = make_screen(account)
    page = browser.get(f"/settings/screens/{screen.pk}/preview/").content.decode()
    assert page.count("board__title") == 4
    assert 'data-url=""' in page
    screen.refresh_from_db()
    assert screen.last_seen_at is None


def test_revoked_screen_is_gone_from_every_page(account, browser):
    screen = make_screen(account)
    display = browser_of(screen)
    assert browser.get(f"/settings/screens/{screen.pk}/revoke/").status_code == 405
    assert browser.post(f"/settings/screens/{screen.pk}/revoke/").status_code == 302
    assert display.get("/wall/board/").status_code == 204
    assert [browser.get(address).status_code for address in addresses(screen)[2:]] == [404, 404]
    assert AuditEvent.objects.filter(action="screen_revoked", subject=screen.name).count() == 1


def test_screen_of_another_account_answers_as_one_that_there_is_not(account, browser):
    foreign = make_screen(make_account())
    for address in addresses(foreign)[2:]:
        unknown = address.replace(str(foreign.pk), "987654321")
        theirs, nobodys = browser.get(address), browser.get(unknown)
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert TOKEN.sub(b"", theirs.content) == TOKEN.sub(b"", nobodys.content)
    assert browser.post(f"/settings/screens/{foreign.pk}/revoke/").status_code == 404
    foreign.refresh_from_db()
    assert foreign.revoked_at is None


@pytest.mark.parametrize(("role", "status"), [(Role.FINANCE, 403), (Role.MANAGER, 403), (Role.CLIENT, 404)])
def test_pages_are_for_admins(account, role, status):
    screen, browser = make_screen(account), Client()
    browser.force_login(make_member(account, role))
    assert [browser.get(address).status_code for address in addresses(screen)] == [status] * 4
    assert browser.post(f"/settings/screens/{screen.pk}/revoke/").status_code == status


def test_pages_ask_who_is_not_signed_in(account):
    assert [Client().get(address).status_code for address in addresses(make_screen(account))] == [302] * 4
