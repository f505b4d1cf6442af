"""What is written into the audit trail: who, what, when, from where and by which way; and never a secret."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.audit.models import server_user
from accounts.audit.record import Action, record, record_command
from accounts.models import ApiToken, AuditEvent, User
from partners.models import PartnerAccount
from sandbox.server import SandboxServer
from tests.factories import make_account, make_user, sign_in_now

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PASSWORD = "a long enough pass phrase"
Line = tuple[object, ...]


@pytest.fixture
def maria() -> User:
    return make_user("maria@example.com")


@pytest.fixture
def browser(maria: User) -> Client:
    """Signed in, before the trail begins that a test looks at."""
    client = Client(REMOTE_ADDR="192.0.2.7")
    sign_in_now(client, maria)
    return client


def lines(*actions: AuditEvent.Action) -> list[Line]:
    """What is told of these actions, the first one first."""
    columns = ("action", "actor_text", "subject", "detail", "address", "way")
    return list(AuditEvent.objects.filter(action__in=actions).order_by("pk").values_list(*columns))


# --- A line -----------------------------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_line_tells_who_what_when_from_where_and_by_which_way(maria: User) -> None:
    account, request = make_account(), RequestFactory().post("/", REMOTE_ADDR="192.0.2.7")
    request.user = maria
    record(Action.EXPORTED, request=request, account=account, subject="clients.csv", filter="q=a", count=3, none=None)
    told = AuditEvent.objects.get()
    assert (told.at, told.action, told.actor, told.actor_text) == (NOW, "exported", maria, "maria@example.com")
    assert (told.account, told.subject, told.detail) == (account, "clients.csv", {"filter": "q=a", "count": 3})
    assert (told.address, told.way) == ("192.0.2.7", "page")


def test_line_without_a_request_is_the_doing_of_the_house_or_of_a_command() -> None:
    record(Action.KEY_REJECTED, subject="API key")
    record_command(Action.KEY_CHANGED, subject="API key")
    assert lines(Action.KEY_REJECTED, Action.KEY_CHANGED) == [
        ("key_rejected", "", "API key", {}, "", "system"),
        ("key_changed", server_user(), "API key", {}, "", "command"),
    ]


def test_line_of_a_stranger_has_no_actor() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="2001:db8:1:2:3:4:5:6")
    request.user = AnonymousUser()
    record(Action.SIGNED_OUT, request=request)
    told = AuditEvent.objects.get()
    assert (told.actor, told.actor_text, told.address) == (None, "", "2001:db8:1:2::")


def test_text_of_any_kind_can_be_kept(maria: User) -> None:
    record(Action.TOKEN_MADE, actor=maria, subject="a\0b\ud83e", name="x" * 600, scopes=["r\0"], expires=NOW.date())
    told = AuditEvent.objects.get()
    assert (told.subject, told.detail["name"]) == ("a␀b?", "x" * 499 + "…")
    assert (told.detail["scopes"], told.detail["expires"]) == (["r␀"], "2026-03-14")


def test_line_goes_with_the_change_that_it_tells(maria: User) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        maria.delete()
        record(Action.DEACTIVATED, subject="maria@example.com")
        1 / 0  # noqa: B018
    assert (User.objects.count(), AuditEvent.objects.count()) == (1, 0)


# --- Signing in -------------------------------------------------------------------------------------


def sign_in(client: Client, email: str, password: str) -> Any:
    return client.post(reverse("sign_in"), {"username": email, "password": password})


def test_sign_in_and_out_are_lines(maria: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    sign_in(client, "Maria@Example.com", PASSWORD)
    client.post(reverse("sign_out"))
    client.post(reverse("sign_out"))
    assert [*AuditEvent.objects.order_by("pk").values_list("action", "actor", "actor_text", "address", "way")] == [
        ("signed_in", maria.pk, "maria@example.com", "192.0.2.7", "page"),
        ("signed_out", maria.pk, "maria@example.com", "192.0.2.7", "page"),
    ]


@pytest.mark.parametrize("email", ["maria@example.com", "nobody@example.com", "gone@example.com"])
@pytest.mark.usefixtures("maria")
def test_failed_sign_in_is_told_alike_whether_there_is_such_a_person(email: str) -> None:
    make_user("gone@example.com", is_active=False)
    sign_in(Client(REMOTE_ADDR="192.0.2.7"), f" {email.upper()}", "wrong")
    assert lines(Action.SIGN_IN_FAILED) == [("sign_in_failed", email, "", {}, "192.0.2.7", "page")]
    assert AuditEvent.objects.get().actor is None


def test_try_of_who_has_to_wait_is_a_line_too(maria: User) -> None:
    answers = [sign_in(Client(), "maria@example.com", "wrong").status_code for _ in range(6)]
    assert (answers[-1], len(lines(Action.SIGN_IN_FAILED))) == (429, 6)


@pytest.mark.parametrize("typed", [PASSWORD, "hunter2", "@", "maria@example", "x" * 300 + "@example.com"])
def test_what_is_no_email_address_may_be_a_password_and_is_not_kept(typed: str) -> None:
    sign_in(Client(), typed, "wrong")
    assert [line[:3] for line in lines(Action.SIGN_IN_FAILED)] == [("sign_in_failed", "", "")]


def test_password_change_is_a_line(browser: Client) -> None:
    new = {"new_password1": "another long phrase 77", "new_password2": "another long phrase 77"}
    browser.post(reverse("password_change"), {"old_password": "wrong", **new})
    assert lines(Action.PASSWORD_CHANGED) == []
    browser.post(reverse("password_change"), {"old_password": PASSWORD, **new})
    told: Line = ("password_changed", "maria@example.com", "maria@example.com", {}, "192.0.2.7", "page")
    assert lines(Action.PASSWORD_CHANGED) == [told]


# --- Tokens -----------------------------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_tokens_that_are_made_and_revoked_are_lines(browser: Client) -> None:
    browser.post(reverse("tokens"), {"name": "month end", "scopes": ["read"], "lifetime": "90"})
    browser.post(reverse("tokens"), {"name": "", "scopes": ["read"], "lifetime": "90"})
    browser.post(reverse("token_revoke", args=[ApiToken.objects.get().pk]))
    detail = {"scopes": ["read"], "expires": "2026-06-12"}
    assert lines(Action.TOKEN_MADE, Action.TOKEN_REVOKED) == [
        ("token_made", "maria@example.com", "month end", detail, "192.0.2.7", "page"),
        ("token_revoked", "maria@example.com", "month end", {}, "192.0.2.7", "page"),
    ]


def test_token_of_another_that_is_not_revoked_is_no_line(browser: Client) -> None:
    ApiToken.issue(make_user())
    assert browser.post(reverse("token_revoke", args=[ApiToken.objects.get().pk])).status_code == 404
    assert lines(Action.TOKEN_REVOKED) == []


# --- Commands ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("maria")
def test_commands_are_lines_of_who_is_at_the_server(
    account: PartnerAccount, upstream: SandboxServer, monkeypatch: Any
) -> None:
    monkeypatch.setenv("THE_KEY", upstream.key)
    monkeypatch.setenv("COLLECTION", upstream.collection_key)
    monkeypatch.setenv("SIGNING", "c2VjcmV0" * 4)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another long phrase 77")
    out = StringIO()
    url = f"--base-url={upstream.address}"
    call_command("connect_partner", "--slug=acme", "--name=Acme", url, "--api-key-env=THE_KEY", stdout=out)
    call_command("connect_collection_partner", "--partner=acme", url, "--api-key-env=COLLECTION", stdout=out)
    call_command("connect_webhook", "--partner=acme", "--secret-env=SIGNING", stdout=out)
    call_command("api_token", "maria@example.com", "--name=month end", "--scope=read", stdout=out)
    call_command("createsuperuser", "--noinput", "--email=boss@example.com", verbosity=0, stdout=out)
    call_command("changepassword", "maria@example.com", stdout=out)
    told: Any = AuditEvent.objects.order_by("pk").values_list("action", "account", "subject", "detail")
    assert list(told) == [
        ("key_changed", account.pk, "API key", {"name": "Acme", "host": "127.0.0.1"}),
        ("key_changed", account.pk, "key of the Collection Partner API", {"host": "127.0.0.1", "lifecycle_path": ""}),
        ("key_changed", account.pk, "webhook secret", {}),
        ("token_made", None, "maria@example.com", {"name": "month end", "scopes": ["read"]}),
        ("superuser_made", None, "boss@example.com", {}),
        ("password_changed", None, "maria@example.com", {}),
    ]
    by: Any = AuditEvent.objects.values_list("way", "actor_text", "actor").distinct()
    assert list(by.order_by()) == [("command", server_user(), None)]
    secrets = [upstream.key, upstream.collection_key, "c2VjcmV0", PASSWORD, "another long phrase", out.getvalue()[-40:]]
    kept = repr(list(AuditEvent.objects.values()))
    assert [secret for secret in secrets if secret in kept] == []


def test_secret_that_is_sealed_anew_is_a_line_and_one_that_is_not_is_none(
    account: PartnerAccount, settings: Any
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["older"]
    account.api_key = "the key"
    account.save()
    settings.FIELD_ENCRYPTION_KEYS = ["newest", "older"]
    for _ in range(2):
        call_command("reencrypt_secrets", stdout=StringIO())
    assert lines(Action.KEY_RESEALED) == [("key_resealed", server_user(), "API key", {}, "", "command")]
