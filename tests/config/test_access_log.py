"""What gunicorn writes of a request, and what not."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from config.access_log import AccessLog, without_secrets


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/invitation/s3cret/", "/invitation/-/"),
        ("/invitation/s3cret", "/invitation/-"),
        ("/invitation/s3cret?x=1", "/invitation/-?x=1"),
        ("https://feeboard.example.com/invitation/s3cret/", "https://feeboard.example.com/invitation/-/"),
        *((address, address) for address in ("/invitation/", "/settings/people/invitations/7/send/", "/", "-")),
    ],
)
def test_secret_of_an_invitation_is_a_dash(address: str, kept: str) -> None:
    assert without_secrets(address) == kept


def test_line_of_the_log_holds_no_secret_in_any_of_its_parts() -> None:
    address = "/invitation/s3cret/"
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": address,
        "PATH_INFO": address,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_REFERER": f"http://127.0.0.1{address}",
    }
    answer = SimpleNamespace(status="302 Found", sent=0, headers=[("Location", "/invitation/")])
    request = SimpleNamespace(headers=[("REFERER", f"http://127.0.0.1{address}")])
    found = AccessLog(Config()).atoms(answer, request, environ, timedelta(seconds=1))
    assert found["r"] == "GET /invitation/-/ HTTP/1.1"
    assert [name for name, value in found.items() if "s3cret" in str(value)] == []
