from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from revenue.models import TransactionChange, TransactionState
from revenue.stages import Stage
from revenue.views import cases
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

STATE = [field.name for field in TransactionState._meta.get_fields()]


def write_line(row, run, *, days=0, kind="changed", **changes):
    state = {name: getattr(row, name) for name in STATE} | changes
    seen_at = NOW + timedelta(days=days)
    return TransactionChange.objects.create(transaction=row, run=run, kind=kind, seen_at=seen_at, **state)


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    return account


def test_case_shows_its_references_and_a_dash_for_a_missing_one(signed_in, account):
    case = make_case(make_client(account), reference="Q8OAXF3W", client_reference="INV-7")
    text = words(signed_in.get("/cases/Q8OAXF3W/"))
    assert "Debitura reference Q8OAXF3W Client reference INV-7 Partner reference —" in text
    assert f"Debtor {case.debtor_name} Original amount 1,000.00 EUR" in text


def test_payment_shows_what_it_went_through_with_old_and_new(signed_in, account):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    row = make_transaction(account, case=case, stage=Stage.READY)
    first, second = make_run(account), make_run(account)
    write_line(row, first, kind="first_seen", stage=Stage.PENDING.value)
    write_line(row, second, days=1, payment_amount=Decimal("900.00"))
    response = signed_in.get("/cases/Q8OAXF3W/")
    text = words(response)
    assert "Stage from Pending → to Ready to Invoice Debitura" in text
    assert "First seen 14 Mar 2026, 13:00" in text
    assert f"/pulls/{second.pk}/" in links(response)


def test_payment_that_is_listed_no_more_says_that_it_counts_in_no_total(signed_in, account):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    make_transaction(account, case=case, removed_at=datetime(2026, 3, 9, 12, 0, tzinfo=UTC))
    text = words(signed_in.get("/cases/Q8OAXF3W/"))
    assert "Not listed since 9 Mar 2026, 13:00 : counts in no total" in text
    assert "Payments 0" in text


@pytest.mark.parametrize(
    "reference",
    ["A/B", "/A/", "50%", "%2F", "%00", "two words", "A?b=c#d", "🦊", "Ærø-7", "end.", "a+b&c", "now"],
)
def test_case_opens_by_the_link_to_it_whatever_its_reference_holds(signed_in, account, reference):
    make_transaction(account, case=make_case(make_client(account), reference=reference))
    address = next(link for link in links(signed_in.get("/transactions/")) if link.startswith("/cases/"))
    response = signed_in.get(address)
    assert (response.status_code, response.context["case"].reference) == (200, reference)


def test_case_of_very_many_payments_shows_the_latest_and_says_so(signed_in, account, monkeypatch):
    monkeypatch.setattr(cases, "PAYMENTS_SHOWN", 2)
    case = make_case(make_client(account), reference="Q8OAXF3W")
    for day in (5, 6):
        make_transaction(account, case=case, payment_date=datetime(2026, 3, day, 12, 0, tzinfo=UTC))
    assert "The latest" not in words(signed_in.get("/cases/Q8OAXF3W/"))
    make_transaction(account, case=case, payment_date=datetime(2026, 3, 7, 12, 0, tzinfo=UTC))
    text = words(signed_in.get("/cases/Q8OAXF3W/"))
    assert "The latest 2 of 3 payments." in text
    assert [day for day in (5, 6, 7) if f"paid {day} Mar 2026" in text] == [6, 7]


@pytest.mark.parametrize("address", ["/cases/unknown/", "/cases/%00/"])
def test_unknown_case_is_not_found(signed_in, account, address):
    assert signed_in.get(address).status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_case_asks_the_database_equally_often_for_any_number_of_rows(
    signed_in, account, rows, django_assert_num_queries
):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    for _ in range(rows):
        write_line(make_transaction(account, case=case), make_run(account), kind="first_seen")
    with django_assert_num_queries(9):
        assert signed_in.get("/cases/Q8OAXF3W/").status_code == 200
