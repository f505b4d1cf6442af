"""What the boards say: their figures are those of the selectors, and what is not known is never 0."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.selectors.pulls import freshness
from revenue.stages import TEXTS, Stage
from tests.factories import NOW, make_account, make_client, make_run, make_transaction
from walls.boards import MOST_FIGURES, Amount, Source, boards_of
from walls.models import BoardKey

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("Europe/Copenhagen")


@pytest.fixture
def account() -> PartnerAccount:
    return make_account()


def source(account: PartnerAccount, now: datetime = NOW) -> Source:
    return Source(account, ZONE, now, freshness(account, now))


def figures(account: PartnerAccount, key: BoardKey, now: datetime = NOW) -> dict[str, Any]:
    """The figures of a board by the name of their client, or by their label."""
    [board] = boards_of(source(account, now), [key])
    return {figure.name or figure.label: figure for figure in board.figures}


def day(month: int, number: int, hour: int = 12) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def test_revenue_shows_the_pipeline_with_its_estimates_and_this_month_against_the_last_to_date(account):
    make_run(account)
    make_transaction(account, stage=Stage.PENDING, fee_usd=Decimal("10.25"), payment_date=day(3, 14))
    make_transaction(account, stage=Stage.READY, fee_usd=Decimal("100.00"), payment_date=day(3, 1))
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal("40.00"), payment_date=day(2, 14))
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal("1000.00"), payment_date=day(2, 15))
    make_transaction(account, stage=Stage.OUTSIDE, fee_usd=Decimal("5000.00"), payment_date=day(3, 2))
    found = figures(account, BoardKey.REVENUE)
    month = found["Fees this month, 1–14 Mar 2026"]
    assert (month.amount, month.since.amount) == (Amount(Decimal("110.25"), Decimal("10.25")), Amount(Decimal("40.00")))
    assert month.since.days == "1–14 Feb 2026"
    assert found[TEXTS[Stage.PENDING].label].amount == Amount(Decimal("10.25"), Decimal("10.25"))
    assert found[TEXTS[Stage.PAID].label].amount == Amount(Decimal("1040.00"))
    assert found[TEXTS[Stage.CONFIRMED].label].amount == Amount(Decimal(0))


def test_first_day_of_a_month_is_compared_with_the_first_day_of_the_one_before(account):
    make_run(account)
    month = figures(account, BoardKey.REVENUE, day(3, 1))["Fees this month, 1 Mar 2026"]
    assert month.since.days == "1 Feb 2026"


def test_month_is_that_of_the_zone_of_the_screen(account):
    make_run(account)
    # 1 March in Copenhagen, 28 February in UTC.
    make_transaction(account, fee_usd=Decimal("7.00"), payment_date=datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    assert figures(account, BoardKey.REVENUE)["Fees this month, 1–14 Mar 2026"].amount == Amount(Decimal("7.00"))


def test_cash_says_how_long_what_is_still_to_come_has_waited(account):
    make_run(account)
    make_transaction(account, stage=Stage.READY, fee_usd=Decimal("1.00"), payment_date=day(3, 13))
    make_transaction(account, stage=Stage.AWAITING_DEBITURA, fee_usd=Decimal("2.00"), payment_date=day(2, 1))
    make_transaction(account, stage=Stage.AWAITING_PARTNER, fee_usd=Decimal("4.00"), payment_date=day(1, 1))
    make_transaction(account, stage=Stage.READY, fee_usd=Decimal("8.00"), payment_date=datetime(2024, 1, 1, tzinfo=UTC))
    make_transaction(account, stage=Stage.PENDING, fee_usd=Decimal("16.00"), payment_date=day(3, 1))
    amounts = {label: figure.amount.value for label, figure in figures(account, BoardKey.CASH).items()}
    assert amounts == {
        "Ready to Invoice Debitura": Decimal("9.00"),
        "Awaiting Debitura Payment": Decimal("2.00"),
        "Awaiting Collection Partner Payment": Decimal("4.00"),
        "Paid this month": Decimal(0),
        "Still to come, debtor paid up to 30 days ago": Decimal("1.00"),
        "Still to come, debtor paid 31–90 days ago": Decimal("6.00"),
        "Still to come, debtor paid over 90 days ago": Decimal("8.00"),
    }


def test_paid_this_month_is_what_the_pulls_saw_being_paid(account):
    make_run(account)
    for fee, first_seen, since in [
        ("1.00", day(2, 1), day(3, 2)),  # seen before, paid this month
        ("2.00", day(2, 1), day(2, 20)),  # paid last month
        ("4.00", day(3, 2), day(3, 2)),  # paid when it was first seen: nobody knows since when
    ]:
        make_transaction(account, stage=Stage.PAID, fee_usd=Decimal(fee), first_seen_at=first_seen, stage_since=since)
    gone: dict[str, Any] = {"first_seen_at": day(2, 1), "stage_since": day(3, 3), "removed_at": day(3, 4)}
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal("8.00"), **gone)
    make_transaction(stage=Stage.PAID, fee_usd=Decimal("16.00"), first_seen_at=day(2, 1), stage_since=day(3, 2))
    assert figures(account, BoardKey.CASH)["Paid this month"].amount == Amount(Decimal("1.00"))


def test_clients_whose_fees_moved_most_come_first_and_those_that_did_not_never(account):
    make_run(account)
    names = ["Up", "Down", "Steady", "Small", "Smaller"]
    clients = {name: make_client(account, company_name=name) for name in names}
    for name, fee, when in [
        ("Up", "500.00", day(3, 3)),
        ("Up", "1.00", day(2, 3)),
        ("Down", "900.00", day(2, 3)),
        ("Steady", "70.00", day(3, 3)),
        ("Steady", "70.00", day(2, 3)),
        ("Small", "3.00", day(3, 3)),
        ("Smaller", "2.00", day(3, 3)),
    ]:
        make_transaction(client=clients[name], stage=Stage.READY, fee_usd=Decimal(fee), payment_date=when)
    make_transaction(client=clients["Steady"], stage=Stage.OUTSIDE, fee_usd=Decimal("9999"), payment_date=day(3, 3))
    found = figures(account, BoardKey.CLIENTS)
    moved = [(figure.name, figure.amount.value, figure.since.amount.value) for figure in found.values() if figure.since]
    assert moved == [
        ("Down", Decimal(0), Decimal("900.00")),
        ("Up", Decimal("500.00"), Decimal("1.00")),
        ("Small", Decimal("3.00"), Decimal(0)),
    ]


def test_rows_without_a_client_move_under_a_name_that_says_so(account):
    make_run(account)
    make_transaction(account, client_id=None, case_id=None, fee_usd=Decimal("5.00"), payment_date=day(3, 3))
    assert "Without a client" in figures(account, BoardKey.CLIENTS)


def test_onboarding_counts_the_clients_that_debitura_lists(account):
    make_run(account)
    make_client(account, onboarding_done=False, date_linked=day(3, 2))
    make_client(account, onboarding_done=True)
    make_client(account, onboarding_done=None)
    make_client(account, onboarding_done=False, archived_at=NOW)
    make_client(onboarding_done=False)
    found = figures(account, BoardKey.CLIENTS)
    counts = {label: figure.count.value for label, figure in found.items() if figure.count}
    assert counts == {"In onboarding": 1, "Onboarding done": 1, "New this month": 1}


def test_health_of_a_copy_that_does_not_tie_out(account):
    line = {"stage": "paid", "ours_usd": "10.00", "theirs_usd": "7.50", "ours_count": 1, "theirs_count": 1}
    more = line | {"stage": "pending", "theirs_usd": "11.00"}
    failed = {"status": PullRun.Status.FAILED, "as_of": None, "ties_out": None, "error_kind": "server_error"}
    make_run(account, started_at=NOW - timedelta(days=1))
    make_run(account, started_at=NOW - timedelta(hours=1), **failed)
    make_run(account, status=PullRun.Status.DIFFERS, ties_out=False, differences=[line, more])
    found = figures(account, BoardKey.HEALTH)
    assert found["Copy of Debitura’s figures"].words == "Does not agree with Debitura"
    assert found["Last pull"].words == "Does not tie out"
    assert (found["Pulls today"].count.value, found["Failed today"].count.value) == (2, 1)
    assert found["Difference to Debitura"].amount.value == Decimal("3.50")


def test_difference_that_debitura_did_not_tell_is_not_known(account):
    line = {"stage": "paid", "ours_usd": "10.00", "theirs_usd": None, "ours_count": 1, "theirs_count": None}
    make_run(account, status=PullRun.Status.DIFFERS, ties_out=False, differences=[line])
    assert figures(account, BoardKey.HEALTH)["Difference to Debitura"].amount is None


@pytest.mark.parametrize("key", list(BoardKey))
def test_board_without_any_pull_knows_nothing(account, key):
    known = [figure for figure in figures(account, key).values() if figure.amount is not None or figure.words]
    counted = [figure.count.of for figure in figures(account, key).values() if figure.count is not None]
    assert (known, set(counted) - {"pulls"}) == ([], set())


@pytest.mark.parametrize("key", list(BoardKey))
def test_board_has_seven_figures_at_most(account, key):
    make_run(account)
    for _ in range(6):
        make_transaction(account, payment_date=day(3, 3))
    assert 3 <= len(figures(account, key)) <= MOST_FIGURES


def test_boards_cost_as_many_queries_for_three_clients_as_for_one(account):
    make_run(account)
    make_transaction(account, payment_date=day(3, 3))
    first = queries_of(account)
    for _ in range(2):
        make_transaction(account, payment_date=day(3, 3))
        make_run(account, started_at=NOW - timedelta(hours=1), as_of=None, ties_out=None)
    assert (first, queries_of(account)) == (8, 8)


def queries_of(account: PartnerAccount) -> int:
    found = source(account)
    with CaptureQueriesContext(connection) as asked:
        boards_of(found, list(BoardKey))
    return len(asked)
