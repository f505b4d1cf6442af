"""Guessing at passwords: who has to wait, who does not, and what nobody is told."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth import SESSION_KEY, authenticate
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import ApiToken
from accounts.signing_in.throttle import client_address, name_tried
from tests.factories import make_user

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
RIGHT = "a long enough pass phrase"
WRONG = "a guess at the pass phrase"
TRIES = 5


def sign_in(client: Client, password: str, email: str = "maria@example.com", **meta: Any) -> Any:
    return client.post(reverse("sign_in"), {"username": email, "password": password}, **meta)


def guess(client: Client, times: int, **options: Any) -> list[int]:
    return [sign_in(client, WRONG, **options).status_code for _ in range(times)]


@pytest.fixture
def _maria(db: None) -> None:
    make_user("maria@example.com", password=RIGHT)


@pytest.mark.usefixtures("_maria")
def test_fifth_wrong_password_is_answered_by_a_wait(client: Client) -> None:
    assert guess(client, TRIES) == [200, 200, 200, 200, 429]
    answer = sign_in(client, RIGHT)
    assert (answer.status_code, answer["Retry-After"], SESSION_KEY in client.session) == (429, "900", False)
    assert "Wait 15 minutes, then sign in again." in answer.content.decode()
    assert client.get(reverse("sign_in")).status_code == 200


@pytest.mark.usefixtures("_maria")
def test_wait_ends_and_tries_meanwhile_make_it_no_longer(client: Client) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        guess(client, TRIES)
        clock.shift(timedelta(minutes=14, seconds=59))
        assert guess(client, 1) == [429]
        clock.shift(timedelta(seconds=2))
        assert sign_in(client, RIGHT).status_code == 302


@pytest.mark.usefixtures("_maria")
def test_right_password_ends_the_count(client: Client) -> None:
    guess(client, TRIES - 1)
    assert sign_in(client, RIGHT).status_code == 302
    client.logout()
    assert guess(client, TRIES - 1) == [200] * 4


@pytest.mark.usefixtures("_maria")
def test_others_do_not_wait(client: Client) -> None:
    make_user("otto@example.com", password=RIGHT)
    guess(client, TRIES)
    assert sign_in(Client(), RIGHT, REMOTE_ADDR="192.0.2.7").status_code == 302
    assert sign_in(Client(), RIGHT, "otto@example.com").status_code == 302


@pytest.mark.usefixtures("_maria")
def test_address_typed_in_other_ways_is_the_same_one(client: Client) -> None:
    typed = ["maria@example.com", "Maria@Example.com", " MARIA@example.com", "mariA@example.com ", "maria@EXAMPLE.com"]
    assert [guess(client, 1, email=email)[0] for email in typed] == [200, 200, 200, 200, 429]


@pytest.mark.usefixtures("_maria")
def test_answers_do_not_tell_whether_there_is_such_a_person(client: Client) -> None:
    make_user("gone@example.com", password=RIGHT, is_active=False)

    def told(email: str) -> list[tuple[int, str]]:
        answers = [sign_in(Client(), WRONG, email) for _ in range(TRIES + 1)]
        pages = [re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", page.content.decode()) for page in answers]
        return [(page.status_code, text.replace(email, "")) for page, text in zip(answers, pages, strict=True)]

    assert told("maria@example.com") == told("nobody@example.com") == told("gone@example.com")


@pytest.mark.usefixtures("_maria")
def test_nothing_that_was_typed_as_a_password_is_kept_or_logged(client: Client, caplog: Any) -> None:
    guess(client, TRIES)
    kept = str(AccessAttempt.objects.values().get())
    assert (WRONG in kept, WRONG in caplog.text, "maria" in caplog.text) == (False, False, False)


@pytest.mark.usefixtures("_maria")
def test_tokens_work_while_their_owner_waits(client: Client) -> None:
    token = ApiToken.issue(make_user("otto@example.com", password=RIGHT))
    guess(client, TRIES, email="otto@example.com")
    answer = Client().get("/api/v1/schema/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


@pytest.mark.usefixtures("_maria")
@pytest.mark.parametrize(("trusted", "last"), [(False, 429), (True, 302)])
def test_people_behind_a_proxy_are_told_apart_where_it_is_trusted(
    client: Client, settings: Any, trusted: bool, last: int
) -> None:
    settings.TRUST_X_FORWARDED_FOR = trusted
    guess(client, TRIES, HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert sign_in(client, RIGHT, HTTP_X_FORWARDED_FOR="198.51.100.2").status_code == last


@pytest.mark.parametrize(
    ("remote", "forwarded", "trusted", "address"),
    [
        ("192.0.2.7", "", False, "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", False, "192.0.2.7"),
        ("127.0.0.1", "198.51.100.1", True, "198.51.100.1"),
        ("127.0.0.1", "1.2.3.4, 198.51.100.1", True, "198.51.100.1"),
        ("127.0.0.1", "", True, "127.0.0.1"),
        ("127.0.0.1", "nonsense", True, None),
        ("", "", False, None),
        ("::ffff:192.0.2.7", "", False, "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "", False, "2001:db8:1:2::"),
    ],
)
def test_client_address(settings: Any, remote: str, forwarded: str, trusted: bool, address: str | None) -> None:
    settings.TRUST_X_FORWARDED_FOR = trusted
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


@pytest.mark.parametrize(
    ("typed", "name"),
    [(" Maria@Example.COM ", "maria@example.com"), ("marıa@example.com", "maria@example.com"), ("ß" * 254, "s" * 255)],
)
def test_name_tried(typed: str, name: str) -> None:
    assert name_tried(RequestFactory().post("/"), {"username": typed}) == name


@pytest.mark.usefixtures("_maria")
def test_command_that_checks_a_password_does_not_wait() -> None:
    guess(Client(), TRIES)
    assert authenticate(username="maria@example.com", password=WRONG) is None
    assert authenticate(username="maria@example.com", password=RIGHT) is not None


@pytest.mark.django_db(transaction=True)
def test_every_guess_of_many_at_once_is_counted() -> None:
    make_user("maria@example.com", password=RIGHT)
    ready = Barrier(TRIES)

    def guess_once(number: int) -> int:
        ready.wait(timeout=30)
        try:
            return guess(Client(headers={"User-Agent": f"browser {number % 2}"}), 1)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(TRIES) as pool:
        statuses = list(pool.map(guess_once, range(TRIES)))
    assert set(statuses) <= {200, 429}
    assert sum(AccessAttempt.objects.values_list("failures_since_start", flat=True)) == TRIES
    assert sign_in(Client(), RIGHT).status_code == 429


@pytest.mark.usefixtures("_maria")
def test_who_tries_one_password_with_many_names_waits_and_others_do_not(client: Client) -> None:
    with time_machine.travel(NOW, tick=False):
        tried = {sign_in(client, WRONG, f"person{number}@example.com").status_code for number in range(60)}
        assert (tried, sign_in(client, RIGHT).status_code) == ({200}, 429)
        assert sign_in(client, RIGHT, REMOTE_ADDR="192.0.2.99").status_code == 302
