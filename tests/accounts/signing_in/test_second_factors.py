"""Authenticator apps and recovery codes: setting them up, the second step, and what does not get in. Passkeys: tests/browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.mail import wait_for_mail
from accounts.models import Role, User
from accounts.signing_in.second_factors import authenticator_of_code
from accounts.signing_in.sessions import open_sessions
from tests.factories import app_code, make_account, make_app, make_member, make_user, sign_in_now

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PASSWORD = "a long enough pass phrase"
# What a device would send, of the right form and signed by nobody.
FORGED = (
    '{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA",'
    '"signature":"AAAA","userHandle":"MQ"}}'
)


def first_step(client: Client, email: str = "maria@example.com", **fields: str) -> Any:
    return client.post(reverse("sign_in"), {"username": email, "password": PASSWORD, **fields})


def second_step(client: Client, code: str) -> Any:
    return client.post(reverse("mfa_authenticate"), {"code": code})


def set_up_app(client: Client) -> tuple[str, Any]:
    """The secret that the page shows, and the answer to its first code."""
    page = client.get(reverse("app_set_up")).content.decode()
    [shown] = re.findall(r'id="app-secret">([A-Z2-7 ]+)<', page)
    secret = shown.replace(" ", "")
    return secret, client.post(reverse("app_set_up"), {"code": app_code(secret)})


def codes_in(answer: Any) -> list[str]:
    return re.findall(r'<li><code class="reference">(\d{8})<', answer.content.decode())


def notices() -> list[str]:
    wait_for_mail()
    return [each.body.splitlines()[0] for each in mail.outbox]


# --- Signing in -------------------------------------------------------------------------------------


def test_password_alone_signs_nobody_in_who_has_an_app(client: Client) -> None:
    user = make_user("maria@example.com")
    secret = make_app(user)
    answer = first_step(client, next="/transactions/?stage=paid")
    assert (answer["Location"], SESSION_KEY in client.session) == ("/sign-in/code/", False)
    assert client.get("/")["Location"] == "/sign-in/?next=/"
    answer = second_step(client, app_code(secret))
    assert (answer["Location"], client.session[SESSION_KEY]) == ("/transactions/?stage=paid", str(user.pk))


def test_second_step_without_a_first_leads_to_the_sign_in(client: Client) -> None:
    secret = make_app(make_user("maria@example.com"))
    assert second_step(client, app_code(secret))["Location"] == "/sign-in/"
    assert SESSION_KEY not in client.session


@pytest.mark.parametrize(("seconds", "lets_in"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_code_counts_a_little_before_and_after_its_time(client: Client, seconds: int, lets_in: bool) -> None:
    secret = make_app(make_user("maria@example.com"))
    with time_machine.travel(NOW, tick=False):
        first_step(client)
        second_step(client, app_code(secret, NOW.timestamp() + seconds))
        assert (SESSION_KEY in client.session) == lets_in


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_code_of_an_app_works_once_and_none_of_before_does_any_more(seconds: int) -> None:
    user = make_user()
    secret = make_app(user)
    with time_machine.travel(NOW, tick=False):
        assert authenticator_of_code(user, app_code(secret)) is not None
        later = authenticator_of_code(user, app_code(secret, NOW.timestamp() + seconds))
        assert (later is not None) == (seconds > 0)


def test_wrong_code_says_so_and_lets_nobody_in(client: Client) -> None:
    make_app(make_user("maria@example.com"))
    first_step(client)
    answer = second_step(client, "not it")
    assert "This code is not right" in answer.content.decode()
    assert SESSION_KEY not in client.session


def test_app_of_somebody_else_lets_nobody_in(client: Client) -> None:
    make_app(make_user("maria@example.com"))
    secret = make_app(make_user("otto@example.com"))
    first_step(client)
    second_step(client, app_code(secret))
    assert SESSION_KEY not in client.session


def test_fifth_wrong_code_is_answered_by_a_wait_also_for_the_right_one_and_for_the_password(client: Client) -> None:
    secret = make_app(make_user("maria@example.com"))
    with time_machine.travel(NOW, tick=False) as clock:
        first_step(client)
        assert [second_step(client, "000").status_code for _ in range(5)] == [200, 200, 200, 200, 429]
        caches["default"].clear()  # as in another process of the site
        assert (second_step(client, app_code(secret)).status_code, first_step(Client()).status_code) == (429, 429)
        clock.shift(timedelta(minutes=15, seconds=1))
        first_step(client)
        assert second_step(client, app_code(secret)).status_code == 302


def test_codes_of_one_person_are_slow_wherever_they_are_tried(client: Client) -> None:
    secret = make_app(make_user("maria@example.com"))
    first_step(client)
    for number in range(5):
        client.post(reverse("mfa_authenticate"), {"code": "000"}, REMOTE_ADDR=f"192.0.2.{number}")
    answer = client.post(reverse("mfa_authenticate"), {"code": app_code(secret)}, REMOTE_ADDR="192.0.2.99")
    assert ("Too many tries" in answer.content.decode(), SESSION_KEY in client.session) == (True, False)


def test_person_switched_off_between_the_steps_stays_outside(client: Client) -> None:
    user = make_user("maria@example.com")
    secret = make_app(user)
    first_step(client)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert second_step(client, app_code(secret))["Location"] == "/sign-in/"
    assert SESSION_KEY not in client.session


def test_new_password_between_the_steps_ends_what_the_old_one_began(client: Client) -> None:
    user = make_user("maria@example.com")
    secret = make_app(user)
    first_step(client)
    user.set_password("another long pass phrase")
    user.save()
    assert second_step(client, app_code(secret))["Location"] == "/sign-in/"
    assert SESSION_KEY not in client.session
    # What is left of it keeps nobody else out who comes by this browser.
    first_step(client, password="another long pass phrase")
    make_user("otto@example.com")
    assert first_step(client, "otto@example.com")["Location"] == "/"


@pytest.mark.parametrize(
    "credential", ["", "nonsense", "[]", "7", "9" * 5000, "[" * 9999, "null", "{}", '{"id":7}', FORGED]
)
def test_forged_passkey_lets_nobody_in(client: Client, credential: str) -> None:
    make_app(make_user("maria@example.com"))
    client.get(reverse("passkey_sign_in"))
    assert client.post(reverse("passkey_sign_in"), {"credential": credential})["Location"] == "/sign-in/"
    first_step(client)
    assert client.post(reverse("mfa_authenticate"), {"credential": credential}).status_code == 200
    assert SESSION_KEY not in client.session


def test_nothing_that_was_typed_as_a_proof_is_kept_with_the_tries(client: Client) -> None:
    make_app(make_user("maria@example.com"))
    first_step(client)
    second_step(client, "314159")
    client.post(reverse("mfa_authenticate"), {"credential": '"whatever"'})
    client.force_login(User.objects.get())
    new = {"new_password1": "another long phrase 77", "new_password2": "another long phrase 77"}
    client.post(reverse("password_change"), {"old_password": "a wrong one", **new})
    client.post(reverse("sign_in_again"), {"password": "a wrong one"})
    kept = str(list(AccessAttempt.objects.values()))
    assert "failures_since_start': 4" in kept
    assert [text in kept for text in ("314159", "whatever", "a wrong one", "another long")] == [False] * 4


def test_passkeys_are_asked_for_sixty_times_a_minute_from_one_address(client: Client) -> None:
    with time_machine.travel(NOW, tick=False):
        statuses = [client.get(reverse("passkey_sign_in")).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]


def test_asking_for_a_passkey_tells_nothing_of_who_has_one(client: Client) -> None:
    options = client.get(reverse("passkey_sign_in")).json()["publicKey"]
    assert (options["rpId"], options["userVerification"], options.get("allowCredentials", [])) == (
        "testserver",
        "required",
        [],
    )


# --- Setting up and taking away -----------------------------------------------------------------------


def test_app_is_set_up_by_its_first_code_and_brings_recovery_codes(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    user = make_user("maria@example.com")
    sign_in_now(client, user)
    with django_capture_on_commit_callbacks(execute=True):
        secret, answer = set_up_app(client)
    codes = codes_in(answer)
    assert (len(set(codes)), answer["Cache-Control"]) == (10, "private, no-store")
    assert notices() == ["An authenticator app was set up as your second factor."]
    assert mail.outbox[0].to == ["maria@example.com"]
    # Neither stands in the database as it is.
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert (secret in kept, any(code in kept for code in codes)) == (False, False)
    security = client.get(reverse("security")).content.decode()
    assert ("10 left" in security, any(code in security for code in codes)) == (True, False)


def test_first_factor_ends_the_sessions_that_began_without_one(client: Client) -> None:
    """Else they would see an account that requires a second factor, without anybody having proven one there."""
    account = make_account(requires_second_factor=True)
    user = make_member(account, Role.FINANCE, email="maria@example.com")
    other = Client()
    for browser in (other, client):
        first_step(browser)
        assert browser.get("/transactions/").context["section"] == "overview"
    set_up_app(client)
    assert client.get("/transactions/").context["account"] == account
    assert (other.get("/")["Location"], len(open_sessions(user))) == ("/sign-in/?next=/", 1)


def test_wrong_first_code_sets_up_nothing_and_keeps_the_secret(client: Client) -> None:
    sign_in_now(client, make_user())
    page = client.get(reverse("app_set_up")).content.decode()
    answer = client.post(reverse("app_set_up"), {"code": "123"})
    [before], [after] = (re.findall(r'id="app-secret">([A-Z2-7 ]+)<', text) for text in (page, answer.content.decode()))
    assert (answer.status_code, before == after, Authenticator.objects.count()) == (400, True, 0)


def test_recovery_code_lets_in_once(client: Client) -> None:
    sign_in_now(client, make_user("maria@example.com"))
    _, answer = set_up_app(client)
    code = codes_in(answer)[3]
    for lets_in in (True, False):
        browser = Client()
        first_step(browser)
        second_step(browser, code)
        assert (SESSION_KEY in browser.session) == lets_in


def test_new_recovery_codes_end_the_old_ones(client: Client, django_capture_on_commit_callbacks: Any) -> None:
    user = make_user("maria@example.com")
    sign_in_now(client, user)
    old = codes_in(set_up_app(client)[1])
    with django_capture_on_commit_callbacks(execute=True):
        new = codes_in(client.post(reverse("recovery_codes")))
    assert (len(new), set(old) & set(new)) == (10, set())
    assert notices() == ["New recovery codes were made. The old ones no longer work."]
    assert (authenticator_of_code(user, old[0]), authenticator_of_code(user, new[0]) is None) == (None, False)


def test_recovery_codes_come_with_a_factor_alone(client: Client) -> None:
    sign_in_now(client, make_user())
    assert codes_in(client.post(reverse("recovery_codes"))) == []
    assert Authenticator.objects.count() == 0


def test_removing_the_app_takes_its_codes_along_and_is_told(client: Client) -> None:
    user = make_user("maria@example.com")
    sign_in_now(client, user)
    set_up_app(client)
    assert client.post(reverse("app_remove"))["Location"] == "/profile/security/"
    assert (Authenticator.objects.count(), notices()[-1]) == (
        0,
        "Your authenticator app was removed as a second factor.",
    )
    assert first_step(Client())["Location"] == "/"


@pytest.mark.parametrize("name", ["passkey_rename", "passkey_remove"])
def test_passkey_of_somebody_else_is_unknown(client: Client, name: str) -> None:
    factor = Authenticator.objects.create(user=make_user(), type="webauthn", data={"name": "theirs", "credential": {}})
    sign_in_now(client, make_user())
    answers = [client.post(reverse(name, args=[key]), {"name": "mine"}) for key in (factor.pk, 999_999)]
    assert [answer.status_code for answer in answers] == [404, 404]
    factor.refresh_from_db()
    assert factor.data["name"] == "theirs"


@pytest.mark.parametrize("credential", ["", "nonsense", "[]", "7", "9" * 5000, "[" * 9999, "{}", FORGED])
def test_forged_new_passkey_is_not_taken(client: Client, credential: str) -> None:
    sign_in_now(client, make_user())
    client.get(reverse("passkey_add"))
    answer = client.post(reverse("passkey_add"), {"name": "mine", "credential": credential})
    assert (answer.status_code, Authenticator.objects.count()) == (400, 0)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("app_set_up", "get"),
        ("app_set_up", "post"),
        ("app_remove", "post"),
        ("passkey_add", "get"),
        ("passkey_add", "post"),
        ("recovery_codes", "post"),
        ("tokens", "get"),
        ("tokens", "post"),
    ],
)
def test_changes_ask_for_a_recent_proof(client: Client, name: str, method: str) -> None:
    user = make_user()
    make_app(user)
    client.force_login(user)
    answer = getattr(client, method)(reverse(name))
    page = reverse(name) if name in {"app_set_up", "passkey_add", "tokens"} else "/profile/security/"
    assert answer["Location"] == f"/sign-in/again/?next={page.replace('/', '%2F')}"
    assert Authenticator.objects.count() == 1


def test_list_of_passkeys_asks_as_much_for_three_as_for_one(client: Client, django_assert_num_queries: Any) -> None:
    user = make_user()
    client.force_login(user)
    for many in (1, 2):
        for _ in range(many):
            Authenticator.objects.create(user=user, type="webauthn", data={"name": "<b>key</b>", "credential": {}})
        with django_assert_num_queries(4):
            page = client.get(reverse("security")).content.decode()
    assert ("<b>key</b>" in page, page.count("&lt;b&gt;key&lt;/b&gt;") >= 3) == (False, True)


def test_factor_that_cannot_be_opened_lets_nobody_in_and_fails_no_page(client: Client, settings: Any) -> None:
    user = make_user("maria@example.com")
    sign_in_now(client, user)
    secret, _ = set_up_app(client)
    settings.FIELD_ENCRYPTION_KEYS = ["another"]
    assert "0 left" in client.get(reverse("security")).content.decode()
    browser = Client()
    first_step(browser)
    assert "not right" in second_step(browser, app_code(secret)).content.decode()


# --- The command --------------------------------------------------------------------------------------


def test_command_removes_all_factors_ends_sessions_and_tells(client: Client) -> None:
    first_step(client, make_user("maria@example.com").email)
    make_app(User.objects.get())
    call_command("remove_second_factors", "Maria@example.com")
    assert (Authenticator.objects.count(), client.get("/")["Location"]) == (0, "/sign-in/?next=/")
    assert notices() == ["Your second factors were removed by an administrator."]


def test_command_for_nobody_says_so() -> None:
    with pytest.raises(CommandError, match="There is no person nobody"):
        call_command("remove_second_factors", "nobody@example.com")
