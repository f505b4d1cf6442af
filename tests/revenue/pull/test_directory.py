"""Clients and cases, and texts and numbers that no database expects."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection

from partners.models import Case, Client, PartnerAccount
from revenue.models import PullRun, QuarantinedRow, Transaction
from revenue.pull.directory import save_clients
from revenue.pull.portfolio import ClientListing, read_clients
from sandbox import rendering
from sandbox.records import Payment
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import NOW
from tests.revenue.pull.support import QuickClient, pull_now, rows_stored, rows_upstream

pytestmark = pytest.mark.django_db

Spoil = Callable[[dict[str, Any]], object]


@pytest.fixture
def spoil_clients(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[bytes], bytes]], None]:
    """Change the JSON of every client on its way out."""
    write = rendering.client

    def install(change: Callable[[bytes], bytes]) -> None:
        monkeypatch.setattr(rendering, "client", lambda *args: change(write(*args)))

    return install


def _replace(payment: Payment, old: str, new: str) -> None:
    text = rendering.transaction(payment)
    assert old.encode() in text
    payment.text = text.replace(old.encode(), new.encode())


# --- Clients -----------------------------------------------------------------------------------------


def test_client_that_is_no_longer_listed_is_archived_and_its_rows_stay(account: PartnerAccount, world: World) -> None:
    gone, _stays = world.add_client(), world.add_client()
    world.add_payment(gone)
    pull_now(account)
    world.archive_client(gone.id)
    run = pull_now(account)
    client = Client.objects.get(creditor_id=gone.id)
    assert (run.status, run.clients_archived, client.archived_at) == (PullRun.Status.OK, 1, run.as_of)
    assert rows_stored(account) == rows_upstream(world)
    world.edit_client(gone.id, archived=False)
    run = pull_now(account)
    client.refresh_from_db()
    assert (run.clients_updated, run.clients_archived, client.archived_at) == (1, 0, None)


def test_client_is_archived_once(account: PartnerAccount, world: World) -> None:
    gone, _stays = world.add_client(), world.add_client()
    pull_now(account)
    world.archive_client(gone.id)
    assert [pull_now(account).clients_archived for _ in range(3)] == [1, 0, 0]


def test_client_that_only_its_rows_name_is_made_and_counts_as_archived(account: PartnerAccount, world: World) -> None:
    known, unlisted = world.add_client(), world.add_client(company_name="Gone Ltd", external_tenant_id=None)
    world.archive_client(unlisted.id)
    world.add_payment(known)
    world.add_payment(unlisted)
    run = pull_now(account)
    client = Client.objects.get(creditor_id=unlisted.id)
    assert (run.status, client.company_name, client.external_tenant_id) == (PullRun.Status.OK, "Gone Ltd", None)
    assert client.archived_at == run.as_of
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.parametrize("clients", [1, 4])
def test_number_of_statements_is_the_same_for_any_number_of_clients(
    account: PartnerAccount, world: World, django_assert_num_queries: Any, clients: int
) -> None:
    made = [world.add_client() for _ in range(2 * clients)]
    pull_now(account)
    for client in made[:clients]:
        world.edit_client(client.id, company_name="Renamed")
    records = _listed(account)
    with django_assert_num_queries(STATEMENTS[connection.vendor]):
        counts = save_clients(account, records, seen_at=NOW)
    assert (counts.created, counts.updated, counts.archived) == (0, clients, 0)
    assert Client.objects.filter(company_name="Renamed").count() == clients


# Fingerprints, and one upsert in a savepoint: on PostgreSQL by way of a table of its own.
STATEMENTS = {"sqlite": 4, "postgresql": 7}


def _listed(account: PartnerAccount) -> ClientListing:
    with QuickClient(account.base_url, account.api_key) as api:
        return read_clients(api.client_pages)


@pytest.mark.parametrize(
    "faults", ["clients/short", "clients/dup", "clients/500", "clients/truncate", "clients/badrow"]
)
def test_client_is_not_archived_when_the_list_is_not_proven(
    account: PartnerAccount, world: World, upstream: SandboxServer, faults: str
) -> None:
    clients = [world.add_client() for _ in range(4)]
    pull_now(account)
    world.archive_client(clients[2].id)
    upstream.faults = faults
    pull_now(account)
    left = Client.objects.filter(archived_at=None)
    assert left.filter(creditor_id__in=[clients[n].id for n in (0, 1, 3)]).count() == 3
    upstream.faults = ""
    assert pull_now(account).status == PullRun.Status.OK
    assert {client.creditor_id for client in left} == {clients[n].id for n in (0, 1, 3)}


def test_client_that_lost_its_name_is_not_archived(
    account: PartnerAccount, world: World, spoil_clients: Callable[[Callable[[bytes], bytes]], None]
) -> None:
    clients = [world.add_client() for _ in range(3)]
    pull_now(account)
    spoil_clients(lambda row: row.replace(str(clients[1].id).encode(), b"not-a-uuid"))
    run = pull_now(account)
    assert (run.status, run.quarantined, run.clients_archived) == (PullRun.Status.DIFFERS, 1, 0)
    assert QuarantinedRow.objects.get().resource == "clients"
    assert Client.objects.filter(archived_at=None).count() == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"casesTotal":0', b'"casesTotal":1000000000000000000000000000000'),
        (b'"casesTotal":0', b'"casesTotal":9223372036854775808'),
        (b'"casesTotal":0', b'"casesTotal":-1'),
        (b'"earningsUsd":0.00', b'"earningsUsd":NaN'),
        (b'"dateLinked":"', b'"dateLinked":"soon'),
        (b'"users":[', b'"users":{},"were":['),
    ],
)
def test_client_that_cannot_be_read_stops_nobody(
    account: PartnerAccount,
    world: World,
    spoil_clients: Callable[[Callable[[bytes], bytes]], None],
    old: bytes,
    new: bytes,
) -> None:
    first, second = world.add_client(), world.add_client()
    world.add_payment(second)
    spoil_clients(lambda row: row.replace(old, new) if str(first.id).encode() in row else row)
    run = pull_now(account)
    assert (run.status, run.quarantined, run.clients_created, run.transactions_created) == (
        PullRun.Status.DIFFERS,
        1,
        1,
        1,
    )
    assert rows_stored(account) == rows_upstream(world)


def test_portfolio_is_kept_as_debitura_counts_it(account: PartnerAccount, world: World) -> None:
    world.add_client()
    world.add_client(is_attributed=False, onboarding_done=False)
    world.add_payment()
    assert pull_now(account).portfolio == {
        "total_clients": 2,
        "attributed_clients": 1,
        "onboarding_complete": 1,
        "onboarding_pending": 1,
        "total_cases": 1,
    }


# --- Cases -------------------------------------------------------------------------------------------


def test_case_follows_its_rows_and_keeps_the_partners_own_reference(account: PartnerAccount, world: World) -> None:
    case = world.add_case(reference="Q8OAXF3W", gross_amount=Decimal("1234.56"), debtor_name="Debtor A/S")
    payment = world.add_payment(case=case, amount=Decimal(10))
    world.add_payment(case=case, amount=Decimal(20))
    pull_now(account)
    Case.objects.update(partner_reference="our-17")
    case.debtor_name = "Debtor B/S"
    world.edit(payment.id, amount=Decimal(11))
    pull_now(account)
    stored = Case.objects.get()
    assert (stored.reference, stored.debtor_name, stored.original_amount, stored.currency) == (
        "Q8OAXF3W",
        "Debtor B/S",
        Decimal("1234.56"),
        "EUR",
    )
    assert (stored.partner_reference, stored.client_reference) == ("our-17", "INV-000001")


# --- Texts and numbers of the worst kind -------------------------------------------------------------

TEXTS = [
    "",
    "<script>alert(1)</script>",
    "'); DROP TABLE revenue_transaction; --",
    "مدينة 東京 Ærø 🧾 e\u0301",
    "\u202eright to left",
    "line\nbreak\ttab\r",
    "nul \x00 nul",
    "lone \ud800 surrogate",
]


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_stored(account: PartnerAccount, world: World, text: str) -> None:
    client, other = world.add_client(), world.add_client()
    payment, _ = world.add_payment(client, debtor_name="DEBTOR", reference="REFERENCE"), world.add_payment(other)
    written = json.dumps(text)[1:-1]
    for name in ("DEBTOR", "REFERENCE", client.company_name):
        _replace(payment, f'"{name}"', f'"{written}"')
    run = pull_now(account)
    row = Transaction.objects.select_related("case").get(transaction_id=payment.id)
    expected = text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert run.status == PullRun.Status.OK
    assert row.case is not None
    # A reference is part of an address, where a control character can only do harm.
    reference = "".join("\ufffd" if character in "\n\t\r" else character for character in expected)
    assert (row.case.debtor_name, row.case.reference) == (expected, reference)
    assert json.loads(row.raw)["case"]["debtorName"] == text


def test_hostile_texts_of_a_client_are_stored(
    account: PartnerAccount, world: World, spoil_clients: Callable[[Callable[[bytes], bytes]], None]
) -> None:
    world.add_client(company_name="NAME", users=(("NAME", "NAME@example.com"),))
    spoil_clients(lambda row: row.replace(b"NAME", b"a\\u0000b\\ud800"))
    run = pull_now(account)
    client = Client.objects.get()
    assert (run.status, client.company_name, client.users) == (
        PullRun.Status.OK,
        "a\ufffdb\ufffd",
        [{"name": "a\ufffdb\ufffd", "email": "a\ufffdb\ufffd@example.com"}],
    )


def test_texts_of_ten_thousand_characters_are_stored(account: PartnerAccount, world: World) -> None:
    """Random letters, so that no database can make them fit by compression."""
    rng = Random(1)
    long = "".join(chr(rng.randint(0x4E00, 0x9FFF)) for _ in range(10_000))
    client = world.add_client(company_name=long, external_tenant_id=long, kyc_status=long, email=long)
    payment = world.add_payment(client, reference=long, debtor_name=long, platform=long)
    ordinary = world.add_payment(client)
    first, second = pull_now(account), pull_now(account)
    assert {row.transaction_id for row in Transaction.objects.all()} == {payment.id, ordinary.id}
    stored = Client.objects.get()
    assert (stored.company_name, stored.email, stored.kyc_status) == (long, long, long)
    assert long.startswith(stored.external_tenant_id or "-")
    assert (first.quarantined, first.transactions_created, second.transactions_unchanged) == (0, 2, 2)


def test_mode_that_nobody_knows_and_of_any_length_is_survived(account: PartnerAccount, world: World) -> None:
    payment = world.add_payment(commission="Paid")
    world._mode = "SomethingElse" * 50
    run = pull_now(account)
    assert (run.status, Transaction.objects.get(transaction_id=payment.id).stage) == (
        PullRun.Status.OK,
        "confirmed_pending_invoice",
    )
    assert pull_now(account).transactions_unchanged == 1


NUMBERS = [
    ("0e999999", Decimal(0)),
    ("0e-20", Decimal(0)),
    ("-0.0", Decimal(0)),
    ("1e2", Decimal(100)),
    ("1E-20", Decimal("1E-20")),
    ("999999999999999.9999999999999999999999999999", Decimal("999999999999999.9999999999999999999999999999")),
    ("-12.5", Decimal("-12.5")),
    ('"17.25"', Decimal("17.25")),
    ("null", None),
]


@pytest.mark.parametrize(("written", "amount"), NUMBERS)
def test_amounts_are_read_from_the_text_digit_by_digit(
    account: PartnerAccount, world: World, written: str, amount: Decimal | None
) -> None:
    payment, _other = world.add_payment(), world.add_payment()
    _replace(payment, '"payment":{"amount":1000.00', f'"payment":{{"amount":{written}')
    run = pull_now(account)
    assert (run.status, run.quarantined) == (PullRun.Status.OK, 0)
    assert Transaction.objects.get(transaction_id=payment.id).payment_amount == amount


@pytest.mark.parametrize("written", ["1e15", "1e400", "-1e999999", "1e-29", "NaN", "-Infinity", "9" * 5000, '"1,5"'])
def test_amounts_that_cannot_be_believed_stop_nobody(account: PartnerAccount, world: World, written: str) -> None:
    payment, _other = world.add_payment(), world.add_payment()
    _replace(payment, '"payment":{"amount":1000.00', f'"payment":{{"amount":{written}')
    run = pull_now(account)
    assert (run.status, run.quarantined, run.transactions_created) == (PullRun.Status.DIFFERS, 1, 1)
    assert QuarantinedRow.objects.get().identity == str(payment.id)


def test_deeply_nested_field_that_nobody_asked_for_is_kept(account: PartnerAccount, world: World) -> None:
    payment = world.add_payment()
    _replace(payment, '{"transactionId"', '{"new":' + "[" * 150 + "]" * 150 + ',"transactionId"')
    assert pull_now(account).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


def test_answer_nested_beyond_all_reason_fails_and_changes_nothing(account: PartnerAccount, world: World) -> None:
    payment = world.add_payment()
    pull_now(account)
    before = rows_stored(account)
    _replace(payment, '{"transactionId"', '{"new":' + "[" * 100_000 + "]" * 100_000 + ',"transactionId"')
    run = pull_now(account)
    assert (run.status, run.error_kind, run.error_retryable) == (PullRun.Status.FAILED, "malformed", True)
    assert rows_stored(account) == before


NULLS = ["client", "case", "payment", "earnings", "recognition"]


@pytest.mark.either
@pytest.mark.parametrize("name", NULLS)
def test_nested_object_may_be_null(account: PartnerAccount, world: World, name: str) -> None:
    payment = world.add_payment()
    row = json.loads(rendering.transaction(payment))
    payment.text = json.dumps(row | {name: None}).encode()
    run = pull_now(account)
    assert (run.quarantined, run.transactions_created) == (0, 1)
    assert Transaction.objects.get().transaction_id == payment.id
