"""Publishing what is staged: the rows, their clients and cases, every line of history and the kept totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partners.models import Case, Client, PartnerAccount
from revenue.models import DayEstimate, StagedRemoval, StagedRow, Transaction, TransactionChange
from revenue.pull import totals
from revenue.pull.apply import TransactionCounts
from revenue.pull.history import RATE_FIELDS, STATE_FIELDS
from revenue.stages import Stage
from tests.factories import NOW, make_account, make_case, make_client, make_transaction
from tests.revenue.pull.staged import apply_now, stage_removals, stage_rows, staged

pytestmark = pytest.mark.django_db

CREDITORS = [UUID(int=0xC0 + number) for number in range(3)]
CASES = [UUID(int=0xCA0 + number) for number in range(3)]


class Ledger:
    """Kept totals that keep every row they are told of."""

    def __init__(self) -> None:
        self.rows: Counter[tuple[Any, ...]] = Counter()

    def add(self, account: PartnerAccount, rows_sql: str, params: Sequence[Any]) -> None:
        self.rows.update(_asked(rows_sql, params))

    def take_away(self, account: PartnerAccount, rows_sql: str, params: Sequence[Any]) -> None:
        self.rows.subtract(_asked(rows_sql, params))


def _asked(rows_sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(rows_sql, params)
        names = [column[0] for column in cursor.description]
        assert names == ["payment_date", "client_id", "stage", "is_estimate", "is_settled", "fee_usd", "revenue_usd"]
        return [_numbers(row) for row in cursor.fetchall()]


def _numbers(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """SQLite gives amounts as text: 1.50 and 1.5 are one number."""
    return (*row[:5], *(None if amount is None else Decimal(amount) for amount in row[5:]))


def _present(account: PartnerAccount) -> Counter[tuple[Any, ...]]:
    return Counter(
        _asked(
            "SELECT payment_date, client_id, stage, is_estimate, commission_status = 'Paid' AS is_settled, fee_usd, "
            "revenue_usd FROM revenue_transaction WHERE account_id = %s AND removed_at IS NULL",
            [account.pk],
        )
    )


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    ledger = Ledger()
    monkeypatch.setattr(totals, "add", ledger.add)
    monkeypatch.setattr(totals, "take_away", ledger.take_away)
    return ledger


def _kinds(row: Transaction) -> list[str]:
    return list(row.changes.order_by("seen_at").values_list("kind", flat=True))


# --- Any sequence of pulls writes what comparing row by row would -------------------------------------

AMOUNTS = st.sampled_from([None, Decimal("1.5"), Decimal("1.50"), Decimal("0"), Decimal("-2.0000000001")])
NAMED = st.sampled_from([0, 1, 2, None])


@st.composite
def sayings(draw: st.DrawFn) -> dict[str, Any]:
    """What a row says, out of so little that a second one often says nearly the same."""
    client, case = draw(NAMED), draw(NAMED)
    paid = draw(st.booleans())
    return {
        "stage": draw(st.sampled_from([Stage.PENDING, Stage.PAID])),
        "payment_date": datetime(2026, 3, draw(st.integers(1, 2)), tzinfo=UTC),
        "is_estimate": not paid,
        "commission_status": "Paid" if paid else "Unpaid",
        "fee_usd": draw(AMOUNTS),
        "revenue_usd": draw(AMOUNTS),
        "payment_amount": draw(AMOUNTS),
        "creditor_id": None if client is None else CREDITORS[client],
        "external_tenant_id": draw(st.sampled_from([None, "", "t"])),
        "company_name": draw(st.sampled_from(["", "A", "B"])),
        "case_uuid": None if case is None else CASES[case],
        "case_reference": draw(st.sampled_from(["", "Q1"])),
        "debtor_name": draw(st.sampled_from(["", "D"])),
        "original_amount": draw(AMOUNTS),
        "raw": draw(st.sampled_from(["{}", '{"new": "\\\\ \t"}'])),
    }


@dataclass
class Expected:
    """What comparing in Python, one row after the other, makes of the same pulls."""

    rows: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    gone: set[UUID] = field(default_factory=set)
    lines: Counter[tuple[UUID, datetime, str]] = field(default_factory=Counter)
    estimates: dict[tuple[UUID, date], tuple[datetime, Decimal | None]] = field(default_factory=dict)
    since: dict[UUID, tuple[datetime, datetime]] = field(default_factory=dict)
    clients: dict[UUID, tuple[str | None, str]] = field(default_factory=dict)
    cases: dict[UUID, tuple[Any, ...]] = field(default_factory=dict)

    def apply(self, rows: Sequence[dict[str, Any]], missing: set[UUID], seen_at: datetime) -> TransactionCounts:
        made = {row["creditor_id"]: (row["external_tenant_id"], row["company_name"]) for row in rows}
        self.clients = {key: said for key, said in made.items() if key} | self.clients
        for row in rows:
            if row["case_uuid"]:
                told = (row["case_reference"], row["debtor_name"], row["original_amount"], row["creditor_id"])
                self.cases[row["case_uuid"]] = told
        counts = TransactionCounts()
        for row in rows:
            self._take(row, seen_at, counts)
        for key in missing:
            self.gone.add(key)
            self.lines[key, seen_at, "removed"] += 1
            counts.removed += 1
        return counts

    def _take(self, row: dict[str, Any], seen_at: datetime, counts: TransactionCounts) -> None:
        key = row["transaction_id"]
        old = self.rows.get(key)
        kind = self._kind(old, row)
        counts.created += old is None
        counts.updated += old is not None
        if kind == "rate":
            self.estimates[key, seen_at.date()] = (seen_at, row["fee_usd"])
        elif kind:
            self.lines[key, seen_at, kind] += 1
        first, since = self.since.get(key, (seen_at, seen_at))
        self.since[key] = (first, since if old and old["stage"] == row["stage"] else seen_at)
        self.rows[key] = row
        self.gone.discard(key)

    def _kind(self, old: dict[str, Any] | None, row: dict[str, Any]) -> str:
        if old is None:
            return "first_seen"
        if row["transaction_id"] in self.gone:
            return "returned"
        facts = [name for name in STATE_FIELDS if name not in (*RATE_FIELDS, "client_id", "case_id")]
        if any(old[name] != row[name] for name in (*facts, "creditor_id", "case_uuid")):
            return "changed"
        moved = any(old[name] != row[name] for name in RATE_FIELDS)
        return ("rate" if row["is_estimate"] else "changed") if moved else ""


PULLS = st.lists(
    st.tuples(st.dictionaries(st.integers(1, 4), sayings(), max_size=4), st.sets(st.integers(1, 4)), st.booleans()),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(pulls=PULLS, hours=st.lists(st.integers(1, 30), min_size=5, max_size=5))
def test_any_pulls_write_what_comparing_row_by_row_would(ledger: Ledger, pulls: Any, hours: list[int]) -> None:
    account, expected, seen_at = make_account(), Expected(), NOW
    ledger.rows.clear()
    for (said, missing, with_removals), pause in zip(pulls, hours, strict=False):
        seen_at += timedelta(hours=pause)
        rows = [staged(account, transaction_id=UUID(int=number), **row) for number, row in said.items()]
        keys = {UUID(int=number) for number in missing - said.keys()}
        gone = list(Transaction.objects.filter(account=account, removed_at=None, transaction_id__in=keys))
        stage_rows(*rows)
        stage_removals(account, *gone)
        _, counts = apply_now(account, seen_at=seen_at, with_removals=with_removals)
        removed = {row.transaction_id for row in gone} if with_removals else set()
        assert counts == expected.apply(rows, removed, seen_at)
        _assert_is(account, expected)
        assert Counter({row: rows for row, rows in ledger.rows.items() if rows}) == _present(account)
    assert not StagedRow.objects.exists()
    assert not StagedRemoval.objects.exists()


def _assert_is(account: PartnerAccount, expected: Expected) -> None:
    stored = {row.transaction_id: row for row in Transaction.objects.filter(account=account)}
    plain = (*(name for name in STATE_FIELDS if name not in ("client_id", "case_id")), "raw", "fingerprint")
    assert {key: [getattr(row, name) for name in plain] for key, row in stored.items()} == {
        key: [row[name] for name in plain] for key, row in expected.rows.items()
    }
    assert {key for key, row in stored.items() if row.removed_at} == expected.gone
    assert {key: (row.first_seen_at, row.stage_since) for key, row in stored.items()} == expected.since
    _assert_owners_are(account, stored, expected)
    lines = TransactionChange.objects.filter(transaction__account=account)
    told = lines.values_list("transaction__transaction_id", "seen_at", "kind")
    assert Counter(told) == Counter(expected.lines)
    estimates = DayEstimate.objects.filter(transaction__account=account)
    days = estimates.values_list("transaction__transaction_id", "day", "seen_at", "fee_usd")
    assert {(key, day): (seen_at, fee) for key, day, seen_at, fee in days} == expected.estimates


def _assert_owners_are(account: PartnerAccount, stored: dict[UUID, Transaction], expected: Expected) -> None:
    clients = {client.pk: client for client in Client.objects.filter(account=account)}
    cases = {case.pk: case for case in Case.objects.filter(account=account)}
    assert {row.creditor_id: (row.external_tenant_id, row.company_name) for row in clients.values()} == expected.clients
    assert {
        case.case_id: (
            case.reference,
            case.debtor_name,
            case.original_amount,
            case.client_id and clients[case.client_id].creditor_id,
        )
        for case in cases.values()
    } == expected.cases
    for key, row in expected.rows.items():
        client, case = stored[key].client_id, stored[key].case_id
        assert (client and clients[client].creditor_id, case and cases[case].case_id) == (
            row["creditor_id"],
            row["case_uuid"],
        )


# --- One thing at a time ------------------------------------------------------------------------------


def test_line_holds_the_whole_state_and_names_its_run() -> None:
    account = make_account()
    stage_rows(staged(account, creditor_id=CREDITORS[0], case_uuid=CASES[0], unknown_statuses=["platform_status"]))
    run, _ = apply_now(account)
    row, line = Transaction.objects.get(), TransactionChange.objects.get()
    assert (line.transaction, line.run, line.kind, line.seen_at) == (row, run, "first_seen", NOW)
    assert [getattr(line, name) for name in STATE_FIELDS] == [getattr(row, name) for name in STATE_FIELDS]
    assert (row.account, row.unknown_statuses) == (account, ["platform_status"])


def test_nothing_staged_writes_nothing(ledger: Ledger) -> None:
    account = make_account()
    _, counts = apply_now(account)
    assert (counts, ledger.rows) == (TransactionCounts(), Counter())
    assert not Transaction.objects.exists()


def test_row_whose_text_alone_is_new_is_updated_without_history_or_totals(ledger: Ledger) -> None:
    account = make_account()
    row = staged(account)
    stage_rows(row)
    apply_now(account)
    ledger.rows.clear()
    stage_rows(row | {"raw": '{"new":1}', "fingerprint": "f" * 32, "payment_amount": Decimal("1E+3")})
    _, counts = apply_now(account, seen_at=NOW + timedelta(hours=1))
    stored = Transaction.objects.get()
    assert (counts.updated, stored.raw, stored.fingerprint) == (1, '{"new":1}', "f" * 32)
    assert (_kinds(stored), DayEstimate.objects.count(), ledger.rows) == (["first_seen"], 0, Counter())


def test_estimate_that_becomes_firm_with_the_same_facts_is_a_change() -> None:
    account = make_account()
    row = staged(account, stage=Stage.PENDING)
    stage_rows(row)
    apply_now(account)
    stage_rows(row | {"is_estimate": False})
    apply_now(account, seen_at=NOW + timedelta(hours=1))
    assert _kinds(Transaction.objects.get()) == ["first_seen", "changed"]


def test_second_rate_of_a_day_takes_the_first_ones_place() -> None:
    account = make_account()
    row = staged(account, stage=Stage.PENDING)
    for hours, fee in ((0, "30"), (1, "31"), (2, "32"), (13, "33")):
        stage_rows(row | {"fee_usd": Decimal(fee)})
        apply_now(account, seen_at=NOW + timedelta(hours=hours))
    lines = DayEstimate.objects.order_by("day").values_list("day", "seen_at", "fee_usd")
    assert list(lines) == [
        (NOW.date(), NOW + timedelta(hours=2), Decimal(32)),
        (NOW.date() + timedelta(days=1), NOW + timedelta(hours=13), Decimal(33)),
    ]


def test_removal_that_is_not_proven_is_forgotten() -> None:
    row = make_transaction()
    stage_removals(row.account, row)
    _, counts = apply_now(row.account, with_removals=False)
    row.refresh_from_db()
    assert (counts.removed, row.removed_at, StagedRemoval.objects.count()) == (0, None, 0)


def test_removal_is_written_with_the_state_the_row_had() -> None:
    row = make_transaction()
    stage_removals(row.account, row)
    run, counts = apply_now(row.account)
    row.refresh_from_db()
    line = TransactionChange.objects.get()
    assert (counts.removed, row.removed_at, line.kind, line.run) == (1, NOW, "removed", run)
    assert [getattr(line, name) for name in STATE_FIELDS] == [getattr(row, name) for name in STATE_FIELDS]


def test_what_another_account_has_staged_stays() -> None:
    mine, other = make_transaction(), make_transaction()
    stage_rows(staged(mine.account), staged(other.account))
    stage_removals(mine.account, mine)
    stage_removals(other.account, other)
    _, counts = apply_now(mine.account)
    assert (counts.created, counts.removed) == (1, 1)
    assert StagedRow.objects.get().account == other.account
    assert StagedRemoval.objects.get().account == other.account
    assert Transaction.objects.filter(account=other.account, removed_at=None).count() == 1


def test_same_ids_in_two_accounts_are_two_rows_two_clients_and_two_cases() -> None:
    accounts = [make_account(), make_account()]
    for account in accounts:
        said: dict[str, Any] = {"transaction_id": UUID(int=1), "creditor_id": CREDITORS[0], "case_uuid": CASES[0]}
        stage_rows(staged(account, **said))
        apply_now(account)
    for row in Transaction.objects.select_related("client", "case"):
        assert row.client is not None
        assert row.case is not None
        assert {row.client.account_id, row.case.account_id} == {row.account_id}
    assert (Transaction.objects.count(), Client.objects.count(), Case.objects.count()) == (2, 2, 2)


def test_known_client_is_not_touched_by_a_row_that_names_it() -> None:
    client = make_client(company_name="As GET /clients has it")
    stage_rows(staged(client.account, creditor_id=client.creditor_id, company_name="Otherwise"))
    apply_now(client.account)
    assert list(Client.objects.values_list("company_name", "archived_at")) == [("As GET /clients has it", None)]


def test_case_keeps_what_no_row_says() -> None:
    case = make_case(reference="OLD", partner_reference="ours", client_reference="theirs", lifecycle="Active")
    creditor = case.client.creditor_id if case.client else None
    said: dict[str, Any] = {
        "case_uuid": case.case_id,
        "creditor_id": creditor,
        "original_amount": Decimal("7.5"),
        "case_currency": "DKK",
    }
    stage_rows(
        staged(case.account, case_reference="FIRST", **said), staged(case.account, case_reference="LAST", **said)
    )
    apply_now(case.account)
    stored = Case.objects.get()
    assert (stored.reference, stored.original_amount, stored.currency, stored.client) == (
        "LAST",
        Decimal("7.5"),
        "DKK",
        case.client,
    )
    assert (stored.partner_reference, stored.client_reference, stored.lifecycle) == ("ours", "theirs", "Active")


@pytest.mark.postgres
def test_case_that_is_the_same_is_not_written_again() -> None:
    account = make_account()
    row = staged(account, case_uuid=CASES[0], original_amount=Decimal("1.50"))
    stage_rows(row)
    apply_now(account)
    before = _version(Case)
    stage_rows(row | {"original_amount": Decimal("1.5"), "payment_amount": Decimal(9)})
    apply_now(account, seen_at=NOW + timedelta(hours=1))
    assert _version(Case) == before


def _version(model: type[Case]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ctid, xmin FROM {model._meta.db_table}")
        return cursor.fetchall()


@pytest.mark.parametrize("rows", [1, 3])
def test_number_of_statements_is_the_same_for_any_number_of_rows(django_assert_num_queries: Any, rows: int) -> None:
    account = make_account()
    first = [staged(account, stage=Stage.PENDING, creditor_id=CREDITORS[0], case_uuid=CASES[0]) for _ in range(rows)]
    stage_rows(*first)
    apply_now(account)
    stage_rows(*(row | {"fee_usd": Decimal(31)} for row in first), *(staged(account) for _ in range(rows)))
    stage_removals(account, *(make_transaction(account) for _ in range(rows)))
    with django_assert_num_queries(31 if connection.vendor == "postgresql" else 27):
        apply_now(account, seen_at=NOW + timedelta(hours=1))
