"""Fault specifications, and each fault seen from the client's side."""

import http.client
import json
import math
import socket
import time

import pytest

from sandbox import faults
from sandbox.faults import KINDS, Fault, FaultPlan, parse
from sandbox.world import World

SPECS = [
    ("", ()),
    ("500", (Fault("500"),)),
    ("500:0.1", (Fault("500", chance=0.1),)),
    ("500:1", (Fault("500"),)),
    ("500:@3", (Fault("500", first=3, last=3),)),
    ("500:@3-", (Fault("500", first=3),)),
    ("500:x2", (Fault("500", last=2),)),
    ("429=2.5:x1", (Fault("429", value=2.5, last=1),)),
    ("transactions/500:@3", (Fault("500", path="transactions", first=3, last=3),)),
    ("start/500!:@1", (Fault("500", path="start", first=1, last=1, late=True),)),
    ("slow!=3:x1", (Fault("slow", value=3.0, last=1, late=True),)),
    ("html:0.02, me/slow=1", (Fault("html", chance=0.02), Fault("slow", path="me", value=1.0))),
]


@pytest.mark.parametrize(("spec", "expected"), SPECS)
def test_spec_is_read(spec, expected):
    assert parse(spec) == expected


@pytest.mark.parametrize(
    "spec", ["fire", "500:", "500:2", "500:@0", "500:x0", "500:often", "500=", "500:@-", "/500", "500=1!"]
)
def test_bad_spec_says_what_is_wrong_with_it(spec):
    with pytest.raises(ValueError, match=r"fault '") as caught:
        parse(spec)
    assert spec in str(caught.value)


def test_unknown_kind_is_answered_with_the_list_of_kinds():
    with pytest.raises(ValueError, match="Unknown fault 'fire'") as caught:
        parse("fire")
    assert faults.usage() in str(caught.value)


def test_unknown_path_is_refused():
    with pytest.raises(ValueError, match="Unknown path 'users'"):
        parse("users/500")


def struck(spec, paths, seed=1):
    plan = FaultPlan(parse(spec), seed)
    return [picked[0].kind if picked else "" for picked in map(plan.pick, paths)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("500:@2", ["", "500", "", ""]),
        ("500:@3-", ["", "", "500", "500"]),
        ("500:x2", ["500", "500", "", ""]),
        ("500", ["500"] * 4),
        ("500:0", [""] * 4),
        ("clients/500:x1", ["", "500", "", ""]),
        ("500:@1,502", ["500", "502", "502", "502"]),
    ],
)
def test_fault_strikes_the_requests_it_names(spec, expected):
    assert struck(spec, ["me", "clients", "clients", "me"]) == expected


def test_fault_with_probability_is_the_same_for_the_same_seed():
    paths = ["me"] * 1000
    first = struck("500:0.2", paths)
    assert struck("500:0.2", paths) == first
    assert struck("500:0.2", paths, seed=2) != first
    assert 150 < first.count("500") < 250


@pytest.fixture
def caller(serve):
    world = World.empty()
    for _ in range(4):
        world.add_payment()
    return serve(world)


def under(caller, spec, **params):
    caller.server.faults = spec
    return caller.transactions(**params)


STATUS = {"401": 401, "403": 403, "404": 404, "429": 429, "429header": 429, "429bare": 429, "500": 500}
PROXIED = {"502": 502, "503": 503, "504": 504, "html": 200}


@pytest.mark.parametrize("kind", STATUS)
def test_status_fault_answers_an_error_body(caller, kind):
    answer = under(caller, kind)
    assert answer.status == STATUS[kind]
    assert {"error", "message"} <= answer.json.keys()


@pytest.mark.parametrize("kind", PROXIED)
def test_proxy_fault_answers_html(caller, kind):
    answer = under(caller, kind)
    assert (answer.status, answer.headers["Content-Type"]) == (PROXIED[kind], "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("spec", "body", "header"),
    [("429=2", 2, None), ("429", 1, None), ("429header=3", None, "3"), ("429bare", None, None)],
)
def test_429_tells_the_wait_where_it_says(caller, spec, body, header):
    answer = under(caller, spec)
    assert (answer.json.get("retryAfter"), answer.headers.get("Retry-After")) == (body, header)


def test_garbage_is_broken_json_with_200(caller):
    answer = under(caller, "garbage")
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_close_answers_nothing(caller):
    with pytest.raises(http.client.RemoteDisconnected):
        under(caller, "close")
    assert caller.server.log == [("GET", "/reporting/transactions", 0)]


def test_truncate_sends_half_of_the_body(caller):
    whole = under(caller, "").body
    with pytest.raises(http.client.IncompleteRead) as caught:
        under(caller, "truncate")
    assert caught.value.partial == whole[: len(whole) // 2]


def test_reset_breaks_the_connection_in_mid_answer(caller):
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        under(caller, "reset")


def test_after_a_broken_answer_the_next_connection_works(caller):
    for kind in ("close", "truncate", "reset"):
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            under(caller, f"{kind}:x1")
        caller.connection.close()
        assert caller.transactions().status == 200


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_slow_faults_take_their_time_and_then_the_answer_is_whole(caller, kind):
    whole = under(caller, "").body
    began = time.monotonic()
    assert under(caller, f"{kind}=0.3").body == whole
    assert time.monotonic() - began >= 0.28


def test_empty_has_no_rows_and_all_totals_are_zero(caller):
    answer = under(caller, "empty").json
    assert (answer["data"], answer["page"]["totalResults"]) == ([], 0)
    assert {*answer["summary"]["revenue"].values(), answer["summary"]["totalDebituraRevenueUsd"]} == {0}


def test_short_page_contradicts_its_totals(caller):
    answer = under(caller, "short").json
    assert (len(answer["data"]), answer["page"]["totalResults"]) == (2, 4)


def test_dup_has_the_first_row_twice_and_not_the_last(caller):
    whole, spoilt = under(caller, "").ids, under(caller, "dup").ids
    assert spoilt == [*whole[:3], whole[0]]


@pytest.mark.parametrize(
    ("spec", "gone", "there"),
    [
        ("nopage", "page", "summary"),
        ("nosummary", "summary", "page"),
        ("pagedata", "page", "pageData"),
    ],
)
def test_members_go_missing(caller, spec, gone, there):
    answer = under(caller, spec).json
    assert gone not in answer
    assert there in answer


def test_nodisputed_leaves_the_other_six_pairs(caller):
    revenue = under(caller, "nodisputed").json["summary"]["revenue"]
    assert len(revenue) == 12
    assert not any(name.startswith("disputed") for name in revenue)


def test_newfields_change_nothing_known(caller):
    whole, spoilt = under(caller, "").json, under(caller, "newfields").json
    assert spoilt.keys() - whole.keys() == {"apiVersion", "links"}
    assert all(row.pop("addedLater") for row in spoilt["data"])
    assert [row["client"].pop("alsoNew") for row in spoilt["data"]] == ["æ"] * 4
    assert spoilt["data"] == whole["data"]


def first_row(caller, spec):
    whole, spoilt = under(caller, "").json["data"], under(caller, spec).json["data"]
    assert spoilt[1:] == whole[1:]
    return spoilt[0]


def test_baduuid_spoils_the_first_row_only(caller):
    assert first_row(caller, "baduuid")["transactionId"] == "not-a-uuid"


def test_nodate_spoils_the_first_row_only(caller):
    row = first_row(caller, "nodate")
    assert (row["date"], row["payment"]["paymentDate"]) == (None, None)


def test_nan_spoils_the_first_row_only(caller):
    row = first_row(caller, "nan")
    assert math.isnan(row["payment"]["amount"])
    assert math.isnan(row["earnings"]["referralFeeAmountUsd"])


def test_unknownstatus_spoils_the_first_row_only(caller):
    assert first_row(caller, "unknownstatus")["status"]["platformInvoicingStatus"] == "OnHold"


def test_badrow_takes_turns(caller):
    caller.server.faults = "badrow"
    whole = caller.server.world.payments[-1]
    rows = [caller.transactions().json["data"][0] for _ in range(3)]
    assert [row["transactionId"] == str(whole.id) for row in rows] == [True, True, False]
    assert [row["date"] is None for row in rows] == [True, False, False]


@pytest.mark.parametrize("path", ["/clients", "/cases"])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"reset", "close", "truncate", "slow", "drip"}))
def test_every_kind_strikes_the_other_lists_too(caller, path, kind):
    whole = caller.get(path).body
    caller.server.faults = f"{kind}:@1"
    assert (caller.get(path).body == whole) is (kind in {"nodisputed", "dup"} and (kind, path) != ("dup", "/cases"))
    assert caller.get(path).body == whole


def test_faults_never_outlive_their_turn_in_the_cache(caller):
    whole = under(caller, "").body
    for kind in ("empty", "short", "dup", "badrow", "nodisputed", "newfields", "pagedata", "nosummary"):
        under(caller, f"{kind}:x1")
        assert caller.transactions().body == whole


def test_reset_is_a_reset_on_the_wire(serve):
    world = World.empty()
    for _ in range(100):
        world.add_payment()
    caller = serve(world, faults="reset")
    with socket.create_connection(("127.0.0.1", caller.server.port), timeout=5) as raw:
        request = (
            f"GET /reporting/transactions?PageSize=100 HTTP/1.1\r\nHost: x\r\nXApiKey: {caller.server.key}\r\n\r\n"
        )
        raw.sendall(request.encode())
        with pytest.raises(ConnectionResetError):
            while raw.recv(65536):
                pass
