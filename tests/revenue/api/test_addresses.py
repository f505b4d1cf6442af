"""Every partner reference is reached by its address over real HTTP, through the server of the demo and the one of production."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from urllib.parse import quote, urlsplit

import pytest

from accounts.models import ApiToken
from partners.models import Case
from tests.factories import make_account, make_case, make_client, make_user
from tests.processes import kill, start

pytestmark = pytest.mark.django_db(transaction=True)

LOOK_UP = "/api/v1/cases/by-partner-reference"
REFERENCES = [
    *("112179442 & 112179443", "a,b", "a/b", "a//b", "/a", "a/", "/", "//", "../../etc", "...", "end.", "..;/x"),
    *("50%", "%2F", "%252F", "%", "%00", "%FF", "a+b", "a b", "a?b=c", "a#b", "a;b", "a&b", "a=b", ":", "@", "\\", "|"),
    *("=1+1", "<script>alert(1)</script>", '"quoted"', "'", "a\nb", "a\r\nb", "a\tb", "Ærø", "ß", "é", "e\u0301"),
    *(
        "\u202eright to left",
        "שלום",
        "🧾" * 128,
        "x" * 128,
        "\ufeff.",
        ".\u2028.",
        "activate",
        "x/activate",
        "x/activate/",
    ),
    *("by-partner-reference", "by-partner-reference/x", "api", "schema", "docs", "null", "0", "http://example.com/"),
]


class Caller:
    """Somebody with a token, over one connection."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection
        self.headers = {"Authorization": f"Bearer {ApiToken.issue(make_user())}", "Content-Type": "application/json"}

    def ask(self, method: str, address: str, body: object = None) -> tuple[int, object]:
        content = None if body is None else json.dumps(body)
        self.connection.request(method, address, content, self.headers)
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())


@pytest.fixture
def cases() -> dict[str, str]:
    """Debitura's reference by the partner's, a case each."""
    client = make_client(make_account())
    return {text: make_case(client, partner_reference=text).reference for text in REFERENCES}


@pytest.fixture(params=["demo", "gunicorn"])
def caller(request: pytest.FixtureRequest, cases: dict[str, str]) -> Iterator[Caller]:
    demo = request.param == "demo"
    with nullcontext(request.getfixturevalue("live_server").url) if demo else gunicorn() as address:
        place = urlsplit(address)
        with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)) as connection:
            yield Caller(connection)


@contextmanager
def gunicorn() -> Iterator[str]:
    """The address of the site as it is served in production."""
    words = ("config.wsgi", "--bind", "127.0.0.1:0", "--threads", "2", "--no-control-socket", "--log-level", "info")
    server = start("-m", "gunicorn", *words, ALLOWED_HOSTS="127.0.0.1")
    try:
        assert server.stderr is not None
        listening = (re.search(r"Listening at: (http://\S+)", line) for line in server.stderr)
        yield next(found[1] for found in listening if found)
    finally:
        kill(server)


def by_address(caller: Caller, reference: str) -> tuple[int, object]:
    return caller.ask("GET", f"{LOOK_UP}/{quote(reference, safe='')}")


def names(answer: object) -> object:
    """The Debitura references in an answer's cases."""
    assert isinstance(answer, dict)
    return {key: [case["reference"] for case in found] for key, found in answer.items()}


def test_every_reference_is_reached_without_a_detour(caller: Caller, cases: dict[str, str]) -> None:
    found = {text: by_address(caller, text) for text in cases}
    assert {text: (status, names(answer)) for text, (status, answer) in found.items()} == {
        text: (200, {"cases": [reference]}) for text, reference in cases.items()
    }

    # Every one at once, also those that hold commas or that clients drop from an address.
    status, answer = caller.ask("POST", LOOK_UP, {"references": list(cases)})
    assert (status, names(answer)) == (200, {text: [reference] for text, reference in cases.items()})

    plain = [text for text in cases if "," not in text and len(text) < 100]
    status, answer = caller.ask("GET", f"{LOOK_UP}?references={','.join(quote(text, safe='') for text in plain)}")
    assert (status, names(answer)) == (200, {text: [cases[text]] for text in plain})

    for raw in ("%00", "a%00b", "%FF", "%ED%A0%80", "no%20such", "A%2FB"):
        Case.objects.filter(partner_reference=raw).update(partner_reference="")
        status, answer = caller.ask("GET", f"{LOOK_UP}/{raw}")
        assert isinstance(answer, dict)
        assert (raw, status, answer["error"]["code"]) == (raw, 404, "not_found")
        assert caller.ask("GET", f"{LOOK_UP}?references={raw}") == (200, {})
