"""`manage.py connect_collection_partner`: a key of its own, checked, kept sealed beside the other one."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from partners.debitura.collection import CollectionClient
from partners.debitura.retry import RetryPolicy
from partners.models import PartnerAccount
from sandbox.server import SandboxServer

Connect = Callable[..., str]
PATH = "/cases/{id}/lifecycle"


@pytest.fixture
def connect(account: PartnerAccount, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Run the command with a key in the environment; returns all that it printed."""

    def run(*words: str, key: str = upstream.collection_key, url: str = upstream.address, partner: str = "acme") -> str:
        out, err = StringIO(), StringIO()
        monkeypatch.setenv("THE_KEY", key)
        given = (f"--partner={partner}", f"--base-url={url}", "--api-key-env=THE_KEY", *words)
        call_command("connect_collection_partner", *given, stdout=out, stderr=err)
        return out.getvalue() + err.getvalue()

    return run


def test_connect_stores_the_key_sealed_and_prints_none(
    connect: Connect, upstream: SandboxServer, capfd: pytest.CaptureFixture[str]
) -> None:
    said = connect(f"--lifecycle-path={PATH}", url=f"{upstream.address}/")
    account = PartnerAccount.objects.get()
    assert said == (
        f"Connected acme to the Collection Partner API at {upstream.address}; changed references are told at {PATH}\n"
    )
    assert (account.is_collecting, account.collection_base_url) == (True, upstream.address)
    assert (account.collection_key, account.lifecycle_path) == (upstream.collection_key, PATH)
    assert (account.api_key, account.edits) == (upstream.key, 1)
    assert upstream.collection_key not in account.sealed_collection_key + "".join(capfd.readouterr())


def test_connect_only_looks_up_what_no_case_has(connect: Connect, upstream: SandboxServer) -> None:
    connect()
    ((method, path, status),) = upstream.log
    assert (method, path.split("=")[0], status) == ("GET", "/cases/by-partner-reference?references", 200)


@pytest.mark.parametrize(
    ("allowed", "reason"), [(False, "not on the public Internet"), (True, "The connection to Debitura failed")]
)
def test_connect_goes_to_the_own_network_only_where_that_is_allowed(
    connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch, allowed: bool, reason: str
) -> None:
    settings.ALLOW_PRIVATE_UPSTREAM = allowed
    monkeypatch.setattr(CollectionClient, "RETRY", RetryPolicy(tries=1))
    with pytest.raises(CommandError, match=reason):
        connect(url="https://[::ffff:127.0.0.1]:9")
    assert not PartnerAccount.objects.get().is_collecting


def test_connect_again_keeps_the_path_unless_another_is_given(connect: Connect) -> None:
    paths = []
    for words in ((), (f"--lifecycle-path={PATH}",), (), ("--lifecycle-path=",)):
        said = connect(*words)
        paths.append(PartnerAccount.objects.get().lifecycle_path)
    assert paths == ["", PATH, PATH, ""]
    assert said.endswith("; changed references are not told\n")


def test_connecting_the_account_again_keeps_the_collection_key(
    connect: Connect, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(f"--lifecycle-path={PATH}")
    monkeypatch.setenv("THE_KEY", upstream.key)
    words = ("--slug=acme", "--name=Acme Holding", f"--base-url={upstream.address}", "--api-key-env=THE_KEY")
    call_command("connect_partner", *words, stdout=StringIO())
    account = PartnerAccount.objects.get()
    assert (account.name, account.collection_key, account.lifecycle_path) == (
        "Acme Holding",
        upstream.collection_key,
        PATH,
    )


REFUSED = [
    ({"key": "a-wrong-key"}, "Not connected: Debitura rejected the API key"),
    ({"key": "sandbox-key-for-tests"}, "Not connected: Debitura rejected the API key"),
    ({"key": " "}, "The environment variable THE_KEY is empty or not set"),
    ({"key": "two\nlines"}, "Not connected: The API key holds control characters"),
    ({"url": "http://collectionpartner-api.debitura.com"}, "Not connected: The base URL must start with https://"),
    ({"url": "nonsense"}, "Not connected: The base URL names no host"),
    ({"url": "https://" + "h" * 300}, "--base-url "),
    ({"partner": "nobody"}, "--partner 'nobody': there is no such account; connect it first with connect_partner."),
]


@pytest.mark.parametrize(("given", "reason"), REFUSED)
def test_connect_stores_nothing_when_something_is_wrong(connect: Connect, given: dict[str, str], reason: str) -> None:
    with pytest.raises(CommandError) as refused:
        connect(**given)
    assert str(refused.value).startswith(reason)
    assert [key for key in ("a-wrong-key", "sandbox-key-for-tests") if key in str(refused.value)] == []
    assert PartnerAccount.objects.get().is_collecting is False


def test_connect_refuses_an_address_that_is_another_one(connect: Connect, upstream: SandboxServer) -> None:
    with pytest.raises(CommandError, match=r"^Not connected: Debitura knows no such address\. Check the base URL\."):
        connect(url=f"{upstream.address}/elsewhere")
    assert PartnerAccount.objects.get().is_collecting is False


@pytest.mark.parametrize("path", ["cases/{id}", "/cases", "@evil.example/{id}", "/{id}?a=b", "/{id}/" + "x" * 200])
def test_connect_refuses_a_path_that_could_lead_elsewhere(connect: Connect, upstream: SandboxServer, path: str) -> None:
    with pytest.raises(CommandError, match=r"^--lifecycle-path "):
        connect(f"--lifecycle-path={path}")
    assert (PartnerAccount.objects.get().is_collecting, upstream.log) == (False, [])


def test_connect_says_when_the_variable_is_not_there(account: PartnerAccount) -> None:
    with pytest.raises(CommandError, match="The environment variable NO_SUCH_KEY is empty or not set"):
        call_command("connect_collection_partner", "--partner=acme", "--api-key-env=NO_SUCH_KEY")
