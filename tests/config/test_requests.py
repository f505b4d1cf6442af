"""What holds for every request."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from config.requests import LARGEST_BODY, PERMISSIONS


@pytest.mark.parametrize("address", ["/healthz", "/sign-in/", "/nowhere/", "/api/v1/schema/", "/webhooks/acme/"])
def test_every_answer_closes_what_pages_never_need(db: None, client: Client, address: str) -> None:
    headers = client.get(address).headers
    assert headers["Permissions-Policy"] == PERMISSIONS
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "same-origin")
    assert headers["X-Frame-Options"] == "DENY"


def test_permissions_are_written_as_browsers_read_them() -> None:
    assert re.fullmatch(r"[a-z-]+=\(\)(, [a-z-]+=\(\))+", PERMISSIONS)
    assert "clipboard" not in PERMISSIONS


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (str(LARGEST_BODY), 200),
        (str(LARGEST_BODY + 1), 413),
        ("9" * 5000, 413),
        ("", 200),
        ("-1", 200),
        ("²", 200),
    ],
)
def test_body_that_is_too_large_by_its_own_words_is_not_read(
    db: None, client: Client, length: str, status: int
) -> None:
    answer = client.generic("POST", "/sign-in/", b"username=a", CONTENT_LENGTH=length)
    assert answer.status_code == status
    assert ("This is larger than 25 MB. Send it in parts." in answer.content.decode()) == (status == 413)
