"""How passwords are kept: as the settings say, without the quick hash that other tests use."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from config import settings as written
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough pass phrase"


@pytest.fixture(autouse=True)
def _as_written(_quick_passwords: None, settings: Any) -> None:
    settings.PASSWORD_HASHERS = written.PASSWORD_HASHERS


def test_new_password_is_kept_by_argon2id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", "--email=maria@example.com", stdout=StringIO())
    kept = User.objects.get().password
    assert kept.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert User.objects.get().check_password(PASSWORD)


def test_password_of_before_is_hashed_anew_at_the_sign_in(client: Client) -> None:
    user = make_user("maria@example.com")
    old = make_password(PASSWORD, hasher="pbkdf2_sha256")
    User.objects.update(password=old)
    assert client.post(reverse("sign_in"), {"username": user.email, "password": PASSWORD}).status_code == 302
    user.refresh_from_db()
    assert (identify_hasher(old).algorithm, identify_hasher(user.password).algorithm) == ("pbkdf2_sha256", "argon2")
    assert user.check_password(PASSWORD)
