"""Single sign-on, against a server over real HTTP: whom it lets in, and what it does not believe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.mail import wait_for_mail
from accounts.models import User
from tests.accounts.signing_in.oidc_server import CLIENT, CLIENT_SECRET, OIDCServer
from tests.factories import app_code, make_app, make_user, sign_in_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[OIDCServer]:
    with OIDCServer() as server:
        settings.OIDC_SERVER_URL, settings.OIDC_NAME = server.address, "Acme SSO"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT, CLIENT_SECRET
        yield server


@pytest.fixture
def maria() -> User:
    return make_user("maria@example.com")


def come_in(client: Client, server: OIDCServer, target: str = "") -> Any:
    """From our sign-in to the server and back."""
    leaving = client.get(reverse("single_sign_on"), {"next": target})
    return client.get(f"{reverse('single_sign_on_callback')}?{server.sign_in(leaving['Location'])}")


def test_without_settings_there_is_none(client: Client) -> None:
    statuses = [client.get(reverse(name)).status_code for name in ("single_sign_on", "single_sign_on_callback")]
    assert (statuses, "/sign-in/with/" in client.get(reverse("sign_in")).content.decode()) == ([404, 404], False)


def test_sign_in_page_offers_it_and_keeps_where_to_go(client: Client, server: OIDCServer) -> None:
    page = client.get(reverse("sign_in"), {"next": "/clients/?q=a&b"}).content.decode()
    assert 'href="/sign-in/with/?next=%2Fclients%2F%3Fq%3Da%26b">Sign in with Acme SSO</a>' in page


def test_invited_person_comes_in_by_their_verified_address(client: Client, server: OIDCServer, maria: User) -> None:
    answer = come_in(client, server, "/clients/?q=a")
    assert (answer["Location"], client.session[SESSION_KEY]) == ("/clients/?q=a", str(maria.pk))
    linked = SocialAccount.objects.get()
    assert (linked.user, linked.provider, linked.uid, linked.extra_data) == (maria, server.address, "person-1", {})
    wait_for_mail()
    assert [each.to for each in mail.outbox] == [["maria@example.com"]]
    maria.refresh_from_db()
    # allauth would take away the password of somebody whose address it has not verified itself.
    assert maria.check_password("a long enough pass phrase")


def test_later_the_server_knows_them_by_its_own_name_whatever_the_address(
    client: Client, server: OIDCServer, maria: User
) -> None:
    come_in(client, server)
    server.claims |= {"email": "maria.lindqvist@example.com", "email_verified": False}
    again = Client()
    come_in(again, server)
    assert (again.session[SESSION_KEY], SocialAccount.objects.count()) == (str(maria.pk), 1)


def test_state_nonce_and_challenge_are_new_each_time(client: Client, server: OIDCServer) -> None:
    asked = [parse_qs(urlsplit(client.get(reverse("single_sign_on"))["Location"]).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({each[name][0] for each in asked}) == 2
    assert asked[0]["redirect_uri"] == ["http://testserver/sign-in/with/back/"]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "nobody@example.com"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": "false"},
        {"email_verified": 1},
        {"email": "gone@example.com"},
        {"email": ["maria@example.com"]},
        {"email": "not an address"},
    ],
)
def test_who_is_not_known_is_refused_alike_and_nobody_is_made(
    client: Client, server: OIDCServer, maria: User, claims: dict[str, Any]
) -> None:
    make_user("gone@example.com", is_active=False)
    server.claims |= claims
    answer = come_in(client, server)
    assert (answer.status_code, "Ask your administrator for an invitation" in answer.content.decode()) == (403, True)
    assert (SESSION_KEY in client.session, User.objects.count(), SocialAccount.objects.count()) == (False, 2, 0)


def test_linked_person_who_is_switched_off_is_refused(client: Client, server: OIDCServer, maria: User) -> None:
    come_in(client, server)
    User.objects.update(is_active=False)
    again = Client()
    assert (come_in(again, server).status_code, SESSION_KEY in again.session) == (403, False)


def test_second_factor_is_asked_for_as_well(client: Client, server: OIDCServer, maria: User) -> None:
    secret = make_app(maria)
    assert (come_in(client, server, "/clients/")["Location"], SESSION_KEY in client.session) == (
        "/sign-in/code/",
        False,
    )
    assert client.post(reverse("mfa_authenticate"), {"code": app_code(secret)})["Location"] == "/clients/"


@pytest.mark.parametrize(
    "forged",
    [
        {"nonce": "of another question"},
        {"aud": "another client"},
        {"iss": "https://evil.example"},
        {"exp": 1_000_000},
    ],
)
def test_token_that_is_not_for_us_and_now_is_not_believed(
    client: Client, server: OIDCServer, maria: User, forged: dict[str, Any]
) -> None:
    server.forged = forged
    assert (come_in(client, server).status_code, SESSION_KEY in client.session) == (502, False)


def test_token_that_somebody_else_has_signed_is_not_believed(client: Client, server: OIDCServer, maria: User) -> None:
    server.sign_as_somebody_else()
    assert (come_in(client, server).status_code, SESSION_KEY in client.session) == (502, False)


def test_code_of_another_browser_signs_nobody_in(client: Client, server: OIDCServer, maria: User) -> None:
    theirs = server.sign_in(Client().get(reverse("single_sign_on"))["Location"])
    client.get(reverse("single_sign_on"))
    assert client.get(f"{reverse('single_sign_on_callback')}?{theirs}").status_code == 502
    assert SESSION_KEY not in client.session


def test_way_back_is_good_once(client: Client, server: OIDCServer, maria: User) -> None:
    back = server.sign_in(client.get(reverse("single_sign_on"))["Location"])
    statuses = [client.get(f"{reverse('single_sign_on_callback')}?{back}").status_code for _ in range(2)]
    assert statuses == [302, 502]


def test_cancelling_says_so(client: Client, server: OIDCServer) -> None:
    state = parse_qs(urlsplit(client.get(reverse("single_sign_on"))["Location"]).query)["state"][0]
    answer = client.get(reverse("single_sign_on_callback"), {"state": state, "error": "access_denied"})
    assert ("That did not work" in answer.content.decode(), SESSION_KEY in client.session) == (True, False)


def test_address_may_come_from_the_server_of_the_same_person_alone(
    client: Client, server: OIDCServer, maria: User
) -> None:
    server.claims = {"sub": "person-1"}
    server.userinfo = {"sub": "person-2", "email": "maria@example.com", "email_verified": True}
    assert come_in(client, server).status_code == 502
    server.userinfo["sub"] = "person-1"
    assert (come_in(client, server)["Location"], client.session[SESSION_KEY]) == ("/", str(maria.pk))


def test_server_that_is_broken_or_away_fails_with_a_page(client: Client, server: OIDCServer, settings: Any) -> None:
    server.broken = True
    assert "no usable answer from Acme SSO" in client.get(reverse("single_sign_on")).content.decode()
    settings.OIDC_SERVER_URL = "http://127.0.0.1:9"
    assert client.get(reverse("single_sign_on")).status_code == 502


def test_it_never_leads_to_another_host(client: Client, server: OIDCServer, maria: User) -> None:
    assert come_in(client, server, "https://evil.example/")["Location"] == "/"


def test_address_of_ours_cannot_ask_the_server_for_more(client: Client, server: OIDCServer) -> None:
    asked = client.get(reverse("single_sign_on"), {"scope": "admin", "auth_params": "x=y", "process": "connect"})
    query = parse_qs(urlsplit(asked["Location"]).query)
    assert (set(query["scope"][0].split()), "x" in query) == ({"openid", "email"}, False)


def test_who_is_signed_in_gives_their_proof_at_the_server_again(
    client: Client, server: OIDCServer, maria: User
) -> None:
    come_in(client, server)
    assert "prompt=login" in client.get(reverse("single_sign_on"))["Location"]
    page = client.get(reverse("sign_in_again"), {"next": "/profile/security/app/"}).content.decode()
    assert 'href="/sign-in/with/?next=%2Fprofile%2Fsecurity%2Fapp%2F">Use Acme SSO</a>' in page
    assert come_in(client, server, "/profile/security/app/")["Location"] == "/profile/security/app/"
    assert client.get("/profile/security/app/").status_code == 200


def test_who_has_not_come_by_it_is_not_asked_for_it(client: Client, server: OIDCServer, maria: User) -> None:
    sign_in_now(client, maria)
    assert "Acme SSO" not in client.get(reverse("sign_in_again")).content.decode()


def test_coming_in_as_somebody_else_ends_the_session_before(client: Client, server: OIDCServer, maria: User) -> None:
    client.force_login(make_user("otto@example.com"))
    before = client.session.session_key
    come_in(client, server)
    assert (client.session[SESSION_KEY], client.session.session_key == before) == (str(maria.pk), False)
