"""The pages of a client's own people, and that nobody else has them."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, Membership, Role
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
from tests.partners.hostile import HOSTILE
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

STAFF = [role for role in Role if role != Role.CLIENT]


@pytest.fixture
def own_client():
    """One of two clients of an account that has been pulled."""
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    make_client(account, company_name="Zebrawood Ltd")
    return make_client(account, company_name="Own A/S")


@pytest.fixture
def creditor(signed_in, reader, own_client):
    """The browser of somebody who works for `own_client`."""
    make_creditor(reader, own_client)
    return signed_in


def lines_of(response):
    return list(csv.reader(io.StringIO(response.getvalue().decode().removeprefix("\ufeff"))))


def test_list_tells_of_every_case_and_what_was_paid(creditor, own_client):
    case = make_case(
        own_client,
        reference="Q8OAXF3W",
        client_reference="INV/7",
        partner_reference="hushhush",
        debtor_name="Ida Ek",
        lifecycle="PendingVerification",
        date_created=NOW,
        remainder=Decimal("12.50"),
    )
    make_transaction(case=case, payment_amount=Decimal(1000), stage=Stage.PAID)
    make_transaction(case=case, payment_amount=Decimal(500), payment_currency="DKK", stage=Stage.PENDING)
    page = creditor.get("/my/")
    said = words(page)
    assert page.status_code == 200
    assert "Data as of 14 Mar 2026, 13:00" in said and "Times in Europe/Copenhagen" in said
    assert "DKK 500.00 1 payment — — — 500.00 1 payment EUR — — 1,000.00 1 payment — 1,000.00 1 payment" in said
    assert (
        "Q8OAXF3W INV/7 Ida Ek Pending verification 14 Mar 2026, 13:00 1,000.00 EUR 12.50 EUR 500.00 DKK 1,000.00 EUR"
    ) in said
    assert "/my/cases/Q8OAXF3W/" in links(page)


def test_case_tells_where_each_payment_stands(creditor, own_client):
    case = make_case(own_client, reference="Q8OAXF3W", client_reference="INV/7", collection_partner="Nordic Collect")
    for day, stage in enumerate((Stage.PENDING, Stage.CONFIRMED, Stage.DISPUTED, Stage.OUTSIDE), start=1):
        paid = datetime(2026, 3, day, 23, 30, tzinfo=UTC)
        make_transaction(case=case, payment_amount=Decimal(day), payment_date=paid, stage=stage)
    said = words(creditor.get("/my/cases/Q8OAXF3W/"))
    assert "Your reference INV/7" in said and "Collected by Nordic Collect" in said
    assert (
        "5 Mar 2026, 00:30 4.00 EUR Being checked 4 Mar 2026, 00:30 3.00 EUR Completed "
        "3 Mar 2026, 00:30 2.00 EUR Confirmed 2 Mar 2026, 00:30 1.00 EUR Reported"
    ) in said


def test_their_frame_leads_nowhere_else(creditor, own_client):
    make_case(own_client, reference="A")
    for address in ("/my/", "/my/cases/A/", "/profile/", "/nowhere/"):
        leads = {link.partition("?")[0] for link in links(creditor.get(address))}
        known = {"#main", "/", "/my/", "/my/cases/A/", "/my/export.csv", ""}
        assert leads - known - {link for link in leads if link.startswith("/profile/")} == set()
        assert reverse("tokens") not in leads
        said = words(creditor.get(address))
        assert [word for word in ("Overview", "Transactions", "Acme", "Go to the pulls", "API") if word in said] == []


def test_sign_in_leads_them_to_their_cases(client, own_client):
    make_creditor(person := make_user("c@example.com"), own_client)
    form = {"username": person.email, "password": "a long enough pass phrase", "time_zone": ""}
    answer = client.post("/sign-in/", form, follow=True)
    assert answer.redirect_chain[-1] == ("/my/", 302)


@pytest.mark.parametrize("role", STAFF)
def test_to_the_partners_people_there_are_no_such_pages(client, own_client, role):
    case = make_case(own_client)
    client.force_login(make_member(own_client.account, role, clients=[own_client]))
    addresses = ("/my/", "/my/export.csv", f"/my/cases/{case.reference}/")
    assert [client.get(address).status_code for address in addresses] == [404, 404, 404]
    assert "/my/" not in links(client.get("/transactions/"))


def test_who_has_no_role_is_told_so(client):
    client.force_login(make_user(is_superuser=False))
    assert client.get("/my/").status_code == 404
    page = client.get("/")
    assert "You see no partner account" in words(page)
    assert "/transactions/" not in links(page)


def test_staff_here_and_client_there_has_both(client, own_client):
    other = make_account(slug="other")
    make_run(other)
    person = make_member(other, Role.FINANCE)
    Membership.objects.create(user=person, account=own_client.account, role=Role.CLIENT).clients.add(own_client)
    make_case(own_client, reference="MINE")
    make_case(make_client(other), reference="STAFFS")
    client.force_login(person)
    for address in ("/", "/my/", "/profile/"):
        assert {"/transactions/", "/my/"} <= set(links(client.get(address)))
    assert [client.get(f"/my/cases/{name}/").status_code for name in ("MINE", "STAFFS")] == [200, 404]
    assert [client.get(f"/cases/{name}/").status_code for name in ("MINE", "STAFFS")] == [404, 200]


def test_who_has_no_table_chooses_no_columns(creditor, reader):
    assert creditor.post("/transactions/columns/", {"column": ["fee_usd"]}).status_code == 404
    reader.refresh_from_db()
    assert reader.columns == {}


@pytest.mark.parametrize("address", ["/my/", "/my/export.csv", "/my/cases/A/"])
def test_nobody_is_sent_to_sign_in(client, address):
    assert client.get(address).headers["Location"] == f"/sign-in/?next={address}"


def test_case_of_another_client_answers_as_an_unknown_one(creditor, own_client):
    make_case(make_client(own_client.account), reference="THEIRS")
    answers = [creditor.get(f"/my/cases/{name}/") for name in ("THEIRS", "UNKNOWN", "a%2Fb", "%00")]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert (
        len({re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode()) for answer in answers}) == 1
    )


def test_company_of_another_answers_as_an_unknown_one(creditor, own_client):
    other = make_client(own_client.account)
    tenant = own_client.external_tenant_id
    for address in ("/my/", "/my/export.csv"):
        asked = [creditor.get(f"{address}?client={name}") for name in (other.creditor_id, "unknown", tenant)]
        assert [answer.status_code for answer in asked] == [400] * 3
        assert [str(other.creditor_id) in answer.content.decode() for answer in asked] == [
            address == "/my/",
            False,
            False,
        ]
    assert creditor.get(f"/my/?client={own_client.creditor_id}").status_code == 200


def test_person_of_several_companies_sees_which_is_which(creditor, reader, own_client):
    second = make_client(make_account(slug="other"), company_name="Second A/S")
    make_run(second.account)
    Membership.objects.create(user=reader, account=second.account, role=Role.CLIENT).clients.add(second)
    make_case(own_client, reference="A", debtor_name="Debtor")
    make_case(second, reference="B", debtor_name="Debtor")
    said = words(creditor.get("/my/?sort=reference"))
    assert "A Own A/S — Debtor" in said and "B Second A/S — Debtor" in said
    chosen = creditor.get(f"/my/?client={second.creditor_id}")
    assert f'<option value="{second.creditor_id}" selected>Second A/S</option>' in chosen.content.decode()
    assert ["/my/cases/A/" in links(chosen), "/my/cases/B/" in links(chosen)] == [False, True]


def test_nothing_yet_and_nothing_that_matches(creditor, own_client):
    assert "No cases yet" in words(creditor.get("/my/"))
    assert "Nothing matches" in words(creditor.get("/my/?q=nothing"))
    make_case(own_client)
    assert creditor.get("/my/?after=999999").status_code == 404
    wrong = creditor.get("/my/?sort=fee&page_size=0")
    assert (wrong.status_code, "These filters could not be read" in words(wrong)) == (400, True)


def test_audit_trail_of_each_account_tells_of_a_file(creditor, reader, own_client):
    second = make_client(make_account(slug="other"), company_name="Second A/S")
    Membership.objects.create(user=reader, account=second.account, role=Role.CLIENT).clients.add(second)
    creditor.get("/my/export.csv")
    creditor.get(f"/my/export.csv?client={second.creditor_id}")
    told = AuditEvent.objects.filter(action=AuditEvent.Action.EXPORTED).order_by("pk")
    assert list(told.values_list("account__slug", "actor", "subject", "detail__filter")) == [
        ("acme", reader.pk, "payments.csv", ""),
        ("other", reader.pk, "payments.csv", ""),
        ("other", reader.pk, "payments.csv", f"client={second.creditor_id}"),
    ]


def test_file_holds_what_the_page_shows(creditor, own_client):
    case = make_case(own_client, reference="Q1", client_reference="=1+1", debtor_name="Ida Ek")
    make_transaction(case=case, payment_amount=Decimal("10.5"), stage=Stage.AWAITING_DEBITURA)
    make_transaction(case=make_case(own_client, reference="Q2"), stage=Stage.PENDING)
    make_transaction(case=make_case(make_client(own_client.account), reference="Q3"))
    answer = creditor.get("/my/export.csv?q=Q1")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="payments_part_as-of-20260314T1200Z.csv"'
    header, *lines = lines_of(answer)
    assert header == [
        *("company", "case_reference", "client_reference", "debtor", "payment_date_utc"),
        *("payment_date_local (Europe/Copenhagen)", "payment_amount", "payment_currency", "state"),
    ]
    assert lines == [
        ["Own A/S", "Q1", "'=1+1", "Ida Ek", "2026-03-05T09:30:00Z", "2026-03-05 10:30:00", "10.5", "EUR", "Completed"]
    ]
    everything = creditor.get("/my/export.csv")
    assert everything.headers["Content-Disposition"] == 'attachment; filename="payments_as-of-20260314T1200Z.csv"'
    assert sorted(line[1] for line in lines_of(everything)[1:]) == ["Q1", "Q2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_shown_as_they_are_whatever_they_hold(creditor, own_client, text):
    make_case(own_client, reference="Q1", client_reference=text, debtor_name=text)
    page = creditor.get("/my/cases/Q1/").content.decode()
    assert [unescape(found) for found in re.findall(r'<bdi class="reference">(.*?)</bdi>', page, re.DOTALL)] == [text]
    assert "<script>alert" not in page + creditor.get("/my/").content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_ask_the_database_equally_often_for_any_number(creditor, own_client, rows, django_assert_num_queries):
    for number in range(rows):
        case = make_case(own_client, reference=f"Q{number}")
        for _ in range(rows):
            make_transaction(case=case)
    # Session, reader, seats, the page, its freshness, and whether the partner's pages are for them, too; a file is noted down.
    with django_assert_num_queries(12):
        creditor.get("/my/")
    with django_assert_num_queries(8):
        creditor.get("/my/cases/Q0/")
    with django_assert_num_queries(8):
        creditor.get("/my/export.csv").getvalue()
