"""The business calendar."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from sandbox.business import SETTLED_AFTER, Statuses, add_business_days, next_invoice_day, next_step, statuses_at


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-01", "2026-03-08T06:00"),
        ("2026-03-08T05:59", "2026-03-08T06:00"),
        ("2026-03-08T06:00", "2026-04-08T06:00"),
        ("2025-12-31", "2026-01-08T06:00"),
        ("2026-01-31", "2026-02-08T06:00"),
    ],
)
def test_next_invoice_day_is_the_8th(after, expected):
    assert next_invoice_day(utc(after)) == utc(expected)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [("2026-03-06", 1, "2026-03-09"), ("2026-03-02", 20, "2026-03-30"), ("2026-03-07", 0, "2026-03-07")],
)
def test_business_days_skip_weekends(start, days, expected):
    assert add_business_days(utc(start), days) == utc(expected)


def test_statuses_never_go_backwards_with_time():
    paid_at = utc("2026-01-15")
    for seed in range(60):
        at = [statuses_at(paid_at + days * timedelta(days=1), paid_at, Random(seed)) for days in range(139)]
        ranks = [(s.commission == "Paid", PLATFORM_RANK[s.platform], REFERRAL_RANK[s.referral]) for s in at]
        for earlier, later in pairwise(ranks):
            assert all(a <= b for a, b in zip(earlier, later, strict=True))


PLATFORM_RANK = {"NotInvoiced": 0, "InvoiceIssued": 1, "PaymentReceived": 2}
REFERRAL_RANK = {"Pending": 0, None: 0, "Invoiced": 1, "Paid": 2}


def test_old_payments_are_settled_but_for_a_few():
    paid_at = utc("2025-01-15")
    rng = Random(1)
    settled = sum(statuses_at(paid_at + SETTLED_AFTER * 1.01, paid_at, rng).referral == "Paid" for _ in range(500))
    assert 480 < settled < 500


@pytest.mark.parametrize("seed", range(5))
def test_chain_leads_from_new_to_settled(seed):
    statuses, steps = Statuses(referral=None), 0
    while (after := next_step(statuses, Random(seed))) is not None:
        statuses, steps = after, steps + 1
    assert (statuses, steps) == (Statuses("Paid", "PaymentReceived", "Paid"), 5)
