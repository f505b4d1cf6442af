from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from revenue.periods import Period
from revenue.selectors.totals import ListTotal, list_totals
from revenue.selectors.trends import EVERY_STAGE, Fee, trend
from revenue.stages import Stage
from tests.factories import make_account, make_transaction
from tests.revenue.builders import all_time

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return make_account()


def fees(partner, zone="Europe/Copenhagen", **fields):
    rows = trend(all_time(partner, period=Period(ZoneInfo(zone)), **fields)).months
    return {f"{row.first:%Y-%m}": row.total.fee for row in rows}


def test_months_of_nothing():
    assert trend(all_time(make_account())).months == ()


def test_months_are_without_gaps(partner):
    for moment in (datetime(2025, 11, 15, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC)):
        make_transaction(partner, payment_date=moment, fee_usd=Decimal(1))
    assert fees(partner) == {"2025-11": 1, "2025-12": 0, "2026-01": 0, "2026-02": 1}


def test_months_leave_out_a_gap_of_years(partner):
    for year in (1970, 2026):
        make_transaction(partner, payment_date=datetime(year, 3, 1, 12, tzinfo=UTC), fee_usd=Decimal(1))
    assert fees(partner) == {"1970-03": 1, "2026-03": 1}


@pytest.mark.parametrize(
    ("zone", "last_of_march", "first_of_april"),
    [
        ("UTC", datetime(2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (
            "Europe/Copenhagen",
            datetime(2026, 3, 31, 21, 59, 59, 999999, tzinfo=UTC),
            datetime(2026, 3, 31, 22, tzinfo=UTC),
        ),
        (
            "Asia/Kathmandu",
            datetime(2026, 3, 31, 18, 14, 59, 999999, tzinfo=UTC),
            datetime(2026, 3, 31, 18, 15, tzinfo=UTC),
        ),
        ("America/New_York", datetime(2026, 4, 1, 3, 59, 59, 999999, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_the_reader(partner, zone, last_of_march, first_of_april):
    make_transaction(partner, payment_date=last_of_march, fee_usd=Decimal(1))
    make_transaction(partner, payment_date=first_of_april, fee_usd=Decimal(10))
    assert fees(partner, zone) == {"2026-03": 1, "2026-04": 10}


def test_months_hold_every_stage_and_its_estimates(partner):
    make_transaction(partner, stage=Stage.DISPUTED, fee_usd=Decimal("-0.005"))
    make_transaction(partner, stage=Stage.OUTSIDE, fee_usd=Decimal(5), is_estimate=False)
    make_transaction(partner, stage=Stage.OUTSIDE, fee_usd=Decimal(2), is_estimate=True)
    [row] = trend(all_time(partner)).months
    assert row.fees == dict.fromkeys(EVERY_STAGE, Fee()) | {
        Stage.DISPUTED: Fee(Decimal("-0.005")),
        Stage.OUTSIDE: Fee(Decimal(7), estimate=Decimal(2)),
    }


def test_months_total_the_seven_stages_and_leave_out_what_is_outside(partner):
    make_transaction(partner, stage=Stage.DISPUTED, fee_usd=Decimal("-0.005"))
    make_transaction(partner, stage=Stage.PENDING, fee_usd=Decimal(3), is_estimate=True)
    make_transaction(partner, stage=Stage.OUTSIDE, fee_usd=Decimal(2), is_estimate=True)
    [row] = trend(all_time(partner)).months
    assert (row.first, row.count, row.total) == (date(2026, 3, 1), 2, Fee(Decimal("2.995"), estimate=Decimal(3)))


def test_totals_beside_the_months_hold_every_row_that_matches(partner):
    make_transaction(partner, stage=Stage.PAID, fee_usd=Decimal(1), payment_date=datetime(2025, 3, 1, tzinfo=UTC))
    make_transaction(partner, stage=Stage.OUTSIDE, fee_usd=Decimal(2), revenue_usd=Decimal(9), is_estimate=False)
    make_transaction(partner, stage=Stage.READY, fee_usd=Decimal(4), revenue_usd=Decimal(8), is_estimate=True)
    f = all_time(partner, stages=(Stage.OUTSIDE, Stage.READY))
    totals = trend(f).totals
    assert (
        totals.everything
        == list_totals(f)
        == ListTotal(fee_usd=Decimal(6), count=2, estimate_fee_usd=Decimal(4), estimate_count=1)
    )
    assert totals.total_debitura_revenue_usd == Decimal(17)


def test_months_of_a_filter(partner):
    make_transaction(partner, stage=Stage.PAID, fee_usd=Decimal(1))
    make_transaction(partner, stage=Stage.READY, fee_usd=Decimal(2))
    assert fees(partner, stages=(Stage.PAID,)) == {"2026-03": 1}


@pytest.mark.parametrize("count", [1, 3])
def test_totals_and_months_take_two_queries(partner, django_assert_num_queries, count):
    for month in range(1, count + 1):
        make_transaction(partner, payment_date=datetime(2026, month, 5, tzinfo=UTC))
    with django_assert_num_queries(2):
        trend(all_time(partner))
