"""What a file says about itself: whose payments are inside, which of them, as of when, and what they add up to."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from accounts.access import Sight
from revenue.exports.cells import Typed, utc_clock
from revenue.exports.files import BOM, LINE_END
from revenue.filters import RevenueFilter
from revenue.money import UNKNOWN, cents, format_amount
from revenue.selectors.proof import proof_of
from revenue.selectors.pulls import freshness
from revenue.selectors.totals import ListTotal, list_totals
from revenue.stages import TEXTS

Facts = list[tuple[str, Typed]]
_CONTROLS = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029]")


def about(f: RevenueFilter, *, now: datetime) -> Facts:
    """The facts about a file of the payments of `f`, with the totals that the screen shows. Two queries."""
    return [
        ("Partner account", f.account.name),
        ("Payments made", f.period.label),
        ("Stages", ", ".join(TEXTS[stage].label for stage in f.stages) or "All"),
        ("Client", str(f.client) if f.client else "All" if f.sight.is_whole else "All that are assigned to the reader"),
        ("Search", f.q or "None"),
        ("Local times are of", f.period.zone.key),
        *as_of(f.sight, now=now),
        ("File made at (UTC)", utc_clock(now)),
        *totals(list_totals(f)),
    ]


def totals(total: ListTotal) -> Facts:
    """Rounded as on the screen: firm and estimated fees add up to the cent."""
    fee, estimate = cents(total.fee_usd), cents(total.estimate_fee_usd)
    return [
        ("Payments", total.count),
        ("Fees (USD)", fee),
        ("Firm fees (USD)", fee - estimate),
        ("Estimated fees (USD), which may change", estimate),
        ("Payments with an estimated fee", total.estimate_count),
    ]


def as_of(sight: Sight, *, now: datetime) -> Facts:
    """As of when the figures of an account are, and whether they agree with Debitura's. One query."""
    state = freshness(sight.account, now)
    proof = proof_of(state.run, sight)
    older: Facts = [("Estimates as of (UTC)", utc_clock(state.estimates_as_of))] if state.estimates_as_of else []
    return [
        ("Data as of (UTC)", utc_clock(state.as_of) or "No pull has succeeded yet"),
        *older,
        ("Compared with Debitura's own summary", proof.text if proof else "Not proven"),
    ]


def as_text(facts: Facts) -> bytes:
    """The facts as a text file that every editor reads: one line each, UTF-8 with BOM and CRLF."""
    return (BOM + "".join(f"{label}: {_in_words(value)}{LINE_END}" for label, value in facts)).encode()


def _in_words(value: Typed) -> str:
    if isinstance(value, Decimal):
        return format_amount(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, int):
        return f"{value:,}"
    # No text of anybody's begins a line of its own.
    return " ".join(_CONTROLS.sub(" ", value or "").split()) or UNKNOWN
