"""What people change about how they sign in, as the audit trail tells it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.audit.record import Action
from accounts.models import AuditEvent, User
from tests.accounts.signing_in.oidc_server import OIDCServer
from tests.accounts.signing_in.test_passwords import forget, links, set_new
from tests.accounts.signing_in.test_second_factors import set_up_app
from tests.accounts.signing_in.test_sessions import FIREFOX, signed_in
from tests.accounts.signing_in.test_single_sign_on import come_in, server
from tests.factories import app_code, make_app, make_user, sign_in_now

__all__ = ["server"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria() -> User:
    return make_user("maria@example.com")


def told() -> list[tuple[object, ...]]:
    """All but signing in and out."""
    lines = AuditEvent.objects.exclude(action__in=(Action.SIGNED_IN, Action.SIGNED_OUT)).order_by("pk")
    return list(lines.values_list("action", "actor_text", "subject", "detail"))


def test_second_factors_are_told_without_their_secrets(client: Client, maria: User) -> None:
    sign_in_now(client, maria)
    secret, answer = set_up_app(client)
    codes = re.findall(r'<code class="reference">(\d{8})<', answer.content.decode())
    client.post(reverse("recovery_codes"))
    client.post(reverse("app_remove"))
    assert told() == [
        ("second_factor_added", "maria@example.com", "authenticator app", {}),
        ("recovery_codes_made", "maria@example.com", "", {}),
        ("second_factor_removed", "maria@example.com", "authenticator app", {}),
    ]
    kept = str(list(AuditEvent.objects.values()))
    assert [text in kept for text in (secret, *codes)] == [False] * 11


def test_wrong_code_is_a_failed_sign_in_and_the_right_one_a_sign_in(client: Client, maria: User) -> None:
    secret = make_app(maria)
    client.post(reverse("sign_in"), {"username": maria.email, "password": "a long enough pass phrase"})
    assert AuditEvent.objects.count() == 0
    client.post(reverse("mfa_authenticate"), {"code": "314159"})
    client.post(reverse("mfa_authenticate"), {"code": app_code(secret)})
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", "actor_text"))
    assert actions == [("sign_in_failed", "maria@example.com"), ("signed_in", "maria@example.com")]


def test_ended_sessions_are_told(maria: User) -> None:
    signed_in(maria, FIREFOX, "198.51.100.1")
    here = signed_in(maria)
    [other] = [one for one in here.get(reverse("sessions")).context["sessions"] if not one["is_this"]]
    here.post(reverse("session_end", args=[other["pk"]]))
    signed_in(maria)
    here.post(reverse("sessions_end_others"))
    assert told() == [
        ("session_ended", "maria@example.com", "Firefox on Linux", {"of": "198.51.100.1"}),
        ("session_ended", "maria@example.com", "", {"sessions": 1}),
    ]


def test_password_that_is_set_by_a_link_is_told_once(client: Client, maria: User) -> None:
    forget(client, maria.email)
    set_new(client, links()[0])
    assert told() == [("password_changed", "maria@example.com", "maria@example.com", {"by": "a link by mail"})]


def test_single_sign_on_is_told_apart(client: Client, server: OIDCServer, maria: User) -> None:
    come_in(client, server)
    assert told() == [("signed_in_by_sso", "maria@example.com", "", {})]


def test_command_is_told(maria: User) -> None:
    make_app(maria)
    call_command("remove_second_factors", maria.email)
    [(action, _, subject, detail)] = told()
    assert (action, subject, detail) == ("second_factor_removed", "maria@example.com", {"factors": 1})


def test_nothing_is_changed_where_its_line_cannot_be_written(
    client: Client, maria: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app(maria)
    sign_in_now(client, maria)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no line")

    monkeypatch.setattr("accounts.signing_in.second_factor_views.record", fail)
    with pytest.raises(RuntimeError, match="no line"):
        client.post(reverse("app_remove"))
    assert Authenticator.objects.filter(user=maria).count() == 1
