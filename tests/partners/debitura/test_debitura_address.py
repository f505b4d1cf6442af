"""Where the key may go."""

import pytest

from partners.debitura.address import checked_base_url, checked_key, is_loopback
from partners.debitura.errors import InsecureAddress


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://referral-api.debitura.com", "https://referral-api.debitura.com"),
        ("https://referral-api.debitura.com/", "https://referral-api.debitura.com"),
        ("HTTPS://testreferral-api.debitura.com:8443/v1/", "HTTPS://testreferral-api.debitura.com:8443/v1"),
        ("http://localhost:8900", "http://localhost:8900"),
        ("http://127.0.0.1:8900/", "http://127.0.0.1:8900"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://[::1]:8900", "http://[::1]:8900"),
    ],
)
def test_safe_address_is_taken(url, checked):
    assert checked_base_url(url) == checked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "referral-api.debitura.com",
        "//referral-api.debitura.com",
        "http://referral-api.debitura.com",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.1",
        "http://0.0.0.0",
        "http://[::2]",
        "http://192.168.1.1",
        "ftp://localhost",
        "file:///etc/passwd",
        "https://",
        "https:///me",
        "https://user:secret@referral-api.debitura.com",
        "https://user@referral-api.debitura.com",
        "http://127.0.0.1@evil.example",
        "http://evil.example\\@127.0.0.1",
        "https://referral-api.debitura.com?key=1",
        "https://referral-api.debitura.com?",
        "https://referral-api.debitura.com#top",
        "https://referral api.debitura.com",
        "https://referral-api.debitura.com\n",
        "https://referral-api.debitura.com:port",
        "https://referral-api.debitura.com:99999",
        "https://[::1",
        "https://dëbitura.com",
    ],
)
def test_unsafe_address_is_refused(url):
    with pytest.raises(InsecureAddress) as caught:
        checked_base_url(url)
    assert (caught.value.kind, caught.value.retryable) == ("insecure_address", False)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.255.0.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("local", False),
    ],
)
def test_loopback(host, loopback):
    assert is_loopback(host) is loopback


def test_usable_key_is_taken_as_it_is():
    assert checked_key("a B-ü/+=") == "a B-ü/+="
