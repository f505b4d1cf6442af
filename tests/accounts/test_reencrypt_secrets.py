"""`manage.py reencrypt_secrets`: afterwards the newest key opens everything, and nothing was lost on the way."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts.signing_in.second_factors import authenticator_of_code
from partners.models import PartnerAccount
from partners.secrets import decrypt
from tests.factories import app_code, make_account, make_app, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def _old_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["old"]


def reencrypt() -> str:
    out = StringIO()
    call_command("reencrypt_secrets", stdout=out)
    return out.getvalue()


def make_sealed(slug: str) -> PartnerAccount:
    """An account with every secret that there is."""
    account = make_account(slug=slug)
    for number, column in enumerate(PartnerAccount.SEALED):
        setattr(account, column.removeprefix("sealed_"), f"{slug}'s secret {number}")
    account.save()
    return account


def opened(slug: str) -> list[str]:
    account = PartnerAccount.objects.get(slug=slug)
    return [decrypt(getattr(account, column)) for column in PartnerAccount.SEALED]


def expected(slug: str) -> list[str]:
    return [f"{slug}'s secret {number}" for number in range(len(PartnerAccount.SEALED))]


def done(renewed: int) -> str:
    return f"Sealed anew with the newest key: {renewed}.\nNo stored secret needs an older key any more.\n"


def sealed() -> list[tuple[str, ...]]:
    return list(PartnerAccount.objects.order_by("pk").values_list(*PartnerAccount.SEALED))


@pytest.mark.usefixtures("_old_key")
def test_old_key_can_be_dropped_afterwards(settings: Any) -> None:
    make_account(slug="bare")
    for slug in ("acme", "zeta"):
        make_sealed(slug)
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]
    said = reencrypt()
    settings.FIELD_ENCRYPTION_KEYS = ["new"]
    assert (opened("acme"), opened("zeta")) == (expected("acme"), expected("zeta"))
    assert said == done(2 * len(PartnerAccount.SEALED))


@pytest.mark.usefixtures("_old_key")
def test_repeating_it_changes_nothing(settings: Any) -> None:
    make_sealed("acme")
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]
    reencrypt()
    before = sealed()
    assert reencrypt() == done(0)
    assert sealed() == before


@pytest.mark.usefixtures("_old_key")
def test_secret_that_no_key_opens_is_named_and_left_and_keeps_no_other_back(settings: Any) -> None:
    for slug in ("acme", "lost", "zeta"):
        make_sealed(slug)
    PartnerAccount.objects.filter(slug="lost").update(sealed_api_key="sealed with a key that is gone")
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]
    with pytest.raises(CommandError) as told:
        reencrypt()
    assert (str(told.value).splitlines()[1:], told.value.returncode) == (["lost: API key"], 1)
    assert "secret " not in str(told.value)
    settings.FIELD_ENCRYPTION_KEYS = ["new"]
    assert (opened("acme"), opened("zeta")) == (expected("acme"), expected("zeta"))
    assert PartnerAccount.objects.get(slug="lost").sealed_api_key == "sealed with a key that is gone"


@pytest.mark.usefixtures("_old_key")
def test_key_that_somebody_stores_meanwhile_stays(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_sealed("acme")
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]

    def store_another(secret: str) -> bool:
        account.api_key = "another key"
        account.save(update_fields=["sealed_api_key"])
        return False

    monkeypatch.setattr("accounts.management.commands.reencrypt_secrets.is_newest", store_another)
    reencrypt()
    assert PartnerAccount.objects.get().api_key == "another key"


def test_secret_key_alone_gives_way_to_a_list_of_keys(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    make_sealed("acme")
    settings.FIELD_ENCRYPTION_KEYS = ["new", settings.SECRET_KEY]
    reencrypt()
    settings.FIELD_ENCRYPTION_KEYS = ["new"]
    assert opened("acme") == expected("acme")


@pytest.mark.usefixtures("_old_key")
def test_second_factors_need_no_old_key_either(settings: Any) -> None:
    user, lost = make_user(), make_user("lost@example.com")
    secret = make_app(user)
    [code, *_] = RecoveryCodes.activate(user).get_unused_codes()
    make_app(lost)
    Authenticator.objects.filter(user=lost).update(data={"secret": "sealed with a key that is gone"})
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]
    with pytest.raises(CommandError, match=r"lost@example.com: totp$"):
        reencrypt()
    settings.FIELD_ENCRYPTION_KEYS = ["new"]
    assert [authenticator_of_code(user, each) is not None for each in (app_code(secret), code)] == [True, True]


def test_every_sealed_column_is_known() -> None:
    columns = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name.startswith("sealed_")
    }
    assert columns == {(PartnerAccount, name) for name in PartnerAccount.SEALED}
