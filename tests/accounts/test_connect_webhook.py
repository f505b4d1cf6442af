"""`manage.py connect_webhook`: a secret that can be used is kept sealed, another one is not kept at all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from partners.models import PartnerAccount
from tests.factories import make_account

pytestmark = pytest.mark.django_db

SECRET = base64.b64encode(bytes(range(32))).decode()
Connect = Callable[..., str]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Connect:
    """Run the command with a secret in the environment; returns all that it printed."""
    make_account(slug="acme")

    def run(secret: str = SECRET, partner: str = "acme") -> str:
        out = StringIO()
        monkeypatch.setenv("THE_SECRET", secret)
        call_command("connect_webhook", f"--partner={partner}", "--secret-env=THE_SECRET", stdout=out)
        return out.getvalue() + "".join(capfd.readouterr())

    return run


def test_connect_stores_the_secret_sealed_and_prints_none(connect: Connect) -> None:
    said = connect()
    account = PartnerAccount.objects.get()
    assert said == "Connected the webhook of acme. Its address is https://<your host>/webhooks/acme/\n"
    assert (account.webhook_secret, SECRET in account.sealed_webhook_secret) == (SECRET, False)


def test_connect_again_replaces_the_secret(connect: Connect) -> None:
    another = base64.b64encode(bytes(16)).decode()
    connect()
    connect(another)
    assert PartnerAccount.objects.get().webhook_secret == another


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"secret": "not base64!"}, "Not connected: The webhook's secret is not what Debitura shows"),
        ({"secret": " "}, "The environment variable THE_SECRET is empty or not set; put the webhook's secret there."),
        ({"partner": "other"}, "--partner 'other': there is no such account; connect it first with connect_partner."),
    ],
)
def test_connect_stores_nothing_when_something_is_wrong(connect: Connect, given: dict[str, str], reason: str) -> None:
    with pytest.raises(CommandError) as refused:
        connect(**given)
    assert str(refused.value).startswith(reason)
    assert PartnerAccount.objects.get().sealed_webhook_secret == ""


def test_connect_reads_the_secret_from_standard_input(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{SECRET}\n"))
    call_command("connect_webhook", "--partner=acme", stdout=StringIO())
    assert PartnerAccount.objects.get().webhook_secret == SECRET
