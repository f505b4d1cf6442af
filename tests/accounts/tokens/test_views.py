"""The page of one's own tokens: made, shown once, listed, revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.forms import TokenForm
from accounts.models import ApiToken, User
from tests.factories import make_account, make_user, sign_in_now

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
WANTED = {"name": "month end", "scopes": ["read"], "lifetime": "90"}
TOKEN = re.compile(r"fb_[\w-]{43}")


@pytest.fixture
def person() -> User:
    return make_user("maria@example.com")


@pytest.fixture
def browser(person: User) -> Client:
    client = Client()
    sign_in_now(client, person)
    return client


def make(browser: Client, **fields: Any) -> Any:
    return browser.post(reverse("tokens"), WANTED | fields)


def revoke(browser: Client, token: ApiToken) -> Any:
    return browser.post(reverse("token_revoke", args=[token.pk]))


def status_with(token: str) -> int:
    return APIClient().get("/api/v1/summary", HTTP_AUTHORIZATION=f"Bearer {token}").status_code


@time_machine.travel(NOW, tick=False)
def test_token_is_made_as_it_is_asked_for(browser: Client, person: User) -> None:
    make_account()
    answer = make(browser, scopes=["read", "references"])
    [token] = set(TOKEN.findall(answer.content.decode()))
    kept = ApiToken.objects.get()
    assert (kept.user, kept.name, kept.scopes) == (person, "month end", ["read", "references"])
    assert (kept.expires_at, kept.digest) == (NOW + timedelta(days=90), ApiToken.digest_of(token))
    assert status_with(token) == 200


@pytest.mark.parametrize(("lifetime", "days"), [("30", 30), ("90", 90), ("365", 365), ("never", None)])
@time_machine.travel(NOW, tick=False)
def test_token_ends_when_it_was_wanted_to(browser: Client, lifetime: str, days: int | None) -> None:
    make(browser, lifetime=lifetime)
    assert ApiToken.objects.get().expires_at == (None if days is None else NOW + timedelta(days=days))


def test_form_proposes_to_read_for_90_days(browser: Client) -> None:
    form = browser.get(reverse("tokens")).context["form"]
    assert (form["scopes"].value(), form["lifetime"].value()) == (["read"], "90")


def test_token_stands_in_one_answer_and_nowhere_else(browser: Client, caplog: Any) -> None:
    answer = make(browser)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")
    [token] = TOKEN.findall(answer.content.decode())
    later = browser.get(reverse("tokens"))
    assert later["Cache-Control"] == "private, no-store"
    kept = [str(ApiToken.objects.values().get()), *(str(session.get_decoded()) for session in Session.objects.all())]
    places = [later.content.decode(), str(answer.headers), str(browser.cookies), caplog.text, *kept]
    assert [place for place in places if token in place or token[3:] in place] == []
    assert "month end" in places[0]


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"name": " "}, "name", "This field is required."),
        ({"name": "x" * 61}, "name", "Ensure this value has at most 60 characters (it has 61)."),
        ({"scopes": []}, "scopes", "Choose what the token may do."),
        (
            {"scopes": ["read", "all"]},
            "scopes",
            "Select a valid choice. all is not one of the available choices.",
        ),
        ({"lifetime": "9999"}, "lifetime", "Select a valid choice. 9999 is not one of the available choices."),
    ],
)
def test_token_is_not_made_of_a_form_with_a_mistake(browser: Client, wrong: Any, field: str, told: str) -> None:
    answer = make(browser, **wrong)
    assert (answer.status_code, answer.context["form"].errors) == (400, {field: [told]})
    assert told in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_no_more_tokens_are_made_than_a_page_shows(browser: Client, person: User) -> None:
    tokens = [ApiToken(user=person, name="x", scopes=["read"], digest=str(n)) for n in range(TokenForm.MOST_TOKENS)]
    ApiToken.objects.bulk_create(tokens)
    answer = make(browser)
    assert answer.status_code == 400
    assert "You have 100 tokens. Revoke one that you no longer need, then try again." in answer.content.decode()
    assert ApiToken.objects.count() == TokenForm.MOST_TOKENS


@time_machine.travel(NOW, tick=False)
def test_list_tells_what_there_is_to_know_of_each(browser: Client, person: User) -> None:
    ApiToken.issue(person, name="<b>old</b>", expires_at=NOW)
    ApiToken.issue(person, name="new", scopes=["read"])
    ApiToken.objects.filter(name="new").update(last_used_at=NOW, created_at=NOW - timedelta(days=1))
    ApiToken.issue(make_user(), name="of another person")
    page = browser.get(reverse("tokens")).content.decode()
    rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)]
    assert rows == [
        "Name Scopes Made Expires Last used Revoke",
        "&lt;b&gt;old&lt;/b&gt; read, references 14 Mar 2026, 13:00 14 Mar 2026, 13:00 Expired Never Revoke",
        "new read 13 Mar 2026, 13:00 Never 14 Mar 2026, 13:00 Revoke",
    ]
    assert "<bdi>&lt;b&gt;old&lt;/b&gt;</bdi>" in page


def test_revoked_token_ends_at_once(browser: Client, person: User) -> None:
    make_account()
    token = ApiToken.issue(person)
    assert status_with(token) == 200
    answer = revoke(browser, ApiToken.objects.get())
    assert (answer.status_code, answer["Location"]) == (302, "/profile/tokens/")
    assert status_with(token) == 401
    page = browser.get("/profile/tokens/").content.decode()
    assert "The token is revoked. It no longer works." in page
    assert "You have no token yet." in page


def test_token_of_another_person_is_as_unknown_as_none(browser: Client) -> None:
    ApiToken.issue(make_user())
    theirs = ApiToken.objects.get()
    found = revoke(browser, theirs)
    missing = browser.post(reverse("token_revoke", args=[10**30]))
    told = [re.sub(r'value="\w{64}"', "", answer.content.decode()) for answer in (found, missing)]
    assert (found.status_code, missing.status_code, told[0]) == (404, 404, told[1])
    assert ApiToken.objects.count() == 1


def test_token_is_revoked_by_a_post_with_its_secret_only(person: User) -> None:
    ApiToken.issue(person)
    strict = Client(enforce_csrf_checks=True)
    sign_in_now(strict, person)
    address = reverse("token_revoke", args=[ApiToken.objects.get().pk])
    assert (strict.get(address).status_code, strict.post(address).status_code) == (405, 403)
    assert strict.post(reverse("tokens"), WANTED).status_code == 403
    assert ApiToken.objects.count() == 1
