"""`manage.py connect_partner`: a key that works is kept sealed, one that does not is not kept at all."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from partners.debitura.client import DebituraClient
from partners.debitura.retry import RetryPolicy
from partners.models import PartnerAccount
from revenue.models import PullRun
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.processes import start
from tests.revenue.pull.support import pull_now

pytestmark = pytest.mark.django_db

Connect = Callable[..., str]
# This machine by another name than those that may be written; nothing listens on the port.
INSIDE = "https://[::ffff:127.0.0.1]:9"


@pytest.fixture
def connect(upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Run the command with a key in the environment; returns all that it printed."""

    def run(*words: str, key: str = upstream.key, url: str = upstream.address, slug: str = "acme") -> str:
        out, err = StringIO(), StringIO()
        monkeypatch.setenv("THE_KEY", key)
        name = () if any(word.startswith("--name") for word in words) else ("--name=Acme Referrals",)
        given = (f"--slug={slug}", f"--base-url={url}", "--api-key-env=THE_KEY", *name, *words)
        call_command("connect_partner", *given, stdout=out, stderr=err)
        return out.getvalue() + err.getvalue()

    return run


def test_connect_stores_the_key_sealed_and_prints_none(
    connect: Connect, upstream: SandboxServer, capfd: pytest.CaptureFixture[str]
) -> None:
    said = connect()
    account = PartnerAccount.objects.get()
    assert said == f"Connected acme: Sandbox Referrals ApS at {upstream.address}\n"
    assert (account.slug, account.name, account.base_url) == ("acme", "Acme Referrals", upstream.address)
    assert account.api_key == upstream.key
    assert upstream.key not in account.sealed_api_key
    assert upstream.key not in "".join(capfd.readouterr())
    assert upstream.log == [("GET", "/me", 200)]


def test_connect_leads_to_a_first_pull_that_ties_out(connect: Connect, world: World) -> None:
    world.mode = "ConfirmedPipeline"
    world.add_payment(commission="Paid")
    connect()
    account = PartnerAccount.objects.get()
    assert account.invoicing_trigger_mode == "ConfirmedPipeline"
    assert pull_now(account).status == PullRun.Status.OK


def test_connect_again_replaces_key_and_address(connect: Connect, upstream: SandboxServer) -> None:
    connect()
    sealed = PartnerAccount.objects.get().sealed_api_key
    said = connect("--name=Acme Holding", url=f"{upstream.address}/")
    account = PartnerAccount.objects.get()
    assert said.startswith("Connected again acme: ")
    assert (account.name, account.base_url, account.api_key) == ("Acme Holding", upstream.address, upstream.key)
    assert account.sealed_api_key != sealed


def test_connect_keeps_what_was_there_when_the_new_key_is_wrong(connect: Connect, upstream: SandboxServer) -> None:
    connect()
    before = PartnerAccount.objects.values().get()
    with pytest.raises(CommandError, match="Not connected: Debitura rejected the API key"):
        connect(key="a wrong key")
    assert PartnerAccount.objects.values().get() == before


REFUSED = [
    ({"key": "a-wrong-key"}, "Not connected: Debitura rejected the API key"),
    ({"key": ""}, "The environment variable THE_KEY is empty or not set"),
    ({"key": "   "}, "The environment variable THE_KEY is empty or not set"),
    ({"key": "two\nlines"}, "Not connected: The API key holds control characters"),
    ({"url": "http://referral-api.debitura.com"}, "Not connected: The base URL must start with https://"),
    ({"url": "http://192.168.1.4"}, "Not connected: The base URL must start with https://"),
    ({"url": "http://127.0.0.1.example.com"}, "Not connected: The base URL must start with https://"),
    ({"url": "https://user:secret@referral-api.debitura.com"}, "Not connected: The base URL must be a plain address"),
    ({"url": "https://169.254.169.254"}, "Not connected: 169.254.169.254 leads to a machine that is not on the public"),
    ({"url": "ftp://127.0.0.1"}, "Not connected: The base URL must start with https://"),
    ({"url": "nonsense"}, "Not connected: The base URL names no host"),
    ({"slug": "no slug"}, "--slug 'no slug': Enter a valid"),
    ({"slug": ""}, "--slug '': This field cannot be blank."),
    ({"slug": "s" * 51}, f"--slug '{'s' * 51}': Ensure this value has at most 50 characters"),
]


@pytest.mark.parametrize(("given", "reason"), REFUSED)
def test_connect_stores_nothing_when_something_is_wrong(
    connect: Connect, given: dict[str, str], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError) as refused:
        connect(**given)
    assert str(refused.value).startswith(reason)
    assert "a-wrong-key" not in str(refused.value) + "".join(capfd.readouterr())
    assert not PartnerAccount.objects.exists()


@pytest.mark.parametrize(
    ("allowed", "reason"), [(False, "not on the public Internet"), (True, "The connection to Debitura failed")]
)
def test_connect_goes_to_the_own_network_only_where_that_is_allowed(
    connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch, allowed: bool, reason: str
) -> None:
    settings.ALLOW_PRIVATE_UPSTREAM = allowed
    monkeypatch.setattr(DebituraClient, "RETRY", RetryPolicy(tries=1))
    with pytest.raises(CommandError, match=reason):
        connect(url=INSIDE)
    assert not PartnerAccount.objects.exists()


@pytest.mark.parametrize("name", ["", "n" * 201])
def test_connect_refuses_a_name_that_cannot_be_kept(connect: Connect, name: str) -> None:
    with pytest.raises(CommandError, match="--name "):
        connect(f"--name={name}")
    assert not PartnerAccount.objects.exists()


def test_connect_says_when_the_variable_is_not_there() -> None:
    with pytest.raises(CommandError, match="The environment variable NO_SUCH_KEY is empty or not set"):
        call_command("connect_partner", "--slug=acme", "--name=Acme", "--api-key-env=NO_SUCH_KEY")


@pytest.mark.django_db(transaction=True)
@pytest.mark.either
@pytest.mark.parametrize(
    ("typed", "code"), [("sandbox-key-for-tests\n", 0), ("sandbox-key-for-tests", 0), ("wrong-key\n", 1), ("", 1)]
)
def test_connect_reads_the_key_from_standard_input(upstream: SandboxServer, typed: str, code: int) -> None:
    process = start("manage.py", "connect_partner", "--slug=acme", "--name=Acme", f"--base-url={upstream.address}")
    out, err = process.communicate(typed, timeout=30)
    assert process.returncode == code
    assert [account.api_key for account in PartnerAccount.objects.all()] == ([upstream.key] if code == 0 else [])
    assert not [line for line in (out + err).splitlines() if typed.strip() and typed.strip() in line]
    assert "Traceback" not in err


def test_connect_refuses_the_key_of_another_partner(connect: Connect) -> None:
    connect()
    PartnerAccount.objects.update(partner_id="somebody-else", name="Before")
    with pytest.raises(CommandError, match="belongs to another partner"):
        connect()
    assert PartnerAccount.objects.get().name == "Before"
