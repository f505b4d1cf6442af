"""Sessions: listed with their browser, ended at once, and noted once a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.signing_in.sessions import browser_name, end_sessions, open_sessions
from tests.factories import make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PASSWORD = "a long enough pass phrase"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/17.5 Safari/604.1"


def signed_in(user: User, user_agent: str = FIREFOX, address: str = "192.0.2.7") -> Client:
    browser = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=address)
    answer = browser.post(reverse("sign_in"), {"username": user.email, "password": PASSWORD})
    assert (answer.status_code, SESSION_KEY in browser.session) == (302, True)
    return browser


def is_inside(browser: Client) -> bool:
    return browser.get(reverse("profile")).status_code == 200


@pytest.fixture
def maria() -> User:
    return make_user("maria@example.com")


def test_page_lists_own_sessions_alone_and_says_which_is_this_one(maria: User) -> None:
    signed_in(make_user("otto@example.com"), address="203.0.113.9")
    signed_in(maria, PHONE, "198.51.100.1")
    page = signed_in(maria).get(reverse("sessions"))
    listed = [(one["browser"], one["address"], one["is_this"]) for one in page.context["sessions"]]
    assert listed == [("Firefox on Linux", "192.0.2.7", True), ("Safari on iPhone", "198.51.100.1", False)]
    assert ("203.0.113.9" in page.content.decode(), page["Cache-Control"]) == (False, "private, no-store")


def test_what_a_browser_says_of_itself_is_no_markup(maria: User) -> None:
    page = signed_in(maria, "<script>alert(1)</script>").get(reverse("sessions")).content.decode()
    assert ("<script>alert" in page, "Unknown browser" in page) == (False, True)


def test_ended_session_is_over_at_once(maria: User) -> None:
    lost, here = signed_in(maria), signed_in(maria)
    pk = UserSession.objects.get(session_key=lost.session.session_key).pk
    assert here.post(reverse("session_end", args=[pk]))["Location"] == "/profile/sessions/"
    assert (is_inside(lost), is_inside(here)) == (False, True)


def test_ending_this_session_is_signing_out(maria: User) -> None:
    here = signed_in(maria)
    answer = here.post(reverse("session_end", args=[UserSession.objects.get().pk]))
    assert (answer["Location"], is_inside(here)) == ("/sign-in/", False)


def test_session_of_somebody_else_is_unknown(maria: User) -> None:
    theirs, here = signed_in(make_user("otto@example.com")), signed_in(maria)
    pk = UserSession.objects.get(session_key=theirs.session.session_key).pk
    statuses = [here.post(reverse("session_end", args=[key])).status_code for key in (pk, 999_999)]
    assert (statuses, is_inside(theirs)) == ([404, 404], True)


def test_all_others_are_ended_but_nobody_else_is(maria: User) -> None:
    theirs = signed_in(make_user("otto@example.com"))
    one, two, here = signed_in(maria), signed_in(maria), signed_in(maria)
    assert "2 other sessions ended." in here.post(reverse("sessions_end_others"), follow=True).content.decode()
    assert [is_inside(each) for each in (one, two, here, theirs)] == [False, False, True, True]


@pytest.mark.parametrize("name", ["sessions_end_others", "session_end"])
def test_ending_needs_post(maria: User, name: str) -> None:
    here = signed_in(maria)
    assert here.get(reverse(name, args=[1] if name == "session_end" else [])).status_code == 405


def test_new_password_ends_the_others_and_this_one_stays_listed(maria: User) -> None:
    other, here = signed_in(maria), signed_in(maria)
    new = {"new_password1": "another long phrase 77", "new_password2": "another long phrase 77"}
    here.post(reverse("password_change"), {"old_password": PASSWORD, **new})
    assert (is_inside(other), is_inside(here)) == (False, True)
    maria.refresh_from_db()
    assert [one.session_key for one in open_sessions(maria)] == [here.session.session_key]


def test_session_from_before_a_password_that_a_command_has_changed_is_not_listed(maria: User) -> None:
    signed_in(maria)
    maria.set_password("another long phrase 77")
    maria.save()
    assert open_sessions(maria) == []


def test_session_that_is_signed_out_or_over_is_not_listed(maria: User) -> None:
    signed_in(maria).post(reverse("sign_out"))
    assert open_sessions(maria) == []
    signed_in(maria)
    Session.objects.update(expire_date=NOW - timedelta(days=400))
    assert open_sessions(maria) == []


def test_deactivated_person_is_outside_at_the_next_request(maria: User) -> None:
    here = signed_in(maria)
    User.objects.filter(pk=maria.pk).update(is_active=False)
    assert here.get("/")["Location"] == "/sign-in/?next=/"


def test_every_session_of_a_person_is_ended_by_one_call(maria: User) -> None:
    browsers = [signed_in(maria), signed_in(maria)]
    assert (end_sessions(maria), [is_inside(each) for each in browsers]) == (2, [False, False])


def test_use_is_noted_once_a_minute_with_where_it_came_from(maria: User, django_assert_num_queries: Any) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        here = signed_in(maria)
        is_inside(here)
        clock.shift(timedelta(seconds=59))
        with django_assert_num_queries(3):  # the session, the person, and for the navigation what they see
            is_inside(here)
        assert UserSession.objects.get().last_seen_at == NOW
        clock.shift(timedelta(seconds=1))
        here.get(reverse("profile"), REMOTE_ADDR="198.51.100.1")
        found = UserSession.objects.get()
        assert (found.last_seen_at, found.ip) == (NOW + timedelta(minutes=1), "198.51.100.1")


def test_note_of_another_process_is_enough(maria: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        here = signed_in(maria)
        is_inside(here)
        clock.shift(timedelta(seconds=30))
        caches["default"].clear()
        is_inside(here)
        assert UserSession.objects.get().last_seen_at == NOW


def test_list_asks_as_much_for_three_as_for_one(maria: User, django_assert_num_queries: Any) -> None:
    here = signed_in(maria)
    is_inside(here)
    for more in (0, 2):
        for _ in range(more):
            signed_in(maria)
        with django_assert_num_queries(5):
            here.get(reverse("sessions"))


def test_sign_in_without_an_address_is_listed_without_one(maria: User) -> None:
    page = signed_in(maria, address="").get(reverse("sessions"), REMOTE_ADDR="")
    assert [one["address"] for one in page.context["sessions"]] == [""]


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/126.0 Safari/537 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 Chrome/126.0 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605 Version/17.5 Safari/605", "Safari on macOS"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_browser_name(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name
