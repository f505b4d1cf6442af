from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.access import Sight
from accounts.models import Role
from partners.models import Case
from revenue.models import TransactionChange, TransactionState
from revenue.selectors import cases
from revenue.selectors.cases import (
    FIELDS,
    Change,
    case_of,
    case_payments,
    case_total,
    client_cases,
    payment_history,
)
from revenue.stages import Stage
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction

whole = Sight.of_everything
pytestmark = pytest.mark.django_db
Kind = TransactionChange.Kind
STATE = [field.name for field in TransactionState._meta.get_fields()]


def write_line(row, *, days=0, kind=Kind.CHANGED, **changes):
    """A line of history: `row` as it is, with `changes`, seen `days` after NOW."""
    state = {name: getattr(row, name) for name in STATE}
    run = make_run(row.account)
    seen_at = NOW + timedelta(days=days)
    return TransactionChange.objects.create(transaction=row, run=run, kind=kind, seen_at=seen_at, **state | changes)


def test_case_of_an_account_by_its_reference():
    case = make_case(reference="Q8OAXF3W")
    assert case_of(whole(case.account), "Q8OAXF3W") == case


@pytest.mark.parametrize("reference", ["Q8OAXF3X", "q8oaxf3w", "", "\0"])
def test_case_of_an_unknown_reference_does_not_exist(reference):
    case = make_case(reference="Q8OAXF3W")
    make_case(reference="", account=case.account)
    with pytest.raises(Case.DoesNotExist):
        case_of(whole(case.account), reference)


def test_case_of_another_account_does_not_exist():
    case = make_case()
    with pytest.raises(Case.DoesNotExist):
        case_of(whole(make_account()), case.reference)


def test_case_payments_are_all_of_them_and_the_total_is_of_the_listed_ones():
    case = make_case()
    first = make_transaction(case=case, payment_date=datetime(2026, 1, 1, tzinfo=UTC), fee_usd=Decimal("1.5"))
    gone = make_transaction(case=case, payment_date=datetime(2026, 2, 1, tzinfo=UTC), removed_at=NOW)
    make_transaction()
    page = case_payments(whole(case.account), case, limit=2)
    assert (page.rows, page.count) == ([gone, first], 2)
    page = case_payments(whole(case.account), case, limit=1)
    assert (page.rows, page.count) == ([gone], 2)
    assert (
        case_total(whole(case.account), case).fee_usd,
        case_total(whole(case.account), case).count,
    ) == (Decimal("1.5"), 1)


def test_history_never_names_a_client_or_a_case_that_may_not_be_seen():
    own, other = make_client(company_name="Own A/S"), make_case(reference="QTHEIRS")
    row = make_transaction(case=make_case(own, reference="QOWN"))
    write_line(row, kind=Kind.FIRST_SEEN, client=other.client, case=other)
    write_line(row, days=1)
    sight = Sight(account=own.account, role=Role.MANAGER, clients=(own.pk,), sees_totals=False)
    latest, first = payment_history(sight, [row])
    assert latest.changes == [
        Change("Client", "another client", "Own A/S"),
        Change("Case", "another case", "QOWN"),
    ]
    assert {change.label for change in first.changes} & {"Client", "Case"} == set()


def test_history_opens_with_where_the_payment_stood():
    case = make_case()
    row = make_transaction(case=case, stage=Stage.PENDING, fee_usd=Decimal("12.5"))
    write_line(row, kind=Kind.FIRST_SEEN)
    [event] = payment_history(whole(row.account), [row])
    assert (event.transaction, event.seen_at, event.kind, event.kind_label) == (row, NOW, "first_seen", "First seen")
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        [event] = payment_history(whole(row.account), [row])
    assert event.changes == [
        Change("Stage", None, "Pending"),
        Change("Payment date", None, "5 Mar 2026, 15:15"),
        Change("Payment", None, "1,000.00 EUR"),
        Change("Fee in USD", None, "≈ 12.50 USD"),
    ]


def test_history_tells_what_changed_since_the_line_before():
    case = make_case()
    row = make_transaction(case=case, stage=Stage.PENDING)
    write_line(row, kind=Kind.FIRST_SEEN)
    changed = write_line(
        row, days=1, stage=Stage.CONFIRMED, commission_status="Paid", fee_usd=Decimal("-3"), is_estimate=False
    )
    event, _ = payment_history(whole(row.account), [row])
    assert (event.kind, event.seen_at, event.run_id) == ("changed", NOW + timedelta(days=1), changed.run_id)
    assert event.changes == [
        Change("Stage", "Pending", "Confirmed / Pending Invoice"),
        Change("Commission status", "Unpaid", "Paid"),
        Change("Fee in USD", "≈ 30.00 USD", "−3.00 USD"),
        Change("Estimate", "yes", "no"),
    ]


def test_history_tells_what_went_and_came_back():
    case = make_case()
    row = make_transaction(case=case)
    write_line(row, kind=Kind.FIRST_SEEN)
    write_line(row, days=1, kind=Kind.REMOVED)
    write_line(row, days=2, kind=Kind.RETURNED, fee_usd=None, payment_amount=None)
    returned, removed, _ = payment_history(whole(row.account), [row])
    assert (removed.kind_label, removed.changes) == ("No longer listed", [])
    assert returned.changes == [
        Change("Payment", "1,000.00 EUR", "— EUR"),
        Change("Fee in USD", "30.00 USD", "— USD"),
    ]


def test_history_keeps_the_payments_of_a_case_apart():
    case = make_case()
    one, other = make_transaction(case=case, stage=Stage.PAID), make_transaction(case=case, stage=Stage.READY)
    write_line(one, kind=Kind.FIRST_SEEN)
    write_line(other, days=1, kind=Kind.FIRST_SEEN)
    write_line(one, days=2, stage=Stage.DISPUTED)
    history = [
        (event.transaction, event.kind, event.changes[0]) for event in payment_history(whole(one.account), [one, other])
    ]
    assert history == [
        (one, "changed", Change("Stage", "Paid", "Disputed")),
        (other, "first_seen", Change("Stage", None, "Ready to Invoice Debitura")),
        (one, "first_seen", Change("Stage", None, "Paid")),
    ]


def test_history_shows_every_digit_where_the_rounded_amounts_look_the_same():
    case = make_case()
    row = make_transaction(case=case, fee_usd=Decimal("30.001"))
    write_line(row, kind=Kind.FIRST_SEEN)
    write_line(row, days=1, fee_usd=Decimal("30.0012"))
    assert payment_history(whole(row.account), [row])[0].changes == [Change("Fee in USD", "30.001", "30.0012")]


def test_every_column_of_a_state_is_part_of_the_history():
    """A column that the history forgets would be an event without a change."""
    assert {column for field in FIELDS for column in field.columns} == set(STATE)


@pytest.mark.parametrize("count", [1, 3])
def test_payment_history_takes_one_query(django_assert_num_queries, count):
    case = make_case()
    rows = [make_transaction(case=case) for _ in range(count)]
    for row in rows:
        write_line(row, kind=Kind.FIRST_SEEN)
        write_line(row, days=1, stage=Stage.PAID)
    with django_assert_num_queries(1):
        assert len(payment_history(whole(rows[0].account), rows)) == 2 * count


def test_client_cases_stand_by_their_last_payment():
    client = make_client()
    unpaid, old, new = (make_case(client, reference=name) for name in ("A", "B", "C"))
    make_transaction(case=old, payment_date=datetime(2026, 1, 1, tzinfo=UTC), fee_usd=Decimal(1))
    make_transaction(case=old, payment_date=datetime(2026, 1, 5, tzinfo=UTC), fee_usd=Decimal(2), is_estimate=True)
    make_transaction(case=new, payment_date=datetime(2026, 2, 1, tzinfo=UTC), fee_usd=Decimal(4))
    make_transaction(case=new, payment_date=datetime(2026, 3, 1, tzinfo=UTC), removed_at=NOW)
    rows = client_cases(whole(client.account), client, limit=3).rows
    assert [(row.case, row.fee_usd, row.estimate_fee_usd, row.payments) for row in rows] == [
        (new, Decimal(4), Decimal(0), 1),
        (old, Decimal(3), Decimal(2), 2),
        (unpaid, Decimal(0), Decimal(0), 0),
    ]
    assert [row.last_payment for row in rows] == [
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 1, 5, tzinfo=UTC),
        None,
    ]


def test_client_cases_are_limited_and_counted():
    client = make_client()
    for name, day in (("A", 1), ("B", 3), ("C", 2)):
        case = make_case(client, reference=name)
        make_transaction(case=case, payment_date=datetime(2026, 1, day, tzinfo=UTC))
    make_case()
    page = client_cases(whole(client.account), client, limit=2)
    assert ([row.case.reference for row in page.rows], page.last_index, page.count) == (["B", "C"], 2, 3)


def test_client_cases_are_those_of_the_latest_payments_then_some_never_paid(monkeypatch):
    monkeypatch.setattr(cases, "_FIRST_PAYMENTS", 1)
    client = make_client()
    unpaid, old, busy, other = (make_case(client, reference=name) for name in ("B", "A", "C", "D"))
    for day in range(2, 9):
        make_transaction(case=busy, payment_date=datetime(2026, 1, day, tzinfo=UTC))
    make_transaction(case=old, payment_date=datetime(2026, 1, 1, tzinfo=UTC))
    make_transaction(client=client, case_id=None, payment_date=datetime(2026, 2, 1, tzinfo=UTC))
    make_transaction(client=client, case=make_case(), payment_date=datetime(2026, 2, 1, tzinfo=UTC))
    for limit in (1, 2, 3):
        assert [row.case for row in client_cases(whole(client.account), client, limit=limit).rows] == [
            busy,
            old,
            unpaid,
        ][:limit]
    assert [row.case for row in client_cases(whole(client.account), client, limit=4).rows] == [
        busy,
        old,
        unpaid,
        other,
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_client_cases_take_four_queries(django_assert_num_queries, count):
    client = make_client()
    for _ in range(count):
        make_transaction(case=make_case(client))
    with django_assert_num_queries(4):
        assert len(client_cases(whole(client.account), client, limit=9).rows) == count
