import pytest
from django.contrib.auth import SESSION_KEY
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from tests.factories import make_account, make_user, sign_in_now

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough pass phrase"


def sign_in(client: Client, email: str, **fields: str):
    return client.post(reverse("sign_in"), {"username": email, "password": PASSWORD, **fields})


@pytest.mark.parametrize("typed", ["maria@example.com", "Maria@Example.COM", "  maria@example.com "])
def test_sign_in_finds_the_person_however_the_address_is_typed(client, typed):
    user = make_user("maria@example.com")
    response = sign_in(client, typed)
    assert (response.status_code, response["Location"], client.session[SESSION_KEY]) == (302, "/", str(user.pk))


def test_sign_in_with_a_wrong_password_says_so_and_lets_nobody_in(client):
    make_user("maria@example.com")
    response = client.post(reverse("sign_in"), {"username": "maria@example.com", "password": "wrong"})
    assert "do not match" in response.content.decode()
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_sign_in_never_leads_to_another_host(client, target):
    make_user("maria@example.com")
    response = client.post(reverse("sign_in"), {"username": "maria@example.com", "password": PASSWORD, "next": target})
    assert response["Location"] == "/"


def test_sign_in_leads_to_the_page_that_was_asked_for(client):
    make_user("maria@example.com")
    response = client.get("/transactions/?stage=paid")
    assert response["Location"] == "/sign-in/?next=/transactions/%3Fstage%3Dpaid"
    response = sign_in(client, "maria@example.com", next="/transactions/?stage=paid")
    assert response["Location"] == "/transactions/?stage=paid"


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        ("/pulls/now/", "/pulls/"),
        ("/pulls/now/?partner=acme", "/pulls/?partner=acme"),
        ("/transactions/columns/", "/transactions/"),
        ("/balance/columns/", "/balance/"),
        ("/sign-out/", "/"),
        ("/profile/tokens/7/revoke/", "/profile/tokens/"),
    ],
)
def test_sign_in_after_a_form_of_an_ended_session_leads_to_the_page_of_that_form(client, asked, page):
    make_user("maria@example.com")
    make_account(slug="acme")
    assert client.post(asked, follow=True).resolver_match.url_name == "sign_in"
    response = sign_in(client, "maria@example.com", next=asked)
    assert (response["Location"], client.get(response["Location"]).status_code) == (
        page,
        200,
    )


def test_sign_in_leads_to_an_address_that_is_not_ours_to_know_as_it_came(client):
    make_user("maria@example.com")
    assert sign_in(client, "maria@example.com", next="/nowhere/?a=b")["Location"] == "/nowhere/?a=b"


@pytest.mark.parametrize(
    ("chosen", "guess", "kept"),
    [
        ("", "Asia/Kathmandu", "Asia/Kathmandu"),
        ("Europe/Copenhagen", "Asia/Kathmandu", "Europe/Copenhagen"),
        ("", "Nowhere/Atlantis", ""),
        ("", "", ""),
    ],
)
def test_sign_in_takes_the_browser_zone_only_where_none_is_chosen(client, chosen, guess, kept):
    user = make_user("maria@example.com", time_zone=chosen)
    sign_in(client, "maria@example.com", time_zone=guess)
    assert User.objects.get(pk=user.pk).time_zone == kept


def test_sign_in_page_asked_for_as_a_fragment_makes_the_whole_page_load(client):
    response = client.get(reverse("sign_in"), headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Refresh"]) == (204, "true")


def test_sign_out_ends_the_session_and_needs_post(client):
    sign_in_now(client, make_user())
    assert client.get(reverse("sign_out")).status_code == 405
    response = client.post(reverse("sign_out"))
    assert (response["Location"], SESSION_KEY in client.session) == (reverse("sign_in"), False)


def test_password_change_keeps_the_session_and_asks_for_the_old_one(client):
    user = make_user("maria@example.com")
    sign_in_now(client, user)
    new = {"new_password1": "another long phrase 77", "new_password2": "another long phrase 77"}
    assert client.post(reverse("password_change"), {"old_password": "wrong", **new}).status_code == 200
    response = client.post(reverse("password_change"), {"old_password": PASSWORD, **new})
    user.refresh_from_db()
    assert (response["Location"], user.check_password("another long phrase 77")) == (reverse("profile"), True)
    assert client.get(reverse("profile")).status_code == 200


def test_profile_saves_name_zone_and_theme(client):
    user = make_user()
    sign_in_now(client, user)
    response = client.post(
        reverse("profile"), {"name": "Maria", "time_zone": "Asia/Kathmandu", "theme": "dark"}, follow=True
    )
    user.refresh_from_db()
    assert (user.name, user.time_zone, user.theme) == ("Maria", "Asia/Kathmandu", "dark")
    assert '<html lang="en" data-theme="dark">' in response.content.decode()


def test_profile_with_a_wrong_zone_answers_400_and_ties_the_error_to_its_field(client):
    sign_in_now(client, make_user())
    response = client.post(reverse("profile"), {"name": "", "time_zone": "Nowhere", "theme": "dark"})
    html = response.content.decode()
    assert response.status_code == 400
    assert 'id="id_time_zone_error"' in html
    assert 'aria-invalid="true"' in html


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/transactions/",
        "/clients/",
        "/pulls/",
        "/pulls/progress/",
        "/profile/",
        "/profile/tokens/",
        "/transactions/export.csv",
        "/cases/x/",
    ],
)
def test_page_without_a_session_leads_to_the_sign_in(client, address):
    response = client.get(address)
    assert (response.status_code, response["Location"].startswith("/sign-in/?next=/")) == (302, True)


@pytest.mark.parametrize(
    "name",
    [
        *("account_signup", "account_email", "account_logout", "account_reauthenticate", "account_inactive"),
        *("account_reset_password", "account_change_password", "account_confirm_email", "account_request_login_code"),
        *("socialaccount_signup", "socialaccount_connections", "socialaccount_login_error", "openid_connect_login"),
        *("mfa_index", "mfa_activate_totp", "mfa_reauthenticate", "mfa_signup_webauthn", "usersessions_list"),
    ],
)
def test_addresses_of_allauth_that_nobody_needs_are_not_there(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize("address", ["/sign-up/", "/signup/", "/accounts/signup/", "/accounts/login/", "/accounts/"])
def test_nobody_signs_up_by_themselves(client, address):
    sign_in_now(client, make_user())
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "template", ["account/login.html", "account/signup.html", "mfa/index.html", "allauth/layouts/base.html"]
)
def test_pages_of_another_look_are_not_installed(template):
    with pytest.raises(TemplateDoesNotExist):
        get_template(template)
