"""clients.csv: every client of a filter with its fee a stage, rounded to the cent, which is what the screen shows."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from partners.spreadsheets import safe_text
from revenue.exports.cells import flag, number, utc_text
from revenue.exports.files import Export, Lines, in_one_state, written
from revenue.exports.names import partner_part
from revenue.filters import ClientFilter
from revenue.money import cents
from revenue.selectors.clients import ClientRow, in_order, matching, with_totals
from revenue.stages import STAGES, Stage

_CHUNK = 1000

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


def clients_csv(f: ClientFilter, *, now: datetime) -> Export:
    """The name of the file and its bytes: everything that matches `f`, in its order, whatever its page."""
    name = ("clients", *partner_part(f.is_default_account, f.account), "search" if f.q else "", f.state)
    return in_one_state(name, "csv", f.account, now, written(CLIENT_HEADERS, _client_lines(f)))


def _client_lines(f: ClientFilter) -> Lines:
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
