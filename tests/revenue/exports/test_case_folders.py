import csv
import io
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection

from revenue.exports.case_folders import Naming, transactions_zip
from revenue.exports.columns import payment_columns
from revenue.exports.transactions import transactions_csv
from revenue.stages import Stage
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.builders import all_time

pytestmark = pytest.mark.django_db

HOSTILE = {
    "../../etc": "____etc",
    "a/b": "a_b",
    "=1+1": "=1+1",
    "<script>": "_script_",
    "\N{GRINNING FACE}" * 128: "\N{GRINNING FACE}" * 63,
    "one, two": "one, two",
    'a "quoted" one': "a _quoted_ one",
    "line\nbreak": "line_break",
    "\u202eevil": "_evil",
    "dot.": "dot",
    "%2F": "%2F",
    "112179442 & 112179443": "112179442 & 112179443",
}


@pytest.fixture
def partner():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account, as_of=datetime(2026, 4, 1, 6, 5, 59, tzinfo=UTC))
    return account


@pytest.fixture
def client(partner):
    return make_client(partner, company_name="Ærø\nA/S")


def opened(f, naming=Naming.PARTNER):
    """Every file of the archive by its name."""
    name, pieces = transactions_zip(f, naming, now=NOW)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert (archive.testzip(), name.endswith(".zip")) == (None, True)
        assert len(set(archive.namelist())) == len(archive.namelist())
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def folders(f, naming=Naming.PARTNER):
    return [name.removesuffix("/case.txt") for name in opened(f, naming) if name.endswith("/case.txt")]


def lines(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def facts(text):
    return dict(line.split(": ", 1) for line in text.removesuffix("\r\n").split("\r\n"))


def test_archive_has_a_folder_a_case_with_its_summary_and_its_payments(partner, client):
    case = make_case(
        client,
        reference="Q8OAXF3W",
        client_reference="INV\n1",
        partner_reference="P-1",
        debtor_name="",
        lifecycle="Active",
        collection_partner="Collectors",
        original_amount=Decimal("1234.5"),
        currency="DKK",
        date_created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    make_transaction(case=case, fee_usd=Decimal("10.006"))
    make_transaction(case=case, fee_usd=Decimal("20.004"), is_estimate=True)
    make_transaction(case=case, fee_usd=None)
    files = opened(all_time(partner))
    assert list(files) == ["about.txt", "P-1/payments.csv", "P-1/case.txt"]
    assert facts(files["P-1/case.txt"]) == {
        "Debitura reference": "Q8OAXF3W",
        "Client reference": "INV 1",
        "Partner reference": "P-1",
        "Client": "Ærø A/S",
        "Debtor": "—",
        "State": "Active",
        "Managed by": "Collectors",
        "Date created (UTC)": "2026-01-02 03:04:05",
        "Original amount": "1,234.50 DKK",
        "Payments": "3",
        "Fees (USD)": "30.01",
        "Firm fees (USD)": "10.01",
        "Estimated fees (USD), which may change": "20.00",
        "Payments with an estimated fee": "1",
        "Data as of (UTC)": "2026-04-01 06:05:59",
        "Compared with Debitura's own summary": "Agrees with Debitura",
    }
    payments = lines(files["P-1/payments.csv"])
    assert list(payments[0]) == [column.header for column in payment_columns(all_time(partner))]
    assert [row["fee_usd"] for row in payments] == ["", "20.004", "10.006"]


def test_archive_holds_the_rows_of_the_csv_and_the_total_of_the_screen(partner, client):
    cases = [make_case(client, partner_reference=f"P-{number}") for number in range(3)]
    for number in range(9):
        make_transaction(case=cases[number % 3], stage=Stage.PAID, fee_usd=Decimal(f"{number}.005"))
    make_transaction(partner, client_id=None, case_id=None, stage=Stage.PAID, fee_usd=Decimal("100"))
    make_transaction(case=cases[0], stage=Stage.READY)
    f = all_time(partner, stages=(Stage.PAID,), sort="fee")
    files = opened(f)
    found = [row for name, text in files.items() if name.endswith(".csv") for row in lines(text)]
    exported = lines(b"".join(transactions_csv(f, now=NOW)[1]).decode("utf-8-sig"))
    assert sorted(row["transaction_id"] for row in found) == sorted(row["transaction_id"] for row in exported)
    assert sorted(map(str, found)) == sorted(map(str, exported))
    about = facts(files["about.txt"])
    assert (about["Stages"], about["Payments"], about["Fees (USD)"]) == ("Paid", "10", "136.04")
    assert sum(Decimal(row["fee_usd"]) for row in found) == Decimal("136.045")
    assert about["Folders are named by"] == "Partner Ref"


@pytest.mark.parametrize(
    ("naming", "names"),
    [
        (Naming.DEBITURA, ["Q1", "Q2"]),
        (Naming.CLIENT, ["INV-1", "Q2"]),
        (Naming.PARTNER, ["P-1", "Q2"]),
    ],
)
def test_folders_are_named_by_the_chosen_reference_or_else_by_debituras(partner, client, naming, names):
    make_transaction(case=make_case(client, reference="Q1", client_reference="INV-1", partner_reference="P-1"))
    make_transaction(case=make_case(client, reference="Q2"))
    assert folders(all_time(partner), naming) == names


def test_folder_of_a_case_without_any_reference_is_named_by_its_id(partner, client):
    make_transaction(case=make_case(client, reference="", case_id=UUID(int=7)))
    assert folders(all_time(partner)) == ["00000000-0000-0000-0000-000000000007"]


def test_folders_of_hostile_references_are_safe_and_the_references_stand_in_their_files(partner, client):
    for reference in HOSTILE:
        make_transaction(case=make_case(client, partner_reference=reference))
    files = opened(all_time(partner))
    assert folders(all_time(partner)) == list(HOSTILE.values())
    written = [lines(files[f"{folder}/payments.csv"])[0]["partner_reference"] for folder in HOSTILE.values()]
    assert written == [f"'{text}" if text.startswith("=") else text for text in HOSTILE]


def test_cases_that_share_a_reference_have_folders_of_their_own(partner, client):
    shared = [("Q1", "REF"), ("Q2", "ref"), ("Q3", "Other"), ("Q4", "REF"), ("Q4", "REF")]
    for number, (reference, own) in enumerate(shared):
        case = make_case(client, reference=reference, partner_reference=own, case_id=UUID(int=number))
        make_transaction(case=case)
    second = "REF (00000000-0000-0000-0000-000000000004)"
    assert folders(all_time(partner)) == ["REF (Q1)", "ref (Q2)", "Other", "REF (Q4)", second]


def test_payments_without_a_case_have_a_folder_of_their_own_that_no_case_takes(partner, client):
    make_transaction(case=make_case(client, reference="Q1", partner_reference="No-Case"))
    make_transaction(partner, case_id=None)
    files = opened(all_time(partner))
    assert folders(all_time(partner)) == ["No-Case (Q1)", "no-case"]
    assert facts(files["no-case/case.txt"])["Case"] == "Debitura names none for these payments"


def test_archive_of_nothing_says_what_it_is(partner):
    files = opened(all_time(partner, q="nothing"))
    assert list(files) == ["about.txt"]
    assert (facts(files["about.txt"])["Search"], facts(files["about.txt"])["Payments"]) == ("nothing", "0")


def test_archive_is_named_as_the_other_files(partner):
    name, pieces = transactions_zip(all_time(partner), Naming.CLIENT, now=NOW)
    pieces.close()
    assert name == "transactions_all_as-of-20260401T0605Z.zip"


@pytest.mark.parametrize("count", [1, 3])
def test_archive_takes_as_many_queries_whatever_the_number_of_cases(partner, client, django_assert_num_queries, count):
    for _ in range(count):
        make_transaction(case=make_case(client))
    _, pieces = transactions_zip(all_time(partner), Naming.PARTNER, now=NOW)
    with django_assert_num_queries(6):
        list(pieces)


@pytest.mark.django_db(transaction=True)
def test_first_file_waits_for_no_row_and_a_reader_who_goes_away_leaves_no_transaction_open(partner, client):
    for _ in range(3):
        make_transaction(case=make_case(client))
    _, pieces = transactions_zip(all_time(partner), Naming.PARTNER, now=NOW)
    assert next(pieces)[30:39] == b"about.txt"
    assert connection.in_atomic_block
    pieces.close()
    assert not connection.in_atomic_block
