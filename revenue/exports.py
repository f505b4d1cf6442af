"""Lists as CSV files: the same filters and the same rows as on the screen, streamed in constant memory.

UTF-8 with BOM and CRLF (RFC 4180). A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers
stay numbers. Amounts are exact, as Debitura sent them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from partners.models import PartnerAccount
from revenue.filters import ClientFilter, RevenueFilter
from revenue.money import cents
from revenue.periods import Period, add_months, is_month_end
from revenue.selectors.clients import ClientRow, in_order, matching, with_totals
from revenue.selectors.entries import entries
from revenue.selectors.pulls import published_run
from revenue.selectors.snapshot import consistent_read
from revenue.stages import STAGES, TEXTS, Stage

BOM = "\ufeff"
# What a spreadsheet takes for the beginning of a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_CHUNK = 1000
_PIECE = 200

Export = tuple[str, Generator[bytes, None, None]]
Lines = Generator[list[str], None, None]


class Column(NamedTuple):
    """A column of transactions.csv: its header, the path of its value, and how the value is written."""

    header: str
    path: str
    write: Callable[[Any], str]


def transactions_csv(f: RevenueFilter, *, now: datetime) -> Export:
    """The name of the file and its bytes: everything that matches `f`, in its order, whatever its page.

    The name's as-of and the rows are of one state of the database, which is held until the bytes are read to their end or
    their iterator is closed (Django closes it when the client goes away).
    """
    return _in_one_state(_transactions_name(f), f.account, now, _transaction_lines(f))


def clients_csv(f: ClientFilter, *, now: datetime) -> Export:
    """As `transactions_csv`, for clients: fees rounded to the cent, which is what the screen shows."""
    parts = ["clients", *_partner_part(f.is_default_account, f.account), "search" if f.q else "", f.state]
    return _in_one_state("_".join(filter(None, parts)), f.account, now, _client_lines(f))


def safe_text(value: object) -> str:
    """A text cell that no spreadsheet runs; "" for None."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def number(value: Decimal | int | None) -> str:
    """A number cell with every digit and a plain minus; "" where it is unknown, never 0."""
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def utc_text(moment: datetime | None) -> str:
    """ISO 8601 in UTC with Z; "" where it is unknown."""
    return "" if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def flag(value: bool | None) -> str:
    """true, false, or "" where it is unknown."""
    return "" if value is None else str(value).lower()


def transaction_columns(zone: ZoneInfo) -> tuple[Column, ...]:
    """The columns of transactions.csv for a reader in `zone`."""

    def local(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    return (
        Column("transaction_id", "transaction_id", str),
        Column("payment_date_utc", "payment_date", utc_text),
        Column(f"payment_date_local ({zone.key})", "payment_date", local),
        Column("client", "client__company_name", safe_text),
        Column("creditor_id", "client__creditor_id", safe_text),
        Column("external_tenant_id", "client__external_tenant_id", safe_text),
        Column("case_reference", "case__reference", safe_text),
        Column("client_reference", "case__client_reference", safe_text),
        Column("partner_reference", "case__partner_reference", safe_text),
        Column("debtor", "case__debtor_name", safe_text),
        Column("payment_amount", "payment_amount", number),
        Column("payment_currency", "payment_currency", safe_text),
        Column("fee", "fee", number),
        Column("fee_currency", "earnings_currency", safe_text),
        Column("fee_usd", "fee_usd", number),
        Column("fee_percentage", "fee_percentage", number),
        Column("is_estimate", "is_estimate", flag),
        Column("debitura_revenue_usd", "revenue_usd", number),
        Column("stage", "stage", str),
        Column("stage_label", "stage", lambda stage: TEXTS[Stage(stage)].label),
        Column("commission_status", "commission_status", safe_text),
        Column("platform_status", "platform_status", safe_text),
        Column("referral_status", "referral_status", safe_text),
        Column("first_seen_at_utc", "first_seen_at", utc_text),
        Column("stage_since_utc", "stage_since", utc_text),
    )


def _transaction_lines(f: RevenueFilter) -> Lines:
    columns = transaction_columns(f.period.zone)
    writers = [column.write for column in columns]
    yield [column.header for column in columns]
    # No model instances: at a million rows they are most of the time.
    paths = dict.fromkeys(column.path for column in columns)
    places = [list(paths).index(column.path) for column in columns]
    for row in entries(f).select_related(None).defer(None).values_list(*paths).iterator(chunk_size=_CHUNK):
        yield [write(row[place]) for write, place in zip(writers, places, strict=True)]


CLIENT_HEADERS = (
    "creditor_id",
    "external_tenant_id",
    "client",
    "registration_number",
    "country",
    "is_attributed",
    "onboarding_done",
    "kyc_status",
    "date_linked_utc",
    "archived_at_utc",
    "cases_total",
    "cases_closed",
    "fee_percentage",
    *(f"{stage}_fee_usd" for stage in (*STAGES, Stage.OUTSIDE)),
    "fee_usd",
    "estimate_fee_usd",
    "transactions",
    "debitura_earnings_usd",
    "difference_usd",
)


def _client_lines(f: ClientFilter) -> Lines:
    yield list(CLIENT_HEADERS)
    clients = in_order(matching(f), f.sort).iterator(chunk_size=_CHUNK)
    while chunk := list(islice(clients, _CHUNK)):
        yield from map(_client_line, with_totals(chunk))


def _client_line(row: ClientRow) -> list[str]:
    client, totals = row.client, row.totals
    return [
        str(client.creditor_id),
        safe_text(client.external_tenant_id),
        safe_text(client.company_name),
        safe_text(client.registration_number),
        safe_text(client.country),
        flag(client.is_attributed),
        flag(client.onboarding_done),
        safe_text(client.kyc_status),
        utc_text(client.date_linked),
        utc_text(client.archived_at),
        number(client.cases_total),
        number(client.cases_closed),
        number(client.fee_percentage),
        *(number(cents(total.fee_usd)) for total in (*totals.stages, totals.outside)),
        number(cents(totals.fee_usd)),
        number(cents(totals.estimate_fee_usd)),
        number(totals.count),
        number(client.earnings_usd),
        number(row.difference_usd),
    ]


def _in_one_state(name: str, account: PartnerAccount, now: datetime, lines: Lines) -> Export:
    pieces = _as_of_and_pieces(account, now, lines)
    as_of = next(pieces).decode()
    return f"{name}_{as_of}.csv", pieces


def _as_of_and_pieces(account: PartnerAccount, now: datetime, lines: Lines) -> Generator[bytes, None, None]:
    """The as-of for the name of the file, then the file, all read in one transaction.

    The name is sent before the first row is read: a generator is what can hold the transaction open across the two.
    """
    # The cursor of the rows is closed before the transaction that it belongs to.
    with consistent_read(), closing(lines):
        yield _as_of(account, now).encode()
        yield from _encoded(lines)


class _Line:
    """What csv.writer writes to: the line comes back as the result of writerow."""

    def write(self, text: str) -> str:
        return text


def _encoded(lines: Iterator[list[str]]) -> Iterator[bytes]:
    """The lines as a file, many at a time: a server sends every piece by itself."""
    writer = csv.writer(_Line(), lineterminator="\r\n")
    yield BOM.encode()
    while piece := list(islice(lines, _PIECE)):
        yield "".join(map(writer.writerow, piece)).encode()


def _transactions_name(f: RevenueFilter) -> str:
    parts = [
        "transactions",
        *_partner_part(f.is_default_account, f.account),
        _period_part(f.period),
        "-".join(stage.name.lower().replace("_", "-") for stage in f.stages),
        f"client-{f.client.creditor_id}" if f.client else "",
        "search" if f.q else "",
    ]
    return "_".join(filter(None, parts))


def _partner_part(is_default: bool, account: PartnerAccount) -> list[str]:
    return [] if is_default else [account.slug]


def _period_part(period: Period) -> str:
    """ "2026-03" for a whole month, "2026" for a year, "2026-03-05" for a day, else both ends; "all" without any."""
    first, last = period.first, period.last
    if first is None or last is None:
        return f"from-{first}" if first else f"until-{last}" if last else "all"
    if first == last:
        return str(first)
    whole = first.day == 1 and is_month_end(last)
    if whole and (first.month, last) == (1, date(first.year, 12, 31)):
        return f"{first:%Y}"
    if whole and add_months(first, 1) > last:
        return f"{first:%Y-%m}"
    return f"{first}_to_{last}"


def _as_of(account: PartnerAccount, now: datetime) -> str:
    run = published_run(account)
    if run is None or run.as_of is None:
        return f"never-pulled-{now.astimezone(UTC):%Y%m%dT%H%MZ}"
    return f"as-of-{run.as_of:%Y%m%dT%H%MZ}"
