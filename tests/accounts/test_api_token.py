"""`manage.py api_token`: printed once, kept as a hash."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts.models import ApiToken
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def _token_for(email: str, *options: str) -> str:
    out = StringIO()
    call_command("api_token", email, *options, stdout=out)
    return out.getvalue()


def test_token_is_printed_once_and_kept_hashed() -> None:
    user = make_user("anna@example.com")
    printed = _token_for("Anna@example.com")
    token = printed.strip()
    kept = ApiToken.objects.get()
    assert printed == f"{token}\n"
    assert token.startswith("fb_")
    assert len(token) > 40
    assert (kept.user, kept.digest) == (user, hashlib.sha256(token.encode()).hexdigest())
    assert token not in str(ApiToken.objects.values().get())


def test_every_token_is_another_one() -> None:
    make_user("anna@example.com")
    assert _token_for("anna@example.com") != _token_for("anna@example.com")
    assert ApiToken.objects.count() == 2


def test_token_is_not_made_for_nobody() -> None:
    with pytest.raises(CommandError, match=r"Nobody here signs in as nobody@"):
        _token_for("nobody@example.com")
    assert not ApiToken.objects.exists()


def test_token_is_not_made_for_a_deactivated_person() -> None:
    make_user("anna@example.com", is_active=False)
    with pytest.raises(CommandError, match="deactivated"):
        _token_for("anna@example.com")
    assert not ApiToken.objects.exists()


def test_token_may_do_everything_and_does_not_expire_unless_it_is_told_otherwise() -> None:
    make_user("anna@example.com")
    _token_for("anna@example.com")
    kept = ApiToken.objects.get()
    assert (kept.name, kept.scopes, kept.expires_at) == ("made by command", ["read", "references"], None)


@time_machine.travel(datetime(2026, 3, 14, 12, 0, tzinfo=UTC), tick=False)
def test_token_is_made_as_the_options_say() -> None:
    make_user("anna@example.com")
    _token_for("anna@example.com", "--name", "month end", "--days", "7", "--scope", "read", "--scope", "read")
    kept = ApiToken.objects.get()
    assert (kept.name, kept.scopes) == ("month end", ["read"])
    assert kept.expires_at == datetime(2026, 3, 14, 12, 0, tzinfo=UTC) + timedelta(days=7)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--days", "0"), "--days is 0; write a number from 1 to 3650"),
        (("--days", "99999999999"), "write a number from 1 to 3650"),
        (("--name", ""), "--name takes 1 to 60 characters"),
        (("--name", "x" * 61), "--name takes 1 to 60 characters"),
        (("--name", "a\0b"), "--name takes 1 to 60 characters"),
        (("--scope", "everything"), "invalid choice: 'everything'"),
    ],
)
def test_token_is_not_made_of_options_that_make_no_sense(options: tuple[str, ...], told: str) -> None:
    make_user("anna@example.com")
    with pytest.raises(CommandError, match=told):
        _token_for("anna@example.com", *options)
    assert not ApiToken.objects.exists()
