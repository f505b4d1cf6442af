"""The credential of a screen: what opens, what does not, and that no lost answer locks a screen out."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client

from tests.factories import NOW, make_account
from tests.walls.builders import browser_of, make_screen
from walls import credentials
from walls.models import Screen

pytestmark = pytest.mark.django_db
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def screen() -> Screen:
    return make_screen(make_account())


def shows_boards(browser: Client) -> bool:
    return browser.get("/wall/board/").status_code == 200


def cookie_of(browser: Client) -> str:
    return browser.cookies[credentials.cookie_name()].value


def with_cookie(value: str) -> Client:
    browser = Client()
    browser.cookies[credentials.cookie_name()] = value
    return browser


@time_machine.travel(NOW, tick=False)
def test_credential_opens_its_boards_and_is_not_kept_in_the_clear(screen):
    browser = browser_of(screen)
    assert shows_boards(browser)
    secret = cookie_of(browser).split(".")[1]
    assert [name for name, value in Screen.objects.values().get().items() if secret in str(value)] == []


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize("address", ["/", "/transactions/", "/settings/screens/", "/api/v1/summary"])
def test_credential_opens_nothing_else(screen, address):
    assert browser_of(screen).get(address).status_code in (302, 401, 403)


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    "spoiled", ["", "1", "x.y", ".secret", "99999999999999999999.x", "{key}.", "{key}.wrong", "-1.x"]
)
def test_credential_that_is_none_opens_nothing(screen, spoiled):
    browser_of(screen)
    assert not shows_boards(with_cookie(spoiled.format(key=screen.pk)))


@time_machine.travel(NOW, tick=False)
def test_credential_of_another_screen_opens_nothing_with_this_key(screen):
    other = make_screen(screen.account)
    secret = cookie_of(browser_of(other)).split(".")[1]
    browser_of(screen)
    assert not shows_boards(with_cookie(f"{screen.pk}.{secret}"))


@time_machine.travel(NOW, tick=False)
def test_empty_digests_match_no_secret(screen):
    # SHA-256 of nothing is not "": a screen that never got a credential is opened by none.
    assert not shows_boards(with_cookie(f"{screen.pk}."))
    assert not shows_boards(with_cookie(f"{screen.pk}.x"))


@time_machine.travel(NOW, tick=False)
def test_revoked_screen_is_shown_nothing(screen):
    browser = browser_of(screen)
    Screen.objects.update(revoked_at=NOW)
    assert not shows_boards(browser)


def test_secret_changes_once_a_day_and_the_old_one_ends(screen):
    with time_machine.travel(NOW, tick=False) as clock:
        browser = browser_of(screen)
        first = cookie_of(browser)
        clock.shift(DAY - MINUTE)
        assert shows_boards(browser)
        assert cookie_of(browser) == first
        clock.shift(MINUTE)
        assert shows_boards(browser)
        second = cookie_of(browser)
        assert second != first
        # The answer may have been lost: until the new one comes, the old one opens.
        assert shows_boards(with_cookie(first))
        assert shows_boards(browser)
        clock.shift(credentials.OVERLAP - timedelta(seconds=1))
        assert shows_boards(with_cookie(first))
        clock.shift(timedelta(seconds=1))
        assert not shows_boards(with_cookie(first))
        assert shows_boards(browser)
        assert cookie_of(browser) == second


def test_secret_that_was_lost_on_its_way_is_sent_anew_and_never_locks_out(screen):
    with time_machine.travel(NOW, tick=False) as clock:
        first = cookie_of(browser_of(screen))
        clock.shift(DAY)
        lost = with_cookie(first)
        assert shows_boards(lost)
        assert cookie_of(lost) != first
        # Not one for every request in between, or the last that arrives would not be the last that was sent.
        clock.shift(HOUR - MINUTE)
        again = with_cookie(first)
        assert shows_boards(again)
        assert cookie_of(again) == first
        clock.shift(MINUTE)
        assert shows_boards(again)
        assert cookie_of(again) not in (first, cookie_of(lost))
        assert shows_boards(again)
        assert not shows_boards(lost)


@time_machine.travel(NOW + DAY, tick=False)
def test_new_secret_is_sent_to_one_of_two_who_ask_at_once(screen):
    browser_of(screen, NOW)
    before = credentials.watched(screen.pk)
    assert before is not None
    answers = []
    for _ in range(2):
        response = HttpResponse()
        credentials._turn_secret(response, before, before.digest, NOW + DAY)
        answers.append(credentials.cookie_name() in response.cookies)
    assert answers == [True, False]


def test_heartbeat_is_written_once_a_minute(screen):
    with time_machine.travel(NOW, tick=False) as clock:
        browser = browser_of(screen)
        clock.shift(timedelta(seconds=59))
        browser.get("/wall/board/")
        screen.refresh_from_db()
        assert screen.last_seen_at == NOW
        clock.shift(timedelta(seconds=1))
        browser.get("/wall/board/?build=abc123&size=1920x1080")
        screen.refresh_from_db()
        assert (screen.last_seen_at, screen.build, screen.width, screen.height) == (NOW + MINUTE, "abc123", 1920, 1080)


@time_machine.travel(NOW + MINUTE, tick=False)
@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("?size=1920", ("", None, None)),
        ("?size=axb&build=<b>", ("", None, None)),
        ("?size=9999999x1&build=" + "a" * 40, ("a" * 16, None, None)),
        ("?size=999999x999999", ("", 100_000, 100_000)),
        ("?size=²x²&build=%00", ("", None, None)),
    ],
)
def test_what_a_screen_tells_of_itself_is_taken_as_far_as_it_makes_sense(screen, query, known):
    browser_of(screen, NOW).get(f"/wall/board/{query}")
    screen.refresh_from_db()
    assert (screen.build, screen.width, screen.height) == known


@time_machine.travel(NOW, tick=False)
def test_cookie_is_closed_to_scripts_and_bound_to_the_host_over_tls(screen, settings):
    settings.HTTPS = True
    response = HttpResponse()
    credentials.set_cookie(response, credentials.cookie_name(), "1.secret")
    [(name, cookie)] = response.cookies.items()
    assert name == "__Host-wall"
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        *(True, True, "Lax", "/"),
        "",
    )
