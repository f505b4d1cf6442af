"""A delivery and a forged one."""

import base64
import hashlib
import hmac

import pytest

from partners.debitura.errors import Malformed
from partners.debitura.webhooks import UnusableSecret, delivery_id, is_signed, secret_bytes

SECRET = bytes(range(32))
BODY = b'{"id": "evt-1", "event": "case.updated"}'
NOW = 1_773_489_600


def v1(stamp: object = NOW, body: bytes = BODY, secret: bytes = SECRET) -> str:
    return hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def test_signature_of_a_known_delivery() -> None:
    """Worked out apart from this code: printf '1773489600.{}' | openssl dgst -sha256 -hmac secret-of-16-byte."""
    known = "3ab11faa78522a4724667799d2b48a3d55129ae15af84a30db878f1b5d890975"
    assert is_signed(b"secret-of-16-byte", f"t={NOW},v1={known}", b"{}", now=NOW)


@pytest.mark.parametrize(
    ("header", "good"),
    [
        (f"t={NOW},v1={v1()}", True),
        (f"t={NOW}, v1={v1()}", True),
        (f"v1={v1()},t={NOW}", True),
        (f"t={NOW},v1={'0' * 64},v1={v1()}", True),  # while a secret is being replaced
        (f"t={NOW},v1={v1().upper()}", False),
        (f"t={NOW},v1={v1()[:-1]}", False),
        (f"t={NOW},v1=", False),
        (f"t={NOW},v1=é", False),
        (f"t={NOW}", False),
        (f"v1={v1()}", False),
        (f"t={NOW + 1},v1={v1()}", False),
        (f"t={NOW},t={NOW},v1={v1()}", False),
        (f"t={NOW}.0,v1={v1(f'{NOW}.0')}", False),
        (f"t=+{NOW},v1={v1(f'+{NOW}')}", False),
        (f"t={'9' * 13},v1={v1('9' * 13)}", False),
        (f"t={NOW},v1={v1(body=BODY + b' ')}", False),
        (f"t={NOW},v1={v1(secret=bytes(32))}", False),
        (f"t={NOW},v0={v1()}", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_signature(header: str, good: bool) -> None:
    assert is_signed(SECRET, header, BODY, now=NOW) is good


@pytest.mark.parametrize(("passed", "good"), [(0, True), (300, True), (300.5, False), (-30, True), (-30.5, False)])
def test_signature_is_good_for_a_while(passed: float, good: bool) -> None:
    assert is_signed(SECRET, f"t={NOW},v1={v1()}", BODY, now=NOW + passed) is good


def test_secret_comes_from_its_base64() -> None:
    assert secret_bytes(base64.b64encode(SECRET).decode()) == SECRET


@pytest.mark.parametrize("secret", ["", "not base64!", "c2hvcnQ=", "é" * 24, base64.b64encode(SECRET).decode()[:-2]])
def test_unusable_secret_is_refused_without_quoting_it(secret: str) -> None:
    with pytest.raises(UnusableSecret, match="not what Debitura shows") as refused:
        secret_bytes(secret)
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "found"),
    [(BODY, "evt-1"), (b'{"id": "x"}', "x"), (b'{"id": "' + b"i" * 200 + b'"}', "i" * 200)],
)
def test_delivery_id(body: bytes, found: str) -> None:
    assert delivery_id(body) == found


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b"\xff",
        b'{"id": 7}',
        b'{"id": ""}',
        b'{"id": null}',
        b'{"id": "a\\u0000b"}',
        b'{"id": "\\ud800"}',
        b'{"id": "' + b"i" * 201 + b'"}',
        b"[" * 100_000,
        b'{"id":' * 50_000,
    ],
)
def test_delivery_without_an_id_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="A delivery is a JSON object with an id"):
        delivery_id(body)
