"""A client in a few lines: with fees for colleagues, and without a word of them for the client."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.access import Sight
from accounts.models import Role
from partners.models import Client
from revenue.exports.client_texts import for_client, for_colleagues
from revenue.periods import Period
from revenue.selectors.client_summary import ClientSummary, client_summary
from revenue.stages import Stage
from tests.factories import NOW, make_case, make_client, make_run, make_transaction
from tests.revenue.builders import all_time

pytestmark = pytest.mark.django_db

# There the year 2026 begins while it is still 2025 in UTC.
ZONE = ZoneInfo("Pacific/Auckland")


@pytest.fixture
def client() -> Client:
    client = make_client(
        company_name="Nord\nlys  A/S", cases_total=1284, cases_closed=3, fee_percentage=Decimal("33.3")
    )
    make_run(client.account)
    return client


def pay(client: Client, **fields: Any) -> None:
    case = make_case(
        client, client_reference="INV\t7", reference="Q1", debtor_name="Magnus Ek", partner_reference="OURS"
    )
    make_transaction(case=case, **fields)


def summary_of(client: Client, **fields: Any) -> ClientSummary:
    f = replace(all_time(client.account, period=Period(ZONE), client=client), **fields)
    return client_summary(f, client, now=NOW, payments=2)


def test_text_for_colleagues_tells_fees_by_stage_and_what_was_paid_this_year(client: Client) -> None:
    last_year, this_year = datetime(2025, 12, 31, 10, tzinfo=UTC), datetime(2025, 12, 31, 12, tzinfo=UTC)
    pay(client, stage=Stage.PAID, fee_usd=Decimal("1200.005"), payment_date=last_year)
    pay(client, stage=Stage.PAID, fee_usd=Decimal("40.10"), payment_date=this_year)
    pay(client, stage=Stage.PENDING, fee_usd=Decimal("30"), payment_date=NOW, payment_amount=Decimal("1000.5"))
    pay(client, stage=Stage.OUTSIDE, fee_usd=Decimal("7654.32"), payment_date=last_year)
    make_transaction(client.account, fee_usd=Decimal("8765.43"))
    assert (
        for_colleagues(summary_of(client), ZONE)
        == """\
Nord lys A/S
As of 15 Mar 2026, 01:00 (Pacific/Auckland)

Cases: 1,284, of which 1,281 open
Payments by debtors: 4, of which 2 in 2026; the last one on 15 Mar 2026

Referral fees (USD)
  Pending: ≈ 30.00
  Paid: 1,240.10
  Together: 1,240.10 + ≈ 30.00
  Paid, for payments of 2026: 40.10
  ≈ is an estimate: the exchange rate is not locked, so it may change.

Latest payments
  15 Mar 2026: 1,000.50 EUR, case Q1 (INV 7), fee ≈ 30.00 USD
  1 Jan 2026: 1,000.00 EUR, case Q1 (INV 7), fee 40.10 USD"""
    )


def test_text_for_the_client_tells_of_cases_and_payments_alone(client: Client) -> None:
    pay(client, stage=Stage.PAID, fee_usd=Decimal("1200"), payment_date=NOW)
    assert (
        for_client(summary_of(client), ZONE)
        == """\
Nord lys A/S
As of 15 Mar 2026, 01:00 (Pacific/Auckland)

Cases: 1,284, of which 1,281 open
Payments by debtors: 1, of which 1 in 2026; the last one on 15 Mar 2026

Latest payments
  15 Mar 2026: 1,000.00 EUR, case Q1 (INV 7)"""
    )


def test_client_who_was_never_paid_has_no_empty_headings() -> None:
    client = make_client(company_name="Idle", cases_total=None)
    make_run(client.account)
    expected = "Idle\nAs of 15 Mar 2026, 01:00 (Pacific/Auckland)\n\nCases: —\nPayments by debtors: none so far"
    summary = summary_of(client)
    assert (for_colleagues(summary, ZONE), for_client(summary, ZONE)) == (expected, expected)


def test_case_that_is_another_clients_by_now_is_left_out(client: Client) -> None:
    other = make_case(make_client(client.account), reference="QTHEIRS")
    make_transaction(case=other, client=client, payment_date=NOW)
    sight = Sight(account=client.account, role=Role.MANAGER, clients=(client.pk,), sees_totals=False)
    assert for_client(summary_of(client, sight=sight), ZONE).endswith("15 Mar 2026: 1,000.00 EUR")
