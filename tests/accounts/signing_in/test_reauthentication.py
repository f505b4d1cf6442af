"""What is grave asks again who somebody is, when it was asked too long ago; and keeps nothing of what came too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse

from accounts.models import User
from accounts.signing_in.reauthentication import recently_signed_in
from config.urls import urlpatterns as real
from tests.factories import app_code, make_app, make_user, sign_in_now

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PASSWORD = "a long enough pass phrase"
AGAIN = "/sign-in/again/?next=%2Fgrave%2F"
SECRET = "the-key-of-the-partner"


@recently_signed_in
def grave(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"done by {request.method}")


urlpatterns = [*real, path("grave/", grave, name="grave")]


@pytest.fixture
def maria() -> User:
    return make_user("maria@example.com")


def prove(client: Client, target: str = "/grave/", **proof: str) -> Any:
    return client.post(reverse("sign_in_again"), {"next": target, **proof})


def test_sign_in_is_a_proof_for_a_while(client: Client, maria: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        client.post(reverse("sign_in"), {"username": maria.email, "password": PASSWORD})
        clock.shift(timedelta(minutes=14, seconds=59))
        assert client.get("/grave/").content == b"done by GET"
        clock.shift(timedelta(seconds=1))
        assert client.get("/grave/")["Location"] == AGAIN


def test_time_of_a_proof_is_a_setting(client: Client, maria: User, settings: Any) -> None:
    settings.REAUTHENTICATE_AFTER_SECONDS = 60
    with time_machine.travel(NOW, tick=False) as clock:
        sign_in_now(client, maria)
        clock.shift(timedelta(seconds=60))
        assert client.get("/grave/")["Location"] == AGAIN


def test_password_is_a_proof_and_leads_back(client: Client, maria: User) -> None:
    client.force_login(maria)
    assert "maria@example.com" in client.get(AGAIN).content.decode()
    assert prove(client, password=PASSWORD)["Location"] == "/grave/"
    assert client.post("/grave/").content == b"done by POST"


def test_code_is_a_proof(client: Client, maria: User) -> None:
    secret = make_app(maria)
    client.force_login(maria)
    assert prove(client, code=app_code(secret))["Location"] == "/grave/"
    assert client.get("/grave/").status_code == 200


@pytest.mark.parametrize("proof", [{"password": "wrong"}, {"code": "000"}, {"credential": "{}"}, {}])
def test_wrong_proof_proves_nothing_and_the_fifth_has_to_wait(
    client: Client, maria: User, proof: dict[str, str]
) -> None:
    make_app(maria)
    client.force_login(maria)
    statuses = [prove(client, **proof).status_code for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]
    assert client.get("/grave/")["Location"] == AGAIN
    assert SESSION_KEY in client.session


def test_proof_of_somebody_else_proves_nothing(client: Client, maria: User) -> None:
    otto = make_user("otto@example.com", password="another pass phrase of otto")
    secret = make_app(otto)
    client.force_login(maria)
    prove(client, password="another pass phrase of otto")
    prove(client, code=app_code(secret))
    assert client.get("/grave/")["Location"] == AGAIN


def test_proof_does_not_outlive_its_session(client: Client, maria: User) -> None:
    sign_in_now(client, make_user())
    client.force_login(maria)
    assert client.get("/grave/")["Location"] == AGAIN


def test_post_that_comes_too_late_is_neither_done_nor_kept(client: Client, maria: User) -> None:
    client.force_login(maria)
    answer = client.post("/grave/", {"api_key": SECRET})
    assert answer["Location"] == AGAIN
    kept = [str(row.get_decoded()) for row in Session.objects.all()]
    assert [SECRET in text for text in kept] == [False]
    assert "Nothing was saved" in client.get(AGAIN).content.decode()
    assert prove(client, password=PASSWORD)["Location"] == "/grave/"
    assert client.get("/grave/").content == b"done by GET"


def test_post_to_an_address_without_a_page_leads_to_the_page_of_its_form(client: Client, maria: User) -> None:
    client.force_login(maria)
    assert client.post(reverse("recovery_codes"))["Location"] == "/sign-in/again/?next=%2Fprofile%2Fsecurity%2F"


def test_fragment_makes_the_whole_page_ask(client: Client, maria: User) -> None:
    client.force_login(maria)
    answer = client.post("/grave/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, AGAIN)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_proof_never_leads_to_another_host(client: Client, maria: User, target: str) -> None:
    client.force_login(maria)
    assert prove(client, target, password=PASSWORD)["Location"] == "/profile/"


def test_nobody_is_asked_again_before_signing_in(client: Client) -> None:
    assert client.get("/grave/")["Location"] == "/sign-in/?next=/grave/"
    assert client.get(reverse("sign_in_again"))["Location"] == "/sign-in/?next=/sign-in/again/"


def test_session_remembers_the_last_proofs_alone(client: Client, maria: User) -> None:
    client.force_login(maria)
    for _ in range(12):
        prove(client, password=PASSWORD)
    assert len(client.session["account_authentication_methods"]) == 10
