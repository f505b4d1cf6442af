"""Generated worlds: deterministic, and believable."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from sandbox import rendering
from sandbox.calendar_edges import edges
from sandbox.records import EPOCH, ticks
from sandbox.rules import COMMISSION, PLATFORM, REFERRAL
from sandbox.world import World


@pytest.fixture(scope="module")
def world():
    return World.generate()


def rows(world):
    return [rendering.transaction(payment) for payment in world.payments]


def test_generate_is_the_same_for_the_same_arguments_only():
    small: dict[str, Any] = {"transactions": 100, "clients": 8}
    assert rows(World.generate(**small)) == rows(World.generate(**small))
    assert rows(World.generate(**small)) != rows(World.generate(seed=2, **small))


@pytest.mark.parametrize(("transactions", "clients"), [(0, 1), (1, 1), (5, 3), (333, 60)])
def test_generate_makes_as_many_as_asked_for(transactions, clients):
    world = World.generate(transactions=transactions, clients=clients)
    assert (len(world.payments), len(world.clients)) == (transactions, clients)


def test_payments_span_three_years_and_end_with_the_last_day(world):
    days = [payment.paid_at.date() for payment in world.payments]
    assert min(days) < date(2023, 5, 1)
    assert max(days) == date(2026, 3, 31)


def test_every_combination_of_statuses_occurs(world):
    found = {(p.commission, p.platform, p.referral) for p in world.payments}
    assert found == set(product(COMMISSION, PLATFORM, (*REFERRAL, None)))


def test_old_payments_are_mostly_paid_and_new_ones_pending(world):
    def share(first, last, **wanted):
        span = [p for p in world.payments if first <= (world.now - p.paid_at).days < last]
        return sum(all(getattr(p, k) == v for k, v in wanted.items()) for p in span) / len(span)

    assert share(365, 2000, referral="Paid") > 0.9
    assert share(0, 10, platform="NotInvoiced") > 0.7


def test_volumes_grow_and_weekends_are_quiet(world):
    years = Counter((world.now - p.paid_at).days // 365 for p in world.payments)
    weekdays = Counter(p.paid_at.weekday() for p in world.payments)
    assert years[0] > years[1] > years[2]
    assert weekdays[6] < weekdays[2] / 2


def test_clients_differ_in_size_and_some_have_no_payment(world):
    sizes = Counter(p.client.id for p in world.payments)
    assert sizes.most_common(1)[0][1] > 5 * sorted(sizes.values())[len(sizes) // 2]
    assert {c.id for c in world.clients} - sizes.keys() != set()


def test_clients_are_of_every_kind(world):
    clients = world.clients
    assert {c.external_tenant_id is None for c in clients} == {True, False}
    assert {c.is_attributed for c in clients} == {True, False}
    assert {c.onboarding_done for c in clients} == {True, False}
    assert {p.client.archived for p in world.payments} == {True, False}
    assert len({c.currency for c in clients}) >= 10
    assert max(len(c.company_name) for c in clients) >= 185


def test_fee_chain_holds_in_every_row(world):
    for payment in world.payments:
        revenue = payment.amount * payment.case.success_percentage / 100 * payment.case.platform_percentage / 100
        assert payment.revenue == revenue
        assert payment.fee == revenue * payment.fee_percentage / 100


def test_cases_add_up_and_begin_before_their_payments(world):
    paid: Counter[UUID] = Counter()
    for payment in world.payments:
        paid[payment.case.id] += payment.amount
        assert payment.case.date_created < payment.paid_at
    assert all(case.remainder == case.gross_amount - paid[case.id] >= 0 for case in world.cases)
    assert len({case.reference for case in world.cases}) == len(world.cases)


def test_yen_have_no_cents(world):
    assert {p.amount % 1 for p in world.payments if p.currency == "JPY"} == {0}


def test_dates_come_in_every_form_and_all_name_the_payments_moment(world):
    for payment in world.payments:
        text = rendering.date_text(payment.moment, payment.id.int)
        when = datetime.fromisoformat(text)
        assert (when if when.tzinfo else when.replace(tzinfo=UTC)) == payment.paid_at
    moment = ticks(datetime(2026, 3, 29, 12, tzinfo=UTC)) + 5_000_000
    assert [rendering.date_text(moment, style) for style in (0, 1, 2, 3, 15)] == [
        "2026-03-29T12:00:00.5000000Z",
        "2026-03-29T12:00:00.5Z",
        "2026-03-29T12:00:00.5000000",
        "2026-03-29T13:00:00.5000000+01:00",
        "2026-03-29T17:45:00.5000000+05:45",
    ]


def test_date_before_1970_and_whole_second_keep_their_form():
    assert rendering.date_text(-1, 0) == "1969-12-31T23:59:59.9999999Z"
    assert rendering.date_text(0, 1) == EPOCH.isoformat().replace("+00:00", "Z")


def test_edges_hold_month_ends_new_year_and_clock_changes():
    found = edges(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    days = Counter((EPOCH + timedelta(microseconds=moment // 10)).date() for moment in found)
    for changed in (date(2025, 3, 9), date(2025, 3, 30), date(2025, 10, 26), date(2025, 11, 2)):
        assert days[changed] == 4
    assert ticks(datetime(2025, 11, 1, tzinfo=UTC)) - 1 in found
    assert found[0] == ticks(datetime(2025, 1, 1, tzinfo=UTC))
    assert found[-1] == ticks(datetime(2026, 1, 1, tzinfo=UTC)) - 1
