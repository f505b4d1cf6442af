"""Passwords that are refused, and the way to a new one: open to who reads the mailbox, once, and telling nobody anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.mail import wait_for_mail
from accounts.models import User
from tests.factories import app_code, make_app, make_user, sign_in_now

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
OLD = "a long enough pass phrase"
NEW = "another long phrase 77"


# --- What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "feeboard-2026",
        "FeeBoard!2026!",
        "Password12345!",
        "debitura.feeboard",
        "Admin.Password.1",
        "maria@example.com",
        "Maria Lindqvist",
        "123456789012345",
        "too short",
        "qwertyuiop[]",
        "1q2w3e4r5t6y",
    ],
)
def test_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(email="maria@example.com", name="Maria Lindqvist"))


@pytest.mark.parametrize("password", [OLD, "feeboard correct horse staple", "Zx9#kkW!qpL2vv", "8402-1175-9930-x"])
def test_password_that_is_long_and_ones_own_is_taken(password: str) -> None:
    validate_password(password, User(email="maria@example.com", name="Maria Lindqvist"))


@pytest.mark.django_db
def test_old_password_is_guessed_at_five_times_in_an_open_session(client: Client) -> None:
    sign_in_now(client, make_user())
    guess = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    statuses = [client.post(reverse("password_change"), guess).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    assert client.post(reverse("password_change"), guess | {"old_password": OLD}).status_code == 429


@pytest.mark.django_db
def test_changed_password_is_told_by_mail(client: Client) -> None:
    sign_in_now(client, make_user("maria@example.com"))
    client.post(reverse("password_change"), {"old_password": OLD, "new_password1": NEW, "new_password2": NEW})
    wait_for_mail()
    [told] = mail.outbox
    assert (told.to, told.body.splitlines()[0]) == (["maria@example.com"], "Your password was changed.")
    assert NEW not in told.body


# --- A forgotten one ----------------------------------------------------------------------------------


def forget(client: Client, email: str, **meta: Any) -> Any:
    return client.post(reverse("password_forgotten"), {"email": email}, **meta)


def links() -> list[str]:
    """What was sent so far: the path of each link."""
    wait_for_mail()
    return [path for each in mail.outbox for path in re.findall(r"http://testserver(/sign-in/new/\S+)", str(each.body))]


def set_new(client: Client, link: str) -> Any:
    """Follow the link and send the form."""
    page = client.get(link, follow=True)
    address = page.redirect_chain[-1][0] if page.redirect_chain else link
    return client.post(address, {"new_password1": NEW, "new_password2": NEW})


@pytest.fixture
def maria(db: None) -> User:
    return make_user("maria@example.com")


def test_link_sets_a_new_password_once_and_ends_the_sessions(client: Client, maria: User) -> None:
    inside = Client()
    inside.post(reverse("sign_in"), {"username": maria.email, "password": OLD})
    assert forget(client, " Maria@Example.com")["Location"] == "/sign-in/forgotten/sent/"
    [link] = links()
    assert mail.outbox[0].to == ["maria@example.com"]
    assert set_new(client, link)["Location"] == "/sign-in/"
    maria.refresh_from_db()
    assert (maria.check_password(NEW), SESSION_KEY in client.session) == (True, False)
    assert inside.get("/")["Location"] == "/sign-in/?next=/"
    wait_for_mail()
    assert mail.outbox[-1].body.startswith("Your password was set anew")
    assert "no longer works" in Client().get(link).content.decode()


def test_link_ends_after_an_hour(client: Client, maria: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        forget(client, maria.email)
        [link] = links()
        clock.shift(timedelta(hours=1, seconds=1))
        assert set_new(client, link).status_code == 200
    maria.refresh_from_db()
    assert maria.check_password(OLD)


def test_link_of_who_is_switched_off_since_no_longer_works(client: Client, maria: User) -> None:
    forget(client, maria.email)
    [link] = links()
    User.objects.update(is_active=False)
    set_new(client, link)
    maria.refresh_from_db()
    assert maria.check_password(OLD)


def test_weak_password_is_refused_by_the_link_too(client: Client, maria: User) -> None:
    forget(client, maria.email)
    [link] = links()
    address = client.get(link)["Location"]
    answer = client.post(address, {"new_password1": "Feeboard-2026", "new_password2": "Feeboard-2026"})
    assert "everybody tries first" in answer.content.decode()


def test_link_is_no_way_round_the_second_factor(client: Client, maria: User) -> None:
    secret = make_app(maria)
    forget(client, maria.email)
    [link] = links()
    set_new(client, link)
    answer = client.post(reverse("sign_in"), {"username": maria.email, "password": NEW})
    assert (answer["Location"], SESSION_KEY in client.session) == ("/sign-in/code/", False)
    client.post(reverse("mfa_authenticate"), {"code": app_code(secret)})
    assert SESSION_KEY in client.session


def test_everybody_gets_the_same_answer_and_only_who_has_a_password_gets_mail(maria: User) -> None:
    make_user("gone@example.com", is_active=False)
    User.objects.create(email="sso@example.com", password="!")
    answers = [forget(Client(), f"{name}@example.com") for name in ("maria", "nobody", "gone", "sso")]
    told = {(answer.status_code, answer["Location"], answer.content, str(answer.cookies)) for answer in answers}
    assert (len(told), len(links()), [each.to for each in mail.outbox]) == (1, 1, [["maria@example.com"]])


@pytest.mark.parametrize("email", ["maria@example.com", "nobody@example.com"])
def test_nobody_is_flooded_with_mail(maria: User, email: str) -> None:
    answers = [forget(Client(), email, REMOTE_ADDR=f"192.0.2.{number}") for number in range(7)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429] * 2


def test_new_password_ends_the_wait_of_who_had_guessed_at_the_old_one(client: Client, maria: User) -> None:
    for _ in range(5):
        client.post(reverse("sign_in"), {"username": maria.email, "password": "wrong"})
    forget(client, maria.email)
    set_new(client, links()[0])
    assert client.post(reverse("sign_in"), {"username": maria.email, "password": NEW})["Location"] == "/"


@pytest.mark.django_db
@pytest.mark.parametrize("link", ["/sign-in/new/MQ/nonsense/", "/sign-in/new/////", "/sign-in/new/%00/x/"])
def test_link_that_nobody_sent_opens_nothing(client: Client, link: str) -> None:
    assert client.get(link, follow=True).status_code in {200, 404}
    assert SESSION_KEY not in client.session


def test_mail_that_cannot_be_sent_fails_no_page_and_is_logged_without_the_address(
    client: Client, maria: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 9
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 5
    assert forget(client, maria.email).status_code == 302
    wait_for_mail()
    assert ("A mail could not be sent" in caplog.text, maria.email in caplog.text) == (True, False)
