from uuid import UUID

import pytest

from accounts.access import Sight
from revenue.models import Transaction
from revenue.search import matching_transactions
from tests.factories import make_account, make_case, make_client, make_transaction

pytestmark = pytest.mark.django_db
ID = UUID("7f3a9c1e-5b2d-4e8f-a1b2-c3d4e5f60718")


def found(account, text):
    return list(Transaction.objects.filter(matching_transactions(Sight.of_everything(account), text)))


@pytest.fixture
def partner():
    return make_account()


@pytest.fixture
def row(partner):
    client = make_client(partner, company_name="Ærø Spedition 100% A/S")
    case = make_case(
        client,
        reference="Q8OAXF3W",
        debtor_name="Søren_Ågård (Œuvre)",
        client_reference="INV-2026.17",
        partner_reference="crm\\42",
    )
    make_transaction(partner)
    return make_transaction(case=case, transaction_id=ID)


@pytest.mark.parametrize(
    "text",
    [
        *("Q8OAXF3W", "q8oax", "OAXF"),
        *("Ærø", "ÆRØ", "ærø", "ÆrØ", "spedition", "100%"),
        *("søren_ågård", "SØREN_ÅGÅRD", "(œuvre)", "ren_"),
        *("inv-2026.17", "CRM\\42"),
        *(str(ID), str(ID).upper(), ID.hex, "7f3a9c", "7F3A9C1E-5B2D"),
    ],
)
def test_search_finds_a_part_of_a_reference_or_a_name_and_the_beginning_of_an_id(partner, row, text):
    assert found(partner, text) == [row]


@pytest.mark.parametrize("text", ["%", "_", "(", ")", "-", ".", "\\"])
def test_search_takes_a_wildcard_for_itself(partner, row, text):
    assert found(partner, text) == [row]


@pytest.mark.parametrize(
    "text",
    [
        "Søren?",
        "ær.",
        "ærø[",
        "INV-2026x17",
        "q8%3w",
        "7f3a",
        "5b2d4e8f",
        f"{ID.hex}0",
        "F3W Søren",
        str(UUID(int=1)),
        "ß",
        "'; --",
    ],
)
def test_search_finds_nothing_else(partner, row, text):
    assert found(partner, text) == []


def test_search_stays_inside_the_account(row):
    assert found(make_account(), "Q8OAXF3W") == []
