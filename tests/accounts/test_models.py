"""People: e-mail as log-in, whatever its case; createsuperuser without a question."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from accounts.models import User, validate_time_zone

pytestmark = pytest.mark.django_db
PASS_PHRASE = "quite a long pass phrase"


def test_createsuperuser_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASS_PHRASE)
    call_command("createsuperuser", "--noinput", "--email", "Boss@Example.COM", verbosity=0)
    user = User.objects.get()
    assert (user.email, user.is_superuser, user.is_active) == ("boss@example.com", True, True)
    assert authenticate(username="boss@example.com", password=PASS_PHRASE) == user


def test_createsuperuser_refuses_a_second_one_of_the_same_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASS_PHRASE)
    call_command("createsuperuser", "--noinput", "--email", "boss@example.com", verbosity=0)
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput", "--email", "BOSS@example.com", verbosity=0)


def test_user_signs_in_with_the_address_in_any_case() -> None:
    user = User.objects.create_user("anna@example.com", PASS_PHRASE)
    assert authenticate(username="Anna@Example.com", password=PASS_PHRASE) == user
    assert authenticate(username="anna@example.com", password="wrong") is None


def test_two_users_cannot_share_an_address() -> None:
    User.objects.create_user("anna@example.com", PASS_PHRASE)
    with pytest.raises(IntegrityError):
        User.objects.create(email="ANNA@example.com", password="!")


def test_user_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user("", PASS_PHRASE)


def test_zone_is_the_default_until_one_was_chosen(settings: Any) -> None:
    settings.DEFAULT_USER_TIME_ZONE = "Asia/Kathmandu"
    user = User.objects.create_user("anna@example.com", PASS_PHRASE)
    assert user.zone == ZoneInfo("Asia/Kathmandu")
    user.time_zone = "Europe/Copenhagen"
    assert user.zone == ZoneInfo("Europe/Copenhagen")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "/etc/localtime", "Europe/Copenhagen\x00"])
def test_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_time_zone(name)
