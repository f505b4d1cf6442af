"""A client in a few lines of plain text, to paste into an e-mail: one for colleagues, and one that can go to the client.

The second one tells of cases and payments alone: no fee, no stage of one, nothing of what the partner earns or calls things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from partners.fields import add_exactly
from partners.models import Client
from revenue.models import Transaction
from revenue.money import UNKNOWN, format_amount
from revenue.selectors.client_summary import ClientSummary
from revenue.selectors.totals import ListTotal, add_totals
from revenue.stages import TEXTS, Stage

_CONTROLS = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029]")
_INDENT = "  "


def for_colleagues(summary: ClientSummary, zone: ZoneInfo) -> str:
    """With fees: firm and estimated ones apart, by stage, in USD. Days are those of `zone`."""
    return _text(_head(summary, zone), _work(summary, zone), _fees(summary), _payments(summary, zone, with_fees=True))


def for_client(summary: ClientSummary, zone: ZoneInfo) -> str:
    """Without any fee. Days are those of `zone`."""
    return _text(_head(summary, zone), _work(summary, zone), _payments(summary, zone, with_fees=False))


def _text(*parts: Iterator[str]) -> str:
    """The parts with an empty line between them; those without a line left out."""
    return "\n\n".join(filter(None, ("\n".join(part) for part in parts)))


def _head(summary: ClientSummary, zone: ZoneInfo) -> Iterator[str]:
    yield _one_line(str(summary.client))
    yield f"As of {_moment(summary.as_of, zone)} ({zone.key})"


def _work(summary: ClientSummary, zone: ZoneInfo) -> Iterator[str]:
    yield f"Cases: {_cases(summary.client)}"
    count, this_year = summary.totals.count, summary.this_year.count
    if not count:
        yield "Payments by debtors: none so far"
        return
    last = f"; the last one on {_day(summary.latest[0].payment_date, zone)}" if summary.latest else ""
    yield f"Payments by debtors: {count:,}, of which {this_year:,} in {summary.year}{last}"


def _cases(client: Client) -> str:
    if client.cases_total is None:
        return UNKNOWN
    if client.cases_closed is None:
        return f"{client.cases_total:,}"
    return f"{client.cases_total:,}, of which {max(client.cases_total - client.cases_closed, 0):,} open"


def _fees(summary: ClientSummary) -> Iterator[str]:
    """The stages that hold anything, and what they come to; as on the pages, what is outside every stage is in no total."""
    filled = [total for total in summary.totals.stages if total.count]
    if not filled:
        return
    yield "Referral fees (USD)"
    for total in filled:
        yield f"{_INDENT}{TEXTS[total.stage].label}: {_split(total)}"
    together = add_totals(filled)
    yield f"{_INDENT}Together: {_split(together)}"
    yield f"{_INDENT}Paid, for payments of {summary.year}: {_split(summary.this_year.of(Stage.PAID))}"
    if together.estimate_count:
        yield f"{_INDENT}≈ is an estimate: the exchange rate is not locked, so it may change."


def _split(total: ListTotal) -> str:
    """ "1,200.00", "≈ 30.00" or "1,200.00 + ≈ 30.00", each part rounded by itself: no sum of them stands beside."""
    firm = format_amount(add_exactly(total.fee_usd, total.estimate_fee_usd.copy_negate()))
    estimate = f"≈ {format_amount(total.estimate_fee_usd)}"
    parts = ([firm] if total.firm_count or not total.count else []) + ([estimate] if total.estimate_count else [])
    return " + ".join(parts)


def _payments(summary: ClientSummary, zone: ZoneInfo, *, with_fees: bool) -> Iterator[str]:
    if summary.latest:
        yield "Latest payments"
    for payment in summary.latest:
        parts = [_amount(payment), *_case(payment), *([_fee(payment)] if with_fees else [])]
        yield f"{_INDENT}{_day(payment.payment_date, zone)}: {', '.join(parts)}"


def _amount(payment: Transaction) -> str:
    return f"{format_amount(payment.payment_amount, payment.payment_currency)} {payment.payment_currency}".strip()


def _case(payment: Transaction) -> Iterator[str]:
    """Debitura's reference, and the client's own number where there is one."""
    if payment.case is not None and payment.case.reference:
        own = _one_line(payment.case.client_reference)
        yield f"case {payment.case.reference}{f' ({own})' if own else ''}"


def _fee(payment: Transaction) -> str:
    mark = "≈ " if payment.is_estimate and payment.fee_usd is not None else ""
    return f"fee {mark}{format_amount(payment.fee_usd)} USD"


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return UNKNOWN if moment is None else f"{_day(moment, zone)}, {moment.astimezone(zone):%H:%M}"


def _day(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y}"


def _one_line(text: str) -> str:
    """No text of anybody's begins a line of its own."""
    return " ".join(_CONTROLS.sub(" ", text).split())
