"""The stand-in of the benchmarks answers as the sandbox does, before and after changes, and over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.standin.api import StandIn, summary
from benchmarks.standin.book import Book, Window
from benchmarks.standin.changes import CHANGES
from benchmarks.standin.rows import CLIENTS, KINDS, SEED, STAGE_OF, Row, kept, units
from benchmarks.standin.server import KEY, Connection
from partners.debitura.client import DebituraClient
from partners.debitura.errors import Unauthorized
from sandbox.api import Api
from sandbox.limits import RateLimits
from sandbox.replies import Listing
from sandbox.world import World

ROWS = 1500
END = date(2026, 3, 31)
FIRST = datetime(2023, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@pytest.fixture
def stand_in(folder: Path) -> StandIn:
    return StandIn(kept(folder, ROWS, END))


@pytest.fixture(scope="module")
def sandbox() -> Api:
    """The same rows, answered by the sandbox."""
    return Api(World.generate(seed=SEED, transactions=ROWS, clients=CLIENTS, end=END), KEY, RateLimits.none())


def ask(stand_in: StandIn, target: str) -> Any:
    status, body, _ = stand_in.answer(target)
    assert status == 200, body
    return json.loads(body, parse_float=Decimal)


def ask_sandbox(sandbox: Api, target: str) -> Any:
    answer = sandbox.answer(target, KEY)
    return json.loads((answer.reply() if isinstance(answer, Listing) else answer).body, parse_float=Decimal)


moments = st.none() | st.integers(0, 3 * 365 * 86_400).map(lambda second: FIRST + timedelta(seconds=second))
statuses = st.lists(st.integers(0, 2), max_size=2, unique=True)


@given(moments, moments, statuses, statuses, st.integers(1, 30), st.sampled_from([1, 7, 100]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_transactions_of_any_window_are_those_of_the_sandbox(
    folder: Path,
    sandbox: Api,
    first: datetime | None,
    last: datetime | None,
    commissions: list[int],
    stages: list[int],
    number: int,
    size: int,
    descending: bool,
) -> None:
    query: list[tuple[str, object]] = [("Page", number), ("PageSize", size)]
    query += [("FromDate", first.isoformat())] if first else []
    query += [("ToDate", last.isoformat())] if last else []
    query += [("CommissionPaymentStatuses", status) for status in commissions]
    query += [("RevenueStages", stage) for stage in stages]
    query += [("Sort", f"collectionDate:{'desc' if descending else 'asc'}")]
    target = f"/reporting/transactions?{urlencode(query)}"
    assert ask(StandIn(kept(folder, ROWS, END)), target) == ask_sandbox(sandbox, target)


def test_clients_are_those_of_the_sandbox(stand_in: StandIn, sandbox: Api) -> None:
    def by_id(answer: Any) -> Any:
        return answer | {"clients": sorted(answer["clients"], key=lambda row: row["client"]["id"])}

    target = "/clients?PageSize=100"
    assert by_id(ask(stand_in, target)) == by_id(ask_sandbox(sandbox, target))


def test_me_is_that_of_the_sandbox(stand_in: StandIn, sandbox: Api) -> None:
    assert ask(stand_in, "/me") == ask_sandbox(sandbox, "/me")


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_moves_rows_and_sums_together(stand_in: StandIn, what: str) -> None:
    before = ask(stand_in, "/reporting/transactions")["summary"]
    ask(stand_in, f"/_/{what}?rows=9&seed=3")
    told = ask(stand_in, "/reporting/transactions")
    rows = [
        row
        for page in range(1, 17)
        for row in ask(stand_in, f"/reporting/transactions?PageSize=100&Page={page}")["data"]
    ]
    assert told["page"]["totalResults"] == len(rows)
    assert told["summary"] == json.loads(summary(Book(map(read, rows)).totals(Window())), parse_float=Decimal)
    # The blind spot of any comparison of totals.
    assert (told["summary"] == before) is (what == "redate")


def read(row: dict[str, Any]) -> Row:
    """A row from its JSON alone; its moment plays no part in the sum of everything."""
    status, earnings = row["status"], row["earnings"]
    names = ("commissionPaymentStatus", "platformInvoicingStatus", "referralInvoicingStatus")
    kind = KINDS.index(tuple(status[name] for name in names))
    fee, revenue = units(Decimal(earnings["referralFeeAmountUsd"])), units(Decimal(earnings["debituraRevenueUsd"]))
    assert earnings["isEstimate"] is (status["commissionPaymentStatus"] != "Paid")
    assert row["date"] == row["payment"]["paymentDate"]
    assert Decimal(row["recognition"]["referralFeeRecognizedUsd"]) * 10**8 == (0 if earnings["isEstimate"] else fee)
    return Row(0, row["transactionId"], kind, fee, revenue, 0, b"")


def test_every_stage_is_among_the_kinds() -> None:
    assert set(STAGE_OF) == {None, *range(7)}


def test_an_unknown_filter_is_refused(stand_in: StandIn) -> None:
    assert stand_in.answer("/reporting/transactions?Search=hanse")[0] == 400


def test_requests_are_counted_without_those_that_steer(stand_in: StandIn) -> None:
    for target in ("/me", "/clients", "/_/count", "/reporting/transactions", "/nowhere"):
        stand_in.answer(target)
    assert ask(stand_in, "/_/count") == {"requests": 4, "rows": ROWS}
    ask(stand_in, "/_/reset")
    assert ask(stand_in, "/_/count") == {"requests": 0, "rows": ROWS}


def test_latency_is_for_the_api_alone(stand_in: StandIn) -> None:
    ask(stand_in, "/_/latency?ms=20")
    assert (stand_in.answer("/me")[2], stand_in.answer("/_/count")[2]) == (0.02, 0.0)


@pytest.fixture
def address(stand_in: StandIn) -> Iterator[str]:
    """The stand-in on a port, in a thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()

    # Everything of the loop runs in its thread: that of the test may have one already, left by a browser.
    async def listen() -> asyncio.Server:
        return await loop.create_server(lambda: Connection(stand_in), "127.0.0.1", 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        await server.wait_closed()

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    asyncio.run_coroutine_threadsafe(stop(server), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_our_client_reads_all_of_it(address: str) -> None:
    with DebituraClient(address, KEY) as client:
        pages = list(client.transaction_pages())
        assert (sum(map(len, pages)), pages[0].total_results, len(pages)) == (ROWS, ROWS, ROWS // 100)


def test_another_key_is_refused(address: str) -> None:
    with DebituraClient(address, "another-key") as client, pytest.raises(Unauthorized):
        client.me()


def test_redated_rows_stand_in_their_new_places(stand_in: StandIn) -> None:
    before = {row.key: row.moment for row in stand_in.book}
    ask(stand_in, "/_/redate?rows=5&seed=3")
    moments = [row.moment for row in stand_in.book]
    assert moments == sorted(moments)
    assert sum(before[row.key] != row.moment for row in stand_in.book) == 5
