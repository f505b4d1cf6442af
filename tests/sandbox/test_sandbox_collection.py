"""The Collection Partner API: activating a case, its lifecycle, and look-ups by the partner's own reference."""

import http.client
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from sandbox.world import World

WELCOME: dict[str, Any] = {"welcomeMessage": "Welcome!", "userEmail": "anna@partner.example"}
LOOK_UP = "/cases/by-partner-reference"
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
    *("112179442 & 112179443", "?a=b#c", "100 %", "+ +"),
]


@pytest.fixture
def caller(serve):
    world = World.empty()
    world.add_case(lifecycle="PendingVerification", reference="Q8OAXF3W")
    return serve(world)


def pending(caller):
    (case,) = caller.server.world.cases
    return case


def start(caller, **members):
    return caller.collect("POST", f"/cases/{pending(caller).id}/start", WELCOME | members)


def test_start_activates_and_echoes_what_was_stored(caller):
    answer = start(
        caller, collectionPartnerReference="  REF 1 ", interestFees=12.5, assignedUserEmail="b@partner.example"
    )
    case = pending(caller)
    assert answer.status == 200
    assert answer.json == {
        "caseId": str(case.id),
        "caseReference": "Q8OAXF3W",
        "status": "Active",
        "activatedAt": "2026-03-31T12:00:00Z",
        "collectionPartnerReference": "REF 1",
    }
    assert (case.lifecycle, case.partner_reference, case.date_collection_started) == (
        "Active",
        "REF 1",
        caller.server.world.now,
    )


def test_start_shows_in_the_list_of_cases_which_never_tells_the_reference(caller):
    caller.get("/cases")
    start(caller, collectionPartnerReference="REF 1")
    answer = caller.get("/cases")
    assert answer.json["cases"][0]["lifecycle"] == "Active"
    assert answer.json["summary"]["byLifecycle"] == {"Active": 1}
    assert b"REF 1" not in answer.body


@pytest.mark.parametrize(("sent", "stored"), [(None, "before"), ("", None), (" \n ", None), ("after", "after")])
def test_start_leaves_the_reference_where_none_is_sent(caller, sent, stored):
    caller.server.world.edit_case(pending(caller).id, partner_reference="before")
    assert start(caller, collectionPartnerReference=sent).json["collectionPartnerReference"] == stored


def test_second_start_is_refused(caller):
    start(caller, collectionPartnerReference="first")
    answer = start(caller, collectionPartnerReference="second")
    assert (answer.status, answer.json["message"]) == (
        400,
        "The case is Active; only PendingVerification can be started.",
    )
    assert pending(caller).partner_reference == "first"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"welcomeMessage": None}, "welcomeMessage must be a text that is not empty."),
        ({"welcomeMessage": "  "}, "welcomeMessage must be a text that is not empty."),
        ({"welcomeMessage": "m" * 5001}, "welcomeMessage must have at most 5000 characters."),
        ({"userEmail": ""}, "userEmail must be a text that is not empty."),
        ({"userEmail": "anna"}, "userEmail must be an e-mail address."),
        ({"assignedUserEmail": 7}, "assignedUserEmail must be a text."),
        ({"collectionPartnerReference": "🧾" * 129}, "collectionPartnerReference must have at most 128 characters."),
        ({"interestFees": -0.01}, "interestFees must be a number, 0 or more."),
        ({"reminderFees": "5"}, "reminderFees must be a number, 0 or more."),
        ({"collectionFees": True}, "collectionFees must be a number, 0 or more."),
    ],
)
def test_start_refuses_what_the_contract_does_not_allow(caller, members, message):
    answer = start(caller, **members)
    assert (answer.status, answer.json["message"]) == (400, message)
    assert pending(caller).lifecycle == "PendingVerification"


def test_start_takes_the_longest_message_and_reference(caller):
    answer = start(caller, welcomeMessage="m" * 5000, collectionPartnerReference=f" {'🧾' * 128} ", interestFees=0)
    assert answer.json["collectionPartnerReference"] == "🧾" * 128


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"interestFees":NaN}', b'{"a":"\xff"}', b"[" * 100_000])
def test_start_refuses_a_body_that_is_no_json_object(caller, body):
    answer = caller.collect("POST", f"/cases/{pending(caller).id}/start", body)
    assert (answer.status, answer.json["error"]) == (400, "invalid_parameter")


@pytest.mark.parametrize("case_id", [UUID(int=1), "Q8OAXF3W"])
def test_start_of_an_unknown_case_answers_404(caller, case_id):
    answer = caller.collect("POST", f"/cases/{case_id}/start", WELCOME)
    assert (answer.status, answer.json["message"]) == (404, "There is no such case among yours.")


def test_each_api_has_a_key_of_its_own(caller):
    server, path = caller.server, f"/cases/{pending(caller).id}/start"
    assert [caller.collect("POST", path, WELCOME, key=key).status for key in (server.key, "", "wrong")] == [401] * 3
    assert caller.get("/cases", key=server.collection_key).status == 401
    assert caller.get(LOOK_UP, {"references": "a"}).status == 401
    assert pending(caller).lifecycle == "PendingVerification"


@pytest.mark.parametrize(("method", "path"), [("GET", "/cases/x/start"), ("PUT", "/cases"), ("DELETE", LOOK_UP)])
def test_another_method_answers_405(caller, method, path):
    assert caller.collect(method, path).status == 405


@pytest.mark.parametrize("reference", HOSTILE)
def test_lookup_finds_any_reference_exactly(caller, reference):
    caller.server.world.edit_case(pending(caller).id, partner_reference=reference)
    answer = caller.collect("GET", f"{LOOK_UP}/{quote(reference, safe='')}")
    assert (answer.status, answer.json["id"]) == (200, str(pending(caller).id))
    assert "partnerReference" not in answer.body.decode()


@pytest.mark.parametrize("reference", ["ref-1", "Ref-", "Ref-1 ", "Ref-12"])
def test_lookup_of_another_reference_answers_404(caller, reference):
    caller.server.world.edit_case(pending(caller).id, partner_reference="Ref-1")
    assert caller.collect("GET", f"{LOOK_UP}/{quote(reference, safe='')}").status == 404


def test_batch_lookup_leaves_unknown_ones_out(caller):
    world = caller.server.world
    first, second, _ = (world.add_case(partner_reference=each) for each in ("a", "b/c", "a"))
    answer = caller.collect("GET", LOOK_UP, params={"references": "a,b/c,unknown,A"})
    assert {key: row["id"] for key, row in answer.json.items()} == {"a": str(first.id), "b/c": str(second.id)}


@pytest.mark.parametrize(
    ("references", "status"),
    [("", 400), (",", 400), (",".join(map(str, range(100))), 200), (",".join(map(str, range(101))), 400)],
)
def test_batch_lookup_takes_1_to_100_references(caller, references, status):
    assert caller.collect("GET", LOOK_UP, params={"references": references}).status == status


def test_lifecycle_update_stores_the_reference(caller):
    path = f"/cases/{pending(caller).id}/lifecycle"
    for sent, stored in ((" New ", "New"), (None, "New"), ("", "")):
        body = {"lifecycle": "PendingVerification", "collectionPartnerReference": sent}
        assert caller.collect("PUT", path, body).status == 200
        assert pending(caller).partner_reference == stored


@pytest.mark.parametrize("lifecycle", ["Active", "Asleep", "", None])
def test_lifecycle_update_starts_no_case(caller, lifecycle):
    answer = caller.collect("PUT", f"/cases/{pending(caller).id}/lifecycle", {"lifecycle": lifecycle})
    assert (answer.status, pending(caller).lifecycle) == (400, "PendingVerification")


@pytest.mark.parametrize(
    ("fault", "lifecycle"),
    [
        *[(f"start/{kind}", "PendingVerification") for kind in ("500", "503", "429", "close", "html", "garbage")],
        *[(f"start/{kind}!", "Active") for kind in ("500", "503", "close", "html", "garbage")],
        *[(f"start/{kind}", "Active") for kind in ("reset", "truncate", "slow=0.01", "drip=0.01")],
    ],
)
def test_fault_strikes_before_or_after_the_work(caller, fault, lifecycle):
    caller.server.faults = fault
    try:
        answered = start(caller).status == 200 and fault.startswith(("start/slow", "start/drip"))
    except (http.client.HTTPException, OSError):
        answered = False
    assert (answered, pending(caller).lifecycle) == (fault.startswith(("start/slow", "start/drip")), lifecycle)


def test_body_is_read_also_where_it_is_refused_and_the_connection_kept(caller):
    caller.collect("POST", "/nowhere", WELCOME)
    kept = caller.connection.sock
    caller.collect("POST", f"/cases/{pending(caller).id}/start", WELCOME, key="wrong")
    assert caller.get("/me").status == 200
    assert caller.connection.sock is kept is not None


def test_body_that_is_too_large_is_refused_without_reading_it(caller):
    caller.connection.putrequest("POST", f"/cases/{pending(caller).id}/start")
    caller.connection.putheader("XApiKey", caller.server.collection_key)
    caller.connection.putheader("Content-Length", str(2**20 + 1))
    caller.connection.endheaders()
    reply = caller.connection.getresponse()
    assert (reply.status, reply.headers["Connection"]) == (413, "close")


def test_body_without_an_end_is_refused(caller):
    # Its head alone: the sandbox hangs up on whoever still sends the rest.
    caller.connection.putrequest("POST", "/me")
    caller.connection.putheader("XApiKey", caller.server.key)
    caller.connection.putheader("Transfer-Encoding", "chunked")
    caller.connection.endheaders()
    assert caller.connection.getresponse().status == 411
