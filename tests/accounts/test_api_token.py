"""`manage.py api_token`: printed once, kept as a hash."""

from __future__ import annotations

import hashlib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiToken
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def _token_for(email: str) -> str:
    out = StringIO()
    call_command("api_token", email, stdout=out)
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
