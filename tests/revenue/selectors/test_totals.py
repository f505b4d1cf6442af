from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revenue.selectors.entries import page_of
from revenue.selectors.totals import ListTotal, list_totals, stage_totals
from revenue.selectors.trends import Fee, add_fees, trend
from revenue.stages import STAGES, Stage
from tests.factories import NOW, make_account, make_client, make_transaction
from tests.revenue.builders import all_time, bulk_transactions

pytestmark = pytest.mark.django_db

AMOUNTS = st.decimals(Decimal(-(10**9)), Decimal(10**9), allow_nan=False, allow_infinity=False, places=6)
ROWS = st.lists(st.tuples(st.sampled_from(list(Stage)), AMOUNTS, st.booleans()), max_size=12)


def test_stage_totals_without_rows_are_zero_for_every_stage():
    totals = stage_totals(all_time(make_account()))
    assert [total.stage for total in totals.stages] == list(STAGES)
    assert {(total.fee_usd, total.count) for total in (*totals.stages, totals.outside)} == {(Decimal(0), 0)}
    assert totals.total_debitura_revenue_usd == Decimal(0)


def test_stage_totals_tell_firm_from_estimated_by_the_flag_of_the_row():
    account = make_account()
    make_transaction(account, stage=Stage.AWAITING_PARTNER, fee_usd=Decimal("10.004"), is_estimate=False)
    make_transaction(account, stage=Stage.AWAITING_PARTNER, fee_usd=Decimal("0.0011"), is_estimate=True)
    total = stage_totals(all_time(account)).of(Stage.AWAITING_PARTNER)
    assert (total.fee_usd, total.count) == (Decimal("10.0051"), 2)
    assert (total.estimate_fee_usd, total.estimate_count) == (Decimal("0.0011"), 1)
    assert total.firm_count == 1


def test_stage_totals_ignore_the_stages_of_the_filter_and_list_totals_do_not():
    account = make_account()
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal(1))
    make_transaction(account, stage=Stage.READY, fee_usd=Decimal(2))
    f = all_time(account, stages=(Stage.PAID,))
    assert stage_totals(f).of(Stage.READY).fee_usd == Decimal(2)
    assert list_totals(f) == ListTotal(fee_usd=Decimal(1), count=1)


def test_stage_totals_count_a_row_whose_fee_is_unknown():
    account = make_account()
    make_transaction(account, stage=Stage.PAID, fee_usd=None, revenue_usd=None)
    total = stage_totals(all_time(account)).of(Stage.PAID)
    assert (total.fee_usd, total.count) == (Decimal(0), 1)


def test_stage_totals_leave_out_rows_that_are_no_longer_listed():
    account = make_account()
    make_transaction(account, removed_at=NOW)
    assert stage_totals(all_time(account)).count == 0


def test_guide_example():
    """Five confirmed transactions of the provider's guide: 167.60 USD of 335.21 USD platform revenue."""
    account = make_account()
    revenues = [Decimal(text) for text in ("100.11", "90.05", "70.02", "50.01", "25.02")]
    for revenue in revenues:
        make_transaction(account, stage=Stage.CONFIRMED, revenue_usd=revenue, fee_usd=revenue / 2)
    totals = stage_totals(all_time(account))
    assert totals.total_debitura_revenue_usd == Decimal("335.21")
    assert (totals.of(Stage.CONFIRMED).fee_usd, totals.of(Stage.CONFIRMED).count) == (Decimal("167.605"), 5)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=ROWS)
def test_stages_and_months_and_the_list_add_up_to_the_same(db, rows):
    account = make_account()
    bulk_transactions(make_client(account), rows)
    f = all_time(account)
    totals, total = stage_totals(f), list_totals(f)
    assert total.fee_usd == sum((fee for _, fee, _ in rows), Decimal(0))
    assert total.estimate_fee_usd == sum((fee for _, fee, estimate in rows if estimate), Decimal(0))
    assert totals.everything == total == page_of(f).total
    outside = totals.outside
    found = trend(f)
    assert found.totals == totals
    assert add_fees([row.total for row in found.months] + [Fee(outside.fee_usd, outside.estimate_fee_usd)]) == Fee(
        total.fee_usd, total.estimate_fee_usd
    )
    assert sum(row.count for row in found.months) + outside.count == total.count
    for stage in (*STAGES, Stage.OUTSIDE):
        alone = list_totals(replace(f, stages=(stage,)))
        assert (alone.fee_usd, alone.count) == (totals.of(stage).fee_usd, totals.of(stage).count)


@pytest.mark.parametrize("count", [1, 3])
def test_stage_totals_take_one_query(django_assert_num_queries, count):
    account = make_account()
    for _ in range(count):
        make_transaction(account)
    with django_assert_num_queries(1):
        stage_totals(all_time(account))
    with django_assert_num_queries(1):
        list_totals(all_time(account))
