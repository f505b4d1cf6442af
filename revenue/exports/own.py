"""payments.csv for the people of clients: the payments on their own cases, without anything that is the partner's."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from partners.spreadsheets import safe_text
from revenue.exports.cells import number, utc_text
from revenue.exports.files import Export, Lines, in_one_state_as_of, written
from revenue.exports.names import as_of_text
from revenue.filters import OwnCaseFilter
from revenue.payment_states import PAYMENT_TEXTS
from revenue.selectors.own import OwnPayment, own_freshness, own_payments


def own_payments_csv(f: OwnCaseFilter, *, zone: ZoneInfo, now: datetime) -> Export:
    """The name of the file and its bytes: what the filter finds, the latest payment first; local times are of `zone`."""
    header = (
        *("company", "case_reference", "client_reference", "debtor", "payment_date_utc"),
        *(f"payment_date_local ({zone.key})", "payment_amount", "payment_currency", "state"),
    )
    is_part = f.q or f.state or f.client
    return in_one_state_as_of(
        ("payments", "part" if is_part else ""),
        "csv",
        lambda: as_of_text(own_freshness(f.seats, now).as_of, now),
        written(header, _lines(f, zone)),
    )


def _lines(f: OwnCaseFilter, zone: ZoneInfo) -> Lines:
    for payment in own_payments(f):
        yield _line(payment, zone)


def _line(payment: OwnPayment, zone: ZoneInfo) -> list[str]:
    local = payment.date.astimezone(zone).replace(tzinfo=None)
    return [
        *map(safe_text, (payment.company, payment.reference, payment.client_reference, payment.debtor_name)),
        utc_text(payment.date),
        local.isoformat(" ", "seconds"),
        number(payment.amount),
        safe_text(payment.currency),
        PAYMENT_TEXTS[payment.state].label,
    ]
