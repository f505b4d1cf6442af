"""The rows: made by the sandbox once, kept in a file, read back in a second or two.

A file holds one line of numbers and one of JSON for each row, the earliest payment first, after a first line of JSON with
the clients. Money is in whole 1/100,000,000 USD, as the sandbox writes it: sums of it are exact in integers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path

from sandbox import rendering
from sandbox.directory import Directory
from sandbox.query import Query
from sandbox.records import Payment
from sandbox.rules import COMMISSION, PAY_WHEN_PAID, PLATFORM, REFERRAL, STAGES, stage_of
from sandbox.world import World

UNITS_PER_USD = 10**8
CLIENTS = 96  # one page of GET /clients, archived ones included
SEED = 7
REFERRALS: tuple[str | None, ...] = (*REFERRAL, None)
# Every combination of the three statuses; a row keeps its place in this list.
KINDS = tuple(product(COMMISSION, PLATFORM, REFERRALS))
NUMBER_OF = {kind: number for number, kind in enumerate(KINDS)}
STAGE_OF = tuple(stage_of(*kind, PAY_WHEN_PAID) for kind in KINDS)
OUTSIDE = len(STAGES)


@dataclass(slots=True, eq=False)
class Row:
    """One transaction: `moment` in ticks since 1970, `fee` and `revenue` in units, `text` its JSON."""

    moment: int
    key: str
    kind: int
    fee: int
    revenue: int
    client: int
    text: bytes


@dataclass(slots=True)
class Upstream:
    """What there is: `clients` are finished JSON objects whose earnings are filled in when asked for."""

    me: bytes
    clients: list[bytes]
    clients_summary: bytes
    rows: list[Row]


def kept(folder: Path, count: int, end: date) -> Upstream:
    """`count` rows up to and with the day `end` (UTC), from the file in `folder` or made now and kept there."""
    file = folder / f"rows-{count}-{end}.txt"
    if not file.exists():
        for older in folder.glob(f"rows-{count}-*"):
            older.unlink()
        _make(file, count, end)
    return _read(file)


def _make(file: Path, count: int, end: date) -> None:
    world = World.generate(seed=SEED, transactions=count, clients=CLIENTS, end=end)
    places = {client.id: number for number, client in enumerate(world.clients)}
    directory = Directory(world)
    listing = directory.clients(Query("PageSize=100&Sort=name:asc"))
    listed = sorted(
        (client for client in world.clients if not client.archived), key=lambda c: (c.company_name.casefold(), c.id.int)
    )
    head = {
        "me": directory.me().body.decode(),
        "clients": [[places[client.id], row.decode()] for client, row in zip(listed, listing.rows, strict=True)],
        "clients_summary": listing.summary,
    }
    unfinished = file.with_suffix(".part")
    file.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("wb") as out:
        out.write(json.dumps(head).encode() + b"\n")
        for payment in sorted(world.payments, key=lambda p: (p.moment, str(p.id))):
            out.write(b"%s\n%s\n" % (_numbers(payment, places[payment.client.id]), rendering.transaction(payment)))
            payment.text = None
    unfinished.rename(file)


def _numbers(payment: Payment, client: int) -> bytes:
    kind = NUMBER_OF[payment.commission, payment.platform, payment.referral]
    fields = (payment.moment, payment.id, kind, units(payment.fee_usd), units(payment.revenue_usd), client)
    return " ".join(map(str, fields)).encode()


def units(usd: Decimal) -> int:
    """A USD amount in units; raises ValueError where it has more digits than they hold."""
    scaled = usd * UNITS_PER_USD
    if scaled != int(scaled):
        raise ValueError(f"{usd} has more than eight decimals")
    return int(scaled)


def _read(file: Path) -> Upstream:
    lines = file.read_bytes().split(b"\n")
    head = json.loads(lines[0])
    clients: list[bytes] = [b""] * CLIENTS
    for place, text in head["clients"]:
        clients[place] = text.encode()
    rows = []
    for numbers, text in zip(lines[1:-1:2], lines[2::2], strict=True):
        moment, key, kind, fee, revenue, client = numbers.split(b" ")
        rows.append(Row(int(moment), key.decode(), int(kind), int(fee), int(revenue), int(client), text))
    return Upstream(head["me"].encode(), clients, json.dumps(head["clients_summary"]).encode(), rows)
