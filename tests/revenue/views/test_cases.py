import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from partners.models import Activation, ReferenceChange
from partners.references import set_reference
from revenue.models import TransactionChange, TransactionState
from revenue.stages import Stage
from revenue.views import cases
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction, make_user
from tests.partners.hostile import HOSTILE
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


def test_sidebar_shows_what_debitura_tells_of_the_case(signed_in, account):
    make_case(
        make_client(account, company_name="Nordlys"),
        reference="Q8OAXF3W",
        debtor_name="Ida Ek",
        collection_partner="Nordic Collect",
        lifecycle="Closed",
        close_code="PaidInFull",
        date_created=NOW,
        remainder=Decimal("12.50"),
    )
    assert (
        "Client Nordlys Debtor Ida Ek Managed by Nordic Collect State Closed Paid in full Created 14 Mar 2026, 13:00 "
        "Original amount 1,000.00 EUR Still owed 12.50 EUR Payments 0 Fee (USD) 0.00"
    ) in words(signed_in.get("/cases/Q8OAXF3W/"))


@pytest.mark.parametrize("text", HOSTILE)
def test_reference_is_shown_as_it_is_whatever_it_holds(signed_in, account, text):
    make_case(make_client(account), reference="Q8OAXF3W", partner_reference=text, client_reference=text)
    page = signed_in.get("/cases/Q8OAXF3W/").content.decode()
    # In the headline, and twice in the sidebar; its direction is its own.
    assert [unescape(found) for found in re.findall(r'<bdi class="reference">(.*?)</bdi>', page, re.DOTALL)] == [
        text
    ] * 3
    assert (
        unescape(re.findall(r"<title>(.*?)</title>", page, re.DOTALL)[0])
        == f"Case Q8OAXF3W (partner ref: {text}) · Feeboard"
    )
    assert "<script>alert" not in page


def test_history_of_the_reference_tells_who_made_what_of_it(signed_in, account):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    anna = make_user("anna@example.com")
    for hour, old, new, source in (
        (12, "", "X", "page"),
        (13, "X", "Y", "bulk"),
        (14, "Y", "", "api"),
        (15, "", "Z", "activation"),
    ):
        at = NOW.replace(hour=hour)
        ReferenceChange.objects.create(case=case, old=old, new=new, by=anna, source=source, at=at)
    assert (
        "History of the partner reference 4 changes "
        "Set to Z by anna@example.com at activation, 14 Mar 2026, 16:00 "
        "Cleared (was Y ) by anna@example.com by the API, 14 Mar 2026, 15:00 "
        "Changed from X to Y by anna@example.com from a file, 14 Mar 2026, 14:00 "
        "Set to X by anna@example.com on its page, 14 Mar 2026, 13:00"
    ) in words(signed_in.get("/cases/Q8OAXF3W/"))


def test_long_history_shows_the_latest_changes_and_their_number(signed_in, reader, account, monkeypatch):
    monkeypatch.setattr(cases, "CHANGES_SHOWN", 2)
    case = make_case(make_client(account), reference="Q8OAXF3W")
    for text in ("one", "two", "three"):
        set_reference(case, text, by=reader, source=ReferenceChange.Source.PAGE)
    text = words(signed_in.get("/cases/Q8OAXF3W/"))
    assert "The latest 2 of 3 changes Changed from two to three" in text
    assert "Set to one" not in text


def test_case_that_never_had_a_reference_has_no_history(signed_in, account):
    make_case(make_client(account), reference="Q8OAXF3W")
    text = words(signed_in.get("/cases/Q8OAXF3W/"))
    assert [title for title in ("History of the partner reference", "Attempts to activate") if title in text] == []


@pytest.mark.parametrize(
    ("state", "is_offered"),
    [("PendingVerification", True), ("Pending Verification", True), ("Active", False), ("", False)],
)
def test_activation_is_offered_where_the_case_waits_for_it(signed_in, account, state, is_offered):
    make_case(make_client(account), reference="Q8OAXF3W", lifecycle=state)
    assert ("/cases/Q8OAXF3W/activate/" in links(signed_in.get("/cases/Q8OAXF3W/"))) is is_offered


def test_attempts_to_activate_are_listed(signed_in, account):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    anna = make_user("anna@example.com")
    said = {"refused": "Debitura knows no such member.", "unclear": "No answer came.", "done": ""}
    for hour, (state, message) in enumerate(said.items(), 9):
        ended = None if state == "unclear" else NOW
        at = NOW.replace(hour=hour)
        Activation.objects.create(
            case=case, by=anna, state=state, started_at=at, ended_at=ended, request="{}", message=message
        )
    assert (
        "Attempts to activate Activated by anna@example.com, 14 Mar 2026, 12:00 "
        "Unclear : No answer came. See what came of it by anna@example.com, 14 Mar 2026, 11:00 "
        "Refused : Debitura knows no such member. by anna@example.com, 14 Mar 2026, 10:00"
    ) in words(signed_in.get("/cases/Q8OAXF3W/"))


def test_page_is_kept_until_somebody_changes_the_reference(signed_in, reader, account):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    signed_in.get("/cases/Q8OAXF3W/")
    signed_in.get("/cases/Q8OAXF3W/")
    with CaptureQueriesContext(connection) as queries:
        signed_in.get("/cases/Q8OAXF3W/")
    # The session, the person, the version.
    assert len(queries) == 3
    set_reference(case, "OURS", by=reader, source=ReferenceChange.Source.PAGE)
    assert "partner ref: OURS" in words(signed_in.get("/cases/Q8OAXF3W/"))


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
    address = next(link for link in links(signed_in.get("/transactions/")) if re.match("/cases/.", link))
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
    signed_in, reader, account, rows, django_assert_num_queries
):
    case = make_case(make_client(account), reference="Q8OAXF3W")
    for number in range(rows):
        write_line(make_transaction(account, case=case), make_run(account), kind="first_seen")
        set_reference(case, f"R{number}", by=reader, source=ReferenceChange.Source.PAGE)
        Activation.objects.create(case=case, by=reader, state="refused", request="{}", ended_at=NOW)
    with django_assert_num_queries(12):
        assert signed_in.get("/cases/Q8OAXF3W/").status_code == 200
