"""Which machines a key may be sent to. Names are answered by the tests; connections are real, and stay on loopback."""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import urllib3.util.connection

from partners.debitura.client import DebituraClient
from partners.debitura.destination import is_public
from partners.debitura.errors import InsecureAddress, NotSent, Redirected
from partners.debitura.retry import RetryPolicy
from partners.debitura.transport import DEFAULT_TIMEOUTS, Request, Transport

ME = {"id": "p-1", "companyName": "Acme"}
PUBLIC = "93.184.216.34"
Names = Callable[[dict[str, list[list[str]]]], list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Have each name lead to the addresses of its next answer, the last one for ever. Returns the names asked for."""
    really, asked = socket.getaddrinfo, []

    def install(answers: dict[str, list[list[str]]]) -> list[str]:
        def answer(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
            if host not in answers:
                return really(host, port, *args, **options)
            asked.append(host)
            told = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
            return [place for address in told for place in really(address, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        return asked

    return install


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("64:ff9b::5db8:d822", True),  # PUBLIC, by way of a translator
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),  # a carrier's own
        ("169.254.169.254", False),  # a cloud's metadata
        ("198.18.0.1", False),
        ("203.0.113.7", False),
        ("224.0.0.1", False),
        ("239.1.2.3", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::1", False),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::1", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_public_address(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    "base_url",
    [
        "https://10.0.0.1",
        "https://192.168.1.1:8443/v1",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://[::ffff:127.0.0.1]",
        "https://0.0.0.0",
        "https://127.1",
        "https://0x7f000001",
        "https://2130706433",
    ],
)
def test_key_is_not_sent_inside(base_url: str, key: str) -> None:
    with DebituraClient(base_url, key) as client, pytest.raises(InsecureAddress) as refused:
        client.me()
    assert "not on the public Internet, so nothing was sent there" in str(refused.value)
    assert (client.requests, key in str(refused.value)) == (1, False)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1"], ["10.0.0.1"], [PUBLIC, "127.0.0.1"]])
def test_name_that_leads_inside_is_refused_before_a_connection(
    names: Names, monkeypatch: pytest.MonkeyPatch, key: str, addresses: list[str]
) -> None:
    names({"api.example": [addresses]})
    made: list[object] = []
    monkeypatch.setattr(urllib3.util.connection, "create_connection", lambda *args, **options: made.append(args))
    with DebituraClient("https://api.example", key) as client, pytest.raises(InsecureAddress, match=r"^api\.example "):
        client.me()
    assert made == []


def test_connection_goes_to_the_address_that_was_checked(
    names: Names, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    asked = names({"api.example": [[PUBLIC], ["127.0.0.1"]]})
    made: list[tuple[str, int]] = []

    def refuse(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        made.append(address)
        raise ConnectionRefusedError("the tests go nowhere")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", refuse)
    with DebituraClient("https://api.example", key, retry=RetryPolicy(tries=1)) as client, pytest.raises(NotSent):
        client.me()
    assert (made, asked) == ([(PUBLIC, 443)], ["api.example"])


def test_name_is_checked_anew_for_every_connection(names: Names, server: Any, replies: Any) -> None:
    asked = names({"localhost": [["127.0.0.1"], ["10.0.0.1"]]})
    server.script = [replies.json(ME, 200, "Connection: close")]
    with DebituraClient(server.address.replace("127.0.0.1", "localhost"), "key") as client:
        assert client.me().company_name == "Acme"
        with pytest.raises(InsecureAddress):
            client.me()
    assert (asked, len(server.asked)) == (["localhost", "localhost"], 1)


def test_next_address_is_tried_where_one_does_not_answer(names: Names, server: Any, replies: Any) -> None:
    names({"localhost": [["127.0.0.2", "127.0.0.1"]]})
    server.script = [replies.json(ME)]
    with DebituraClient(server.address.replace("127.0.0.1", "localhost"), "key") as client:
        assert client.me().company_name == "Acme"
    host = server.address.replace("http://127.0.0.1", "localhost")
    assert ([asked.headers["host"] for asked in server.asked], client.requests) == ([host], 1)


@pytest.mark.parametrize("allowed", [True, False])
def test_own_network_is_reached_where_it_is_allowed(names: Names, server: Any, replies: Any, allowed: bool) -> None:
    names({"gateway.internal": [["127.0.0.1"]]})
    server.script = [replies.json(ME)]
    address = server.address.replace("127.0.0.1", "gateway.internal")
    transport = Transport(address, "key", DEFAULT_TIMEOUTS, allow_private=allowed)
    with nullcontext() if allowed else pytest.raises(InsecureAddress):
        assert transport.send(Request("/me"), seconds=5).status == 200
    transport.close()
    assert len(server.asked) == (1 if allowed else 0)


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/", "https://10.0.0.1/me"])
def test_redirect_that_leads_inside_is_not_followed(server: Any, replies: Any, connect: Any, target: str) -> None:
    server.script = [replies.body(b"", 302, f"Location: {target}")]
    with pytest.raises(Redirected):
        connect().me()
    assert len(server.asked) == 1
