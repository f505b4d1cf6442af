"""The client of the Collection Partner API: what it sends, and what it makes of the answers and of their loss."""

import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from urllib.parse import unquote
from uuid import UUID

import pytest
import simplejson

from partners.debitura.collection import CaseFound, CollectionClient, Started, Welcome
from partners.debitura.errors import (
    BadRequest,
    DebituraError,
    InsecureAddress,
    Malformed,
    NotFound,
    NotSent,
    RateLimited,
    Redirected,
    ServerFailed,
    Unauthorized,
    Unreachable,
)
from sandbox.server import SandboxServer
from sandbox.world import World

CASE = UUID("22222222-2222-4222-8222-222222222222")
WELCOME = Welcome(welcome_message="Welcome!", user_email="anna@partner.example")
STARTED = {"caseId": str(CASE), "caseReference": "Q8OAXF3W", "status": "Active", "collectionPartnerReference": "REF 1"}
FOUND = {"id": str(CASE), "reference": "Q8OAXF3W", "lifecycle": "Active", "client": None}
HOSTILE = [
    *(
        "../../etc",
        "a/b",
        "=1+1",
        "<script>",
        "🧾" * 128,
        "one, two",
        'a"b',
        "two\nlines",
        "\u202eright",
        "dots...",
        "%2F",
    ),
    *(".", "..", "112179442 & 112179443", "?a=b#c", "100 %", "+ +"),
]


@pytest.fixture
def upstream() -> Iterator[SandboxServer]:
    world = World.empty()
    world.add_case(lifecycle="PendingVerification", reference="Q8OAXF3W")
    with SandboxServer(world) as server:
        yield server


@pytest.fixture
def client(upstream: SandboxServer) -> Iterator[CollectionClient]:
    with CollectionClient(upstream.address, upstream.collection_key) as client:
        yield client


def test_start_sends_every_digit_and_only_what_was_given(server, replies, collecting, key):
    server.script = [replies.json(STARTED)]
    fees = replace(WELCOME, interest_fees=Decimal("12.50"), reminder_fees=Decimal("0.1234567890123456789"))
    collecting.start(CASE, replace(fees, reference="REF 1"))
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["xapikey"]) == ("POST", f"/cases/{CASE}/start", key)
    assert (asked.headers["content-type"], asked.headers["content-length"]) == (
        "application/json",
        str(len(asked.body)),
    )
    assert asked.body == (
        b'{"welcomeMessage":"Welcome!","userEmail":"anna@partner.example","collectionPartnerReference":"REF 1",'
        b'"interestFees":12.50,"reminderFees":0.1234567890123456789}'
    )


def test_start_tells_what_debitura_stored(server, replies, collecting):
    server.script = [replies.json(STARTED), replies.json(STARTED | {"collectionPartnerReference": None})]
    assert collecting.start(CASE, WELCOME) == Started(CASE, "Active", "REF 1")
    assert collecting.start(CASE, WELCOME) == Started(CASE, "Active", "")


def test_start_is_understood_by_the_other_side(client, upstream):
    (case,) = upstream.world.cases
    sent = replace(WELCOME, reference="Ä 🧾, 1/2", assigned_email="b@partner.example", collection_fees=Decimal(0))
    assert client.start(case.id, sent) == Started(case.id, "Active", "Ä 🧾, 1/2")
    assert case.partner_reference == "Ä 🧾, 1/2"


UNCLEAR = {
    "500": (lambda replies: replies.json({"error": "oops"}, 500), ServerFailed),
    "504": (lambda replies: replies.html(status=504), ServerFailed),
    "close": (lambda replies: replies.close(), Unreachable),
    "reset": (lambda replies: replies.reset(), Unreachable),
    "truncate": (lambda replies: replies.truncate(), Unreachable),
    "not HTTP": (lambda replies: replies.raw(b"SSH-2.0-OpenSSH\r\n\r\n"), Unreachable),
    "html": (lambda replies: replies.html(), Malformed),
    "no content": (lambda replies: replies.raw(b"HTTP/1.1 204 No Content\r\n\r\n"), Malformed),
    "accepted": (lambda replies: replies.json(STARTED, 202), Malformed),
    "another case": (lambda replies: replies.json(STARTED | {"caseId": str(UUID(int=1))}), Malformed),
    "no case": (lambda replies: replies.json(STARTED | {"caseId": None}), Malformed),
    "no status": (lambda replies: replies.json(STARTED | {"status": None}), Malformed),
    "still pending": (lambda replies: replies.json(STARTED | {"status": "Pending Verification"}), Malformed),
}
REFUSED = {
    400: (BadRequest, "Debitura refused the request with status 400."),
    401: (Unauthorized, "Debitura rejected the API key. Connect the account again with a valid key."),
    403: (Unauthorized, "Debitura does not allow this API key to do this. Ask Debitura what the key may do."),
    404: (NotFound, "Debitura knows no such case among those you collect, or no such address."),
    409: (BadRequest, "Debitura refused the request with status 409."),
    429: (RateLimited, "Debitura's rate limit is used up and asks to wait 7 seconds."),
    307: (Redirected, "Debitura redirected the request with status 307"),
}


@pytest.mark.parametrize("trouble", UNCLEAR)
def test_lost_or_unreadable_answer_is_unclear_and_nothing_is_repeated(server, replies, collecting, clock, trouble):
    make, error = UNCLEAR[trouble]
    server.script = [make(replies)]
    with pytest.raises(error) as caught:
        collecting.start(CASE, WELCOME)
    assert (caught.value.unclear, len(server.asked), clock.slept) == (True, 1, [])


@pytest.mark.parametrize("status", REFUSED)
def test_refusal_is_clear_quotes_debitura_and_nothing_is_repeated(server, replies, collecting, clock, status):
    error, advice = REFUSED[status]
    server.script = [replies.json({"error": "no", "message": "Not like that", "retryAfter": 7}, status)]
    with pytest.raises(error) as caught:
        collecting.start(CASE, WELCOME)
    assert (caught.value.unclear, len(server.asked), clock.slept) == (False, 1, [])
    assert str(caught.value).startswith(advice)
    assert str(caught.value).endswith('Debitura said: "Not like that"')


def test_refused_connection_sent_nothing(server, collecting):
    server.close()
    with pytest.raises(NotSent) as caught:
        collecting.start(CASE, WELCOME)
    assert caught.value.unclear is False


@pytest.mark.parametrize("address", ["https://.example", f"https://{'x' * 64}.example"])
def test_address_that_no_name_can_have_sent_nothing(key, address):
    with CollectionClient(address, key) as client, pytest.raises(NotSent):
        client.start(CASE, WELCOME)


@pytest.mark.parametrize("reference", HOSTILE)
def test_lookup_finds_any_reference_exactly(client, upstream, reference):
    (case,) = upstream.world.cases
    upstream.world.edit_case(case.id, partner_reference=reference)
    assert client.by_reference(reference) == CaseFound(case.id, "Q8OAXF3W", "PendingVerification")
    assert client.by_reference(f"{reference}x") is None


def test_lookup_asks_with_the_whole_reference_encoded(server, replies, collecting):
    server.script = [replies.json(FOUND)]
    collecting.by_reference("../a b%2F+🧾")
    assert server.asked[0].path == "/cases/by-partner-reference/..%2Fa%20b%252F%2B%F0%9F%A7%BE"
    assert unquote(server.asked[0].path).endswith("/../a b%2F+🧾")


def test_lookup_of_nothing_asks_nobody(server, collecting):
    assert (collecting.by_reference(""), server.asked) == (None, [])


@pytest.mark.parametrize(
    "row", [FOUND, {"caseId": str(CASE), "caseReference": "Q8OAXF3W", "status": "Active"}], ids=["id", "caseId"]
)
def test_lookup_reads_both_spellings(server, replies, collecting, row):
    server.script = [replies.json(row)]
    assert collecting.by_reference("REF 1") == CaseFound(CASE, "Q8OAXF3W", "Active")


def test_lookup_is_repeated_where_trouble_passes(server, replies, collecting, clock):
    server.script = [replies.json({}, 503), replies.json(FOUND)]
    assert collecting.by_reference("REF 1") == CaseFound(CASE, "Q8OAXF3W", "Active")
    assert (len(server.asked), clock.slept) == (2, [0.5])


@pytest.mark.parametrize("row", [{}, {"id": "x"}, {"id": None}, {"id": str(CASE), "lifecycle": []}])
def test_lookup_of_an_unusable_case_is_malformed(server, replies, collecting, row):
    server.script = [replies.json(row)]
    with pytest.raises(Malformed, match=r"^Debitura's answer about a case is unusable:"):
        collecting.by_reference("REF 1")


def test_batch_lookup_leaves_out_what_nobody_knows(client, upstream):
    case = upstream.world.add_case(partner_reference="b/c", reference="Q1")
    assert client.by_references(["a", "b/c"]) == {"b/c": CaseFound(case.id, "Q1", "Active")}


def test_batch_lookup_reads_null_as_none_and_nothing_else_as_a_case(server, replies, collecting):
    server.script = [replies.json({"a": None, "b": FOUND}), replies.json({"a": "text"})]
    assert collecting.by_references(["a", "b"]) == {"b": CaseFound(CASE, "Q8OAXF3W", "Active")}
    with pytest.raises(Malformed):
        collecting.by_references(["a"])


@pytest.mark.parametrize("references", [[], [""], ["a,b"], [str(number) for number in range(101)]])
def test_batch_lookup_refuses_what_it_cannot_ask(server, collecting, references):
    with pytest.raises(ValueError, match="1 to 100 references"):
        collecting.by_references(references)
    assert server.asked == []


@pytest.mark.parametrize("status", [200, 202, 204])
def test_lifecycle_update_sends_state_and_reference(server, replies, collecting, status):
    server.script = [replies.body(b"", status)]
    collecting.update_lifecycle("/v1/cases/{id}/lifecycle", CASE, lifecycle="Active", reference="")
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("PUT", f"/v1/cases/{CASE}/lifecycle")
    assert simplejson.loads(asked.body) == {"lifecycle": "Active", "collectionPartnerReference": ""}


def test_lifecycle_update_is_understood_by_the_other_side(client, upstream):
    case = upstream.world.add_case(partner_reference="before")
    client.update_lifecycle("/cases/{id}/lifecycle", case.id, lifecycle="Active", reference="after")
    assert case.partner_reference == "after"


def test_lifecycle_update_is_sent_once(server, replies, collecting, clock):
    server.script = [replies.json({}, 503)]
    with pytest.raises(ServerFailed):
        collecting.update_lifecycle("/cases/{id}/lifecycle", CASE, lifecycle="Active", reference="x")
    assert (len(server.asked), clock.slept) == (1, [])


@pytest.mark.parametrize(
    "path", ["", "cases/{id}", "@evil.example/{id}", ".evil.example/{id}", "/cases", "/{id}?a=b", "//{id}"]
)
def test_path_that_could_lead_elsewhere_is_refused(server, collecting, path):
    with pytest.raises(InsecureAddress, match=r"^The path must begin with /"):
        collecting.update_lifecycle(path, CASE, lifecycle="Active", reference="x")
    assert server.asked == []


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 429, 500])
def test_key_is_in_no_error_traceback_or_log(server, replies, collecting, key, caplog, status):
    caplog.set_level(logging.DEBUG)
    server.script = [replies.echo(status)]
    with pytest.raises(DebituraError) as caught:
        collecting.start(CASE, WELCOME)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(collecting) + caplog.text
    assert [piece for piece in (key, key[:12], "0123456789") if piece in told] == []
