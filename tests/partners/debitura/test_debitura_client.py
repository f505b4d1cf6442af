"""The client against a real server on loopback: what it sends, what it survives, what it raises."""

import gzip
import logging
import time
import tomllib
import traceback
from collections.abc import Callable
from decimal import Decimal
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest

from partners.debitura.client import DebituraClient
from partners.debitura.errors import (
    BadRequest,
    DebituraError,
    InsecureAddress,
    Malformed,
    NotFound,
    RateLimited,
    Redirected,
    ServerFailed,
    Unauthorized,
    Unreachable,
    UnusableKey,
)
from partners.debitura.filters import TransactionFilters
from partners.debitura.retry import RetryPolicy
from partners.debitura.transport import USER_AGENT, Timeouts

ME = {"id": "p-1", "companyName": "Partner A/S", "referralFeePercentage": 50}


def test_me_sends_key_and_reads_partner(server, replies, connect, key):
    server.script = [replies.json(ME | {"unknown": [1, 2]})]
    me = connect().me()
    assert (me.id, me.company_name, me.fee_percentage) == ("p-1", "Partner A/S", Decimal(50))
    assert (me.is_active, me.invoicing_trigger_mode) == (True, "PayWhenPaid")
    headers = server.asked[0].headers
    assert (headers["xapikey"], headers["accept"]) == (key, "application/json")
    assert headers["user-agent"] == USER_AGENT


def test_user_agent_names_the_version_of_the_project():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert f"Feeboard/{project['version']}" == USER_AGENT


def test_pages_ask_in_order_over_one_connection(server, replies, connect, transaction, answer):
    rows = [transaction(number) for number in range(1, 6)]
    server.script = [replies.json(answer(rows[start : start + 2], 5, 2)) for start in (0, 2, 4)]
    client = connect()
    pages = list(client.transaction_pages(page_size=2))
    assert [row.transaction_id.int & 0xF for page in pages for row in page.rows] == [1, 2, 3, 4, 5]
    assert [asked.value("Page") for asked in server.asked] == ["1", "2", "3"]
    assert {asked.value("PageSize") for asked in server.asked} == {"2"}
    assert {asked.value("Sort") for asked in server.asked} == {"collectionDate:asc"}
    assert {asked.connection for asked in server.asked} == {1}
    assert (client.requests, client.retries) == (3, 0)


def test_pages_of_exact_multiple_end_with_the_full_page_that_completes_the_total(
    server, replies, connect, transaction, answer
):
    server.script = [replies.json(answer([transaction(1), transaction(2)], 2, 2))]
    client = connect()
    assert ([len(page) for page in client.transaction_pages(page_size=2)], client.requests) == ([2], 1)


def test_pages_of_exact_multiple_without_a_total_end_with_an_empty_page(server, replies, connect, transaction):
    server.script = [replies.json({"data": [transaction(1), transaction(2)]}), replies.json({"data": []})]
    assert [len(page) for page in connect().transaction_pages(page_size=2)] == [2, 0]


def test_filters_are_sent(server, replies, connect, answer):
    server.script = [replies.json(answer([], 0, 1))]
    connect().transaction_page(filters=TransactionFilters(search="Q8", stages=(5, 6)))
    assert server.asked[0].query == [
        ("Search", "Q8"),
        ("RevenueStages", "5"),
        ("RevenueStages", "6"),
        ("Sort", "collectionDate:asc"),
        ("Page", "1"),
        ("PageSize", "1"),
    ]


def test_clients_and_cases_are_paged_in_their_own_order(server, replies, connect):
    empty = {"page": {"totalResults": 0}, "clients": [], "cases": []}
    server.script = [replies.json(empty)]
    client = connect()
    assert [len(page) for page in client.client_pages()] == [0]
    assert len(client.case_page()) == 0
    assert [(asked.path, asked.value("Sort")) for asked in server.asked] == [
        ("/clients", None),
        ("/cases", None),
    ]


def test_page_of_cases_is_given_up_earlier_than_what_figures_depend_on(server, replies, connect, clock):
    server.script = [replies.json({"error": "no"}, 503)] * 9
    for ask, requests in ((DebituraClient.case_page, 3), (DebituraClient.transaction_page, 5)):
        client = connect()
        with pytest.raises(ServerFailed):
            ask(client)
        assert client.requests == requests
    server.script = [replies.json({"retryAfter": 61}, 429), replies.json({"retryAfter": 61}, 429)]
    client = connect()
    with pytest.raises(RateLimited):
        client.case_page()
    assert client.requests == 1


def test_gzip_is_unpacked(server, replies, connect):
    server.script = [replies.body(gzip.compress(b'{"id":"zipped"}'), 200, "Content-Encoding: gzip")]
    assert connect().me().id == "zipped"


def test_chunked_answer_is_read(server, replies, connect):
    body = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"id":\r\n4\r\n"c"}\r\n0\r\n\r\n'
    server.script = [replies.raw(body)]
    assert connect().me().id == "c"


@pytest.mark.parametrize(
    ("status", "error", "kind", "retryable"),
    [
        (301, Redirected, "redirected", False),
        (302, Redirected, "redirected", False),
        (400, BadRequest, "bad_request", False),
        (401, Unauthorized, "unauthorized", False),
        (403, Unauthorized, "unauthorized", False),
        (404, NotFound, "not_found", False),
        (405, BadRequest, "bad_request", False),
        (418, BadRequest, "bad_request", False),
        (501, ServerFailed, "server_error", False),
    ],
)
def test_refusal_fails_at_once(server, replies, connect, clock, status, error, kind, retryable):
    server.script = [replies.json({"error": "no", "message": "Not like that"}, status, "Location: /elsewhere")]
    client = connect()
    with pytest.raises(error) as caught:
        client.me()
    assert (caught.value.kind, caught.value.status, caught.value.retryable) == (kind, status, retryable)
    assert str(caught.value).endswith('Debitura said: "Not like that"')
    assert (client.requests, client.retries, clock.slept) == (1, 0, [])


TROUBLES = {
    "500": (lambda replies: replies.json({"error": "oops"}, 500), ServerFailed),
    "502": (lambda replies: replies.html(status=502), ServerFailed),
    "503": (lambda replies: replies.body(b"", 503), ServerFailed),
    "504": (lambda replies: replies.html(status=504), ServerFailed),
    "close": (lambda replies: replies.close(), Unreachable),
    "reset": (lambda replies: replies.reset(), Unreachable),
    "truncate": (lambda replies: replies.truncate(), Unreachable),
    "truncate to valid JSON": (lambda replies: replies.truncate(b"{}"), Unreachable),
    "broken chunks": (lambda replies: replies.broken_chunks(), Unreachable),
    "bad gzip": (lambda replies: replies.body(b"plain", 200, "Content-Encoding: gzip"), Unreachable),
    "not HTTP": (lambda replies: replies.raw(b"SSH-2.0-OpenSSH\r\n\r\n"), Unreachable),
    "html": (lambda replies: replies.html(), Malformed),
    "empty body": (lambda replies: replies.body(b""), Malformed),
    "garbage": (lambda replies: replies.body(b'{"data": [}'), Malformed),
    "not UTF-8": (lambda replies: replies.body(b'{"id":"\xff"}'), Malformed),
    "a list": (lambda replies: replies.json([1]), Malformed),
    "no content": (lambda replies: replies.raw(b"HTTP/1.1 204 No Content\r\n\r\n"), Malformed),
    "deep": (lambda replies: replies.body(b"[" * 100_000), Malformed),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_passing_trouble_is_retried(server, replies, connect, clock, trouble):
    make, _ = TROUBLES[trouble]
    server.script = [make(replies), make(replies), replies.json(ME)]
    client = connect()
    assert client.me().id == "p-1"
    assert (client.requests, client.retries, clock.slept) == (3, 2, [0.5, 1.0])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_lasting_trouble_raises_when_tries_are_spent(server, replies, connect, clock, trouble):
    make, error = TROUBLES[trouble]
    server.script = [make(replies)]
    client = connect()
    with pytest.raises(error) as caught:
        client.me()
    assert caught.value.retryable is True
    assert str(caught.value).endswith("Gave up after 5 tries.")
    assert (client.requests, client.retries, clock.slept) == (5, 4, [0.5, 1.0, 2.0, 4.0])


def test_refused_connection_is_unreachable(connect, server):
    server.close()
    with pytest.raises(Unreachable) as caught:
        connect(retry=RetryPolicy(tries=1)).me()
    assert str(caught.value) == (
        "The connection to Debitura failed (Connection refused). Check the network and the base URL."
    )


@pytest.mark.parametrize("address", ["https://.example", "https://a..example", f"https://{'x' * 64}.example"])
def test_address_that_no_name_can_have_is_unreachable(key, address):
    with DebituraClient(address, key, retry=RetryPolicy(tries=1)) as client, pytest.raises(Unreachable):
        client.me()


@pytest.mark.parametrize(
    ("body", "header", "slept"),
    [
        ({"error": "rate_limit_exceeded", "retryAfter": 42.0}, None, 42.0),
        ({"error": "rate_limit_exceeded", "retryAfter": 42.0}, "Retry-After: 7", 42.0),
        ({}, "Retry-After: 7", 7.0),
        ({"retryAfter": -1}, None, 0.5),
        ({}, None, 0.5),
    ],
)
def test_rate_limit_waits_what_it_is_told(server, replies, connect, clock, body, header, slept):
    server.script = [replies.json(body, 429, *([header] if header else [])), replies.json(ME)]
    assert connect().me().id == "p-1"
    assert clock.slept == [slept]


def test_rate_limit_asking_for_too_long_is_raised(server, replies, connect, clock):
    server.script = [replies.json({"retryAfter": 1800.0}, 429)]
    with pytest.raises(RateLimited) as caught:
        connect().me()
    assert (caught.value.retry_after, caught.value.status, caught.value.retryable) == (1800.0, 429, True)
    assert clock.slept == []


def test_rate_limit_is_waited_for_five_times(server, replies, connect, clock):
    server.script = [replies.json({"retryAfter": 2.0}, 429)]
    with pytest.raises(RateLimited, match=r"Gave up after 5 waits\.$"):
        connect().me()
    assert clock.slept == [2.0] * 5


def test_waits_stop_at_the_overall_bound(server, replies, connect, clock):
    server.script = [replies.json({"retryAfter": 110}, 429)]
    with pytest.raises(RateLimited, match=r"past 300 seconds\.$"):
        connect().me()
    assert clock.slept == [110.0, 110.0]


def test_contradicting_page_is_retried(server, replies, connect, transaction, answer):
    short, whole = answer([transaction(1)], 2, 2), answer([transaction(1), transaction(2)], 2, 2)
    server.script = [replies.json(short), replies.json(whole)]
    client = connect()
    assert [len(page) for page in client.transaction_pages(page_size=2)] == [2]
    assert client.retries == 1


def test_page_that_cannot_follow_the_one_before_is_retried(server, replies, connect, transaction, answer):
    first, second = answer([transaction(1)], 2, 1), answer([transaction(2)], 2, 1)
    script = [first, answer([], 0, 1), first, second]
    server.script = [replies.json(each) for each in script]
    client = connect()
    found = [row.transaction_id.int & 0xF for page in client.transaction_pages(page_size=1) for row in page.rows]
    assert (found, client.requests, client.retries) == ([1, 2], 4, 2)


def test_contradicting_page_that_lasts_is_raised(server, replies, connect, transaction, answer):
    server.script = [replies.json(answer([transaction(1)], 5, 2))]
    with pytest.raises(Malformed, match=r"^Page 1 holds 1 rows where 5 results in pages of 2 call for 2\."):
        list(connect().transaction_pages(page_size=2))


def test_failure_in_the_middle_is_raised_not_taken_for_the_end(server, replies, connect, transaction, answer):
    server.script = [replies.json(answer([transaction(1)], 2, 1)), replies.json({}, 500)]
    pages = connect().transaction_pages(page_size=1)
    assert len(next(pages)) == 1
    with pytest.raises(ServerFailed):
        next(pages)


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"],
    ids=["before the status", "in a header", "in the body"],
)
def test_dripping_server_is_left_at_the_bound(server, replies, connect, start):
    server.script = [replies.drip(start)]
    client = connect(timeouts=Timeouts(connect=1, read=1, total=0.3), retry=RetryPolicy(tries=1))
    before = time.monotonic()
    with pytest.raises(Unreachable, match=r"^Debitura did not answer in time\."):
        client.me()
    assert time.monotonic() - before < 5.0


def test_silent_server_is_left_after_the_read_timeout(server, replies, connect):
    server.script = [replies.silence()]
    client = connect(timeouts=Timeouts(read=0.1), retry=RetryPolicy(tries=1))
    with pytest.raises(Unreachable, match=r"^Debitura did not answer in time\."):
        client.me()


def test_oversized_answer_is_not_read_on(server, replies, connect, monkeypatch):
    monkeypatch.setattr("partners.debitura.transport.MAX_BODY", 2**20)
    server.script = [replies.body(gzip.compress(b" " * (2**21)), 200, "Content-Encoding: gzip")]
    with pytest.raises(Malformed, match=r"^Debitura's answer is larger than 1 MiB\."):
        connect().me()


def test_hook_runs_before_every_request_and_may_stop_the_call(server, replies, connect):
    class Cancelled(Exception):
        pass

    calls = []

    def hook():
        calls.append(len(server.asked))
        if len(calls) == 3:
            raise Cancelled

    server.script = [replies.body(b"", 500)]
    client = connect(before_request=hook)
    with pytest.raises(Cancelled):
        client.me()
    assert (calls, client.requests) == ([0, 1, 2], 2)


def test_redirect_is_not_followed(server, replies, connect):
    server.script = [replies.body(b"", 307, f"Location: {server.address}/me")]
    with pytest.raises(Redirected):
        connect().me()
    assert len(server.asked) == 1


def test_environment_proxy_and_cookies_are_ignored(server, replies, connect, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.script = [replies.json(ME, 200, "Set-Cookie: session=1; Path=/")]
    client = connect()
    client.me()
    client.me()
    assert [asked.headers.get("cookie") for asked in server.asked] == [None, None]


KEY_LEAKS: dict[str, Callable[..., Any]] = {
    **{name: make for name, (make, _) in TROUBLES.items()},
    **{f"echo with {code}": methodcaller("echo", code) for code in (302, 400, 401, 403, 404, 429, 500)},
    "echo in html": lambda replies: replies.html("<b>s3cret-Key_0123456789/+=</b>", 400),
    "echo encoded": lambda replies: replies.html("?k=s3cret-Key_0123456789%2F%2B%3D", 400),
}


@pytest.mark.parametrize("failure", KEY_LEAKS)
def test_key_is_in_no_error_repr_traceback_or_log(server, replies, connect, key, caplog, failure):
    caplog.set_level(logging.DEBUG)
    server.script = [KEY_LEAKS[failure](replies)]
    client = connect()
    with pytest.raises(DebituraError) as caught:
        client.me()
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(client) + caplog.text
    for piece in (key, key[:12], "0123456789"):
        assert piece not in told


def test_quote_of_the_other_side_is_short_and_redacted(server, replies, connect):
    server.script = [replies.echo(400)]
    with pytest.raises(BadRequest) as caught:
        connect().me()
    quote = str(caught.value).partition('said: "')[2].removesuffix('"')
    assert quote.startswith("The key [key] was used The key [key] was used")
    assert len(quote) == 200


@pytest.mark.parametrize("bad", ["", " k3y-x", "k3y-x\n", "a\rb", "a\x00b", "a\x7fb", "kéy\u0100", "x\x85y"])
def test_unusable_key_is_refused_without_quoting_it(bad):
    with pytest.raises(UnusableKey) as caught:
        DebituraClient("https://referral-api.debitura.com", bad)
    assert not bad or bad not in str(caught.value)


def test_insecure_address_is_refused_before_anything_is_sent(key):
    with pytest.raises(InsecureAddress):
        DebituraClient("http://referral-api.debitura.com", key)


def test_context_manager_closes_and_repr_names_the_address(key):
    with DebituraClient("https://referral-api.debitura.com/", key) as client:
        assert repr(client) == "<DebituraClient https://referral-api.debitura.com>"
