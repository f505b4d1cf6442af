from dataclasses import fields
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.access import seats_of
from accounts.models import Membership, Role
from partners.models import Case
from revenue.exports.own import own_payments_csv
from revenue.filters import OwnCaseFilter
from revenue.models import Transaction
from revenue.payment_states import PaymentState
from revenue.selectors import own
from revenue.selectors.own import Paid, own_case, own_freshness, own_payments, page_of_own_cases
from revenue.selectors.paging import PageNotFound
from revenue.stages import Stage
from tests.factories import (
    NOW,
    make_account,
    make_case,
    make_client,
    make_creditor,
    make_member,
    make_run,
    make_transaction,
    make_user,
)

pytestmark = pytest.mark.django_db

DAYS = [None, *(NOW + timedelta(days=day) for day in range(3))]
EUR, DKK = "EUR", "DKK"


@pytest.fixture
def client():
    """One of two clients of its account."""
    make_client(account := make_account(), company_name="Zebrawood Ltd")
    return make_client(account, company_name="Own A/S")


def seats(*clients):
    """Those of a person of these clients."""
    person = make_user(is_superuser=False)
    for client in clients:
        membership, _ = Membership.objects.get_or_create(user=person, account=client.account, role=Role.CLIENT)
        membership.clients.add(client)
    return seats_of(person)


def filtered(*clients, **conditions):
    return OwnCaseFilter(seats=seats(*clients), **conditions)


def references(f):
    return [case.reference for case, _ in page_of_own_cases(f).rows]


def walked(f, page, key, name):
    """The pages from `page` on, by the place that `key` of each tells."""
    pages = [page]
    while (place := getattr(page, key)) is not None:
        page = page_of_own_cases(OwnCaseFilter(seats=f.seats, sort=f.sort, page_size=f.page_size, **{name: place}))
        pages.append(page)
    return pages


def expected(cases, sort):
    """The order that people are promised: by date or reference, unknown dates last, equal ones by id."""
    down = sort.startswith("-")
    if sort.endswith("reference"):
        return sorted(cases, key=lambda case: (case.reference, case.pk), reverse=down)
    known = [case for case in cases if case.date_created]
    unknown = [case for case in cases if not case.date_created]
    by_date = sorted(known, key=lambda case: (case.date_created, case.pk), reverse=down)
    return by_date + sorted(unknown, key=lambda case: case.pk, reverse=down)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    made=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(DAYS), st.sampled_from(["A", "B1", "C"])), max_size=9),
    sort=st.sampled_from(["created", "-created", "reference", "-reference"]),
    size=st.integers(1, 4),
    few=st.sampled_from([0, 1000]),
)
def test_pages_hold_every_own_case_once_in_order_and_back_again(db, made, sort, size, few):
    clients = [make_client(make_account()), make_client(account := make_account()), make_client(account)]
    cases = [make_case(clients[place], date_created=day, reference=reference) for place, day, reference in made]
    make_case(make_client(account), date_created=NOW, reference="B")
    f = filtered(*clients, sort=sort, page_size=size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own, "FEW", few)
        forward = walked(f, page_of_own_cases(f), "last", "after")
        back = walked(f, forward[-1], "first", "before")
    assert [case.key for page in forward for case, _ in page.rows] == [case.pk for case in expected(cases, sort)]
    assert [len(page.rows) for page in forward[:-1]] == [size] * (len(forward) - 1)
    assert {page.count for page in forward} == {len(cases)}
    assert [page.rows for page in back[::-1]] == [page.rows for page in forward]


def test_case_of_another_client_is_no_place_in_the_list(client):
    make_case(client)
    other = make_case(make_client(client.account))
    for key in (other.pk, other.pk + 1):
        with pytest.raises(PageNotFound):
            page_of_own_cases(filtered(client, after=key))


def test_search_looks_at_everything_but_the_partners_reference(client):
    make_case(client, reference="Q8OAXF3W", client_reference="INV/7", partner_reference="ACME1", debtor_name="Ida Ek")
    make_case(client, reference="Q1", partner_reference="ACME1 Q8OAX INV/7 Ida Ek")
    make_case(reference="Q8OAXF3W", client_reference="INV/7", debtor_name="Ida Ek")
    found = {part: references(filtered(client, q=part)) for part in ("8oax", "inv/7", "ida e", "acme", "W\x1fI", "%")}
    assert found == {
        "8oax": ["Q8OAXF3W"],
        "inv/7": ["Q8OAXF3W"],
        "ida e": ["Q8OAXF3W"],
        "acme": [],
        "W\x1fI": [],
        "%": [],
    }


def test_states_are_those_of_the_readers_own_cases(client):
    for reference, state in (("A", "Active"), ("B", "Pending Verification"), ("C", "PendingVerification"), ("D", "")):
        make_case(client, reference=reference, lifecycle=state)
    make_case(make_client(client.account), lifecycle="Secret")
    assert page_of_own_cases(filtered(client)).states == sorted(
        ["", "Active", "Pending Verification", "PendingVerification"]
    )
    asked = ("active", "pendingverification", "unknown", "secret")
    assert [references(filtered(client, sort="reference", state=state)) for state in asked] == [
        ["A"],
        ["B", "C"],
        ["D"],
        [],
    ]


def test_company_is_chosen_among_the_readers_own(client):
    twin = make_client(make_account(), company_name="Own A/S", creditor_id=client.creditor_id)
    second = make_client(client.account, company_name="Second A/S")
    for owner, reference in ((client, "A"), (twin, "B"), (second, "C")):
        make_case(owner, reference=reference)
    mine = seats(client, twin, second)
    assert [seat.company for seat in mine] == ["Own A/S", "Own A/S", "Second A/S"]
    page = page_of_own_cases(OwnCaseFilter(seats=mine, sort="reference"))
    assert [case.company for case, _ in page.rows] == ["Own A/S", "Own A/S", "Second A/S"]
    chosen = OwnCaseFilter(seats=mine, sort="reference", client=mine[0])
    assert references(chosen) == ["A", "B"]


def test_currencies_are_never_added_up(client):
    case, unpaid = make_case(client, reference="A"), make_case(client, reference="UNPAID")
    for amount, currency, stage in (
        ("10.10", EUR, Stage.PENDING),
        ("0.001", EUR, Stage.PAID),
        ("5", EUR, Stage.PAID),
        ("7", DKK, Stage.CONFIRMED),
    ):
        make_transaction(case=case, payment_amount=Decimal(amount), payment_currency=currency, stage=stage)
    make_transaction(case=case, payment_amount=Decimal(99), removed_at=NOW)
    make_transaction(case=make_case(make_client(client.account)), payment_amount=Decimal(99))
    page = page_of_own_cases(filtered(client, sort="reference"))
    assert [(row.reference, paid) for row, paid in page.rows] == [
        ("A", [Paid(DKK, 1, Decimal(7)), Paid(EUR, 3, Decimal("15.101"))]),
        ("UNPAID", []),
    ]
    assert [(sums.total, sums.states) for sums in page.sums] == [
        (Paid(DKK, 1, Decimal(7)), {PaymentState.CONFIRMED: Paid(DKK, 1, Decimal(7))}),
        (
            Paid(EUR, 3, Decimal("15.101")),
            {
                PaymentState.REPORTED: Paid(EUR, 1, Decimal("10.10")),
                PaymentState.COMPLETED: Paid(EUR, 2, Decimal("5.001")),
            },
        ),
    ]
    assert page_of_own_cases(filtered(client, q=unpaid.reference)).sums == []


def test_unknown_amount_is_counted_and_never_zero(client):
    case = make_case(client)
    make_transaction(case=case, payment_amount=None)
    assert [sums.total for sums in page_of_own_cases(filtered(client)).sums] == [Paid(EUR, 1, None)]
    make_transaction(case=case, payment_amount=Decimal(3), stage=Stage.PENDING)
    assert [sums.total for sums in page_of_own_cases(filtered(client)).sums] == [Paid(EUR, 2, Decimal(3))]


def test_sums_and_file_are_of_what_the_filter_finds(client):
    for reference, amount in (("A", 1), ("B", 2)):
        make_transaction(
            case=make_case(client, reference=reference, lifecycle=reference), payment_amount=Decimal(amount)
        )
    make_transaction(client.account, client=client, case_id=None, payment_amount=Decimal(4))
    for conditions, amounts in (({}, [1, 2, 4]), ({"q": "A"}, [1]), ({"state": "b"}, [2]), ({"state": "c"}, [])):
        f = filtered(client, **conditions)
        assert [sums.total.amount for sums in page_of_own_cases(f).sums] == ([Decimal(sum(amounts))] if amounts else [])
        assert sorted(payment.amount or 0 for payment in own_payments(f)) == amounts


def test_payment_on_a_case_of_another_client_tells_nothing_of_the_case(client):
    other = make_case(make_client(client.account), reference="THEIRS", client_reference="THEIRS", debtor_name="THEIRS")
    make_transaction(case=other, client=client, payment_amount=Decimal(7))
    make_transaction(case=make_case(client, reference="MINE"), client=other.client)
    f = filtered(client)
    assert [
        (payment.amount, payment.reference, payment.client_reference, payment.debtor_name)
        for payment in own_payments(f)
    ] == [(Decimal(7), "", "", "")]
    assert [sums.total.amount for sums in page_of_own_cases(f).sums] == [Decimal(7)]
    assert [sums.total for sums in page_of_own_cases(filtered(client, q="THEIRS")).sums] == []
    assert own_case(f.seats, "MINE", limit=9).payments == []


@pytest.mark.parametrize("reference", ["THEIRS", "GONE", "", "\0"])
def test_case_of_another_client_is_as_unknown_as_one_that_there_is_not(client, reference):
    make_case(client, reference="")
    make_case(make_client(client.account), reference="THEIRS")
    with pytest.raises(Case.DoesNotExist):
        own_case(seats(client), reference, limit=9)


def test_case_has_its_latest_payments_and_the_sums_of_all(client):
    case = make_case(client, reference="A", collection_partner="Nordic Collect", remainder=Decimal("12.50"))
    for day in range(3):
        make_transaction(case=case, payment_date=NOW + timedelta(days=day), payment_amount=Decimal(day))
    found = own_case(seats(client), "A", limit=2)
    assert [payment.amount for payment in found.payments] == [Decimal(2), Decimal(1)]
    assert (found.count, [sums.total.amount for sums in found.sums]) == (3, [Decimal(3)])
    assert (found.case.company, found.case.collected_by, found.case.still_owed) == (
        "Own A/S",
        "Nordic Collect",
        Decimal("12.50"),
    )


def test_figures_are_as_of_the_pull_that_is_the_longest_ago(client):
    other = make_client(make_account())
    make_run(client.account, as_of=NOW)
    make_run(client.account, as_of=NOW - timedelta(days=1))
    mine = seats(client, other)
    assert own_freshness(mine, NOW).as_of is None
    make_run(other.account, as_of=NOW - timedelta(minutes=5))
    make_run(make_account(), as_of=NOW - timedelta(days=9))
    fresh = own_freshness(mine, NOW)
    assert (fresh.as_of, fresh.is_stale) == (NOW - timedelta(minutes=5), False)
    patience = timedelta(seconds=django_settings.PULL_EVERY_SECONDS * 3)
    assert own_freshness(mine, NOW + patience - timedelta(minutes=5)).is_stale is False
    assert own_freshness(mine, NOW + patience).is_stale is True


def test_nothing_that_is_the_partners_is_even_asked_for(client):
    """Told by the names of columns in the SQL: those that may be read, and no other."""
    make_transaction(case=make_case(client, reference="A", lifecycle="Active"))
    f = filtered(client, q="A", state="active")
    with CaptureQueriesContext(connection) as captured:
        page_of_own_cases(f)
        own_case(f.seats, "A", limit=9)
        own_freshness(f.seats, NOW)
        b"".join(own_payments_csv(f, zone=make_user().zone, now=NOW)[1])
    asked = " ".join(query["sql"] for query in captured.captured_queries)
    closed = {"raw", "fingerprint", "partner_reference", "sealed_api_key", "base_url"} | {
        *(
            "fee",
            "fee_usd",
            "fee_percentage",
            "revenue",
            "revenue_usd",
            "recognized_usd",
            "is_estimate",
            "is_recognized",
        ),
        *("referral_status", "stage", "transaction_id", "earnings_currency", "error_message", "external_tenant_id"),
    }
    assert [name for name in sorted(closed) if f'"{name}"' in asked] == []
    assert {"payment_amount", "commission_status", "client_reference"} <= {
        field.column
        for model in (Case, Transaction)
        for field in model._meta.concrete_fields
        if f'"{field.column}"' in asked
    }


def test_columns_are_those_of_the_fields_they_fill():
    assert len(own.CASE_COLUMNS) == len(fields(own.OwnCase))
    assert (
        len(own.PAYMENT_COLUMNS) == len(fields(own.OwnPayment)) + 2
    )  # the client of the case, and two statuses for the state


@pytest.mark.parametrize("count", [1, 3])
def test_page_asks_equally_often_for_any_number_of_cases_and_companies(count, django_assert_num_queries):
    account = make_account()
    clients = [make_client(account) for _ in range(count)]
    for client in clients:
        for _ in range(count):
            make_transaction(case=make_case(client))
    f = filtered(*clients)
    with django_assert_num_queries(7):
        assert len(page_of_own_cases(f).rows) == count * count
    reference = page_of_own_cases(f).rows[0][0].reference
    with django_assert_num_queries(3):
        own_case(f.seats, reference, limit=9)


def test_seat_is_only_that_of_a_clients_own_person(client):
    members = [make_member(client.account, role, clients=[client]) for role in Role]
    assert [len(seats_of(member)) for member in members] == [0, 0, 0, 1]
    make_creditor(person := make_user(), client)
    assert [seat.client for seat in seats_of(person)] == [client.pk]
    person.is_active = False
    assert seats_of(person) == ()
