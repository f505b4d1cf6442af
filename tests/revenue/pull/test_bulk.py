"""Writing many rows at a time must store what saving them one by one would."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from partners.models import Case, PartnerAccount
from revenue.models import DayEstimate, QuarantinedRow, StagedRow, TransactionChange
from revenue.pull import bulk
from tests.factories import make_account, make_case, make_transaction
from tests.revenue.pull.staged import COLUMNS, stage_rows, staged

pytestmark = pytest.mark.django_db

SEEN = datetime(2026, 3, 14, 12, 0, 0, 123456, tzinfo=UTC)


def case_of(account: PartnerAccount, number: int, **fields) -> Case:
    return Case(account=account, case_id=UUID(int=number), **fields)


def test_written_rows_read_back_as_they_were() -> None:
    account = make_account()
    amount = Decimal("123456789012345.1234567890123456789012345678")
    bulk.write(Case, [case_of(account, 1, reference="a\tb\\N\n'\"", original_amount=amount), case_of(account, 2)])
    first, second = Case.objects.order_by("case_id")
    assert (first.reference, first.original_amount, first.account) == ("a\tb\\N\n'\"", amount, account)
    assert (second.reference, second.original_amount, second.client) == ("", None, None)


def test_write_of_nothing_asks_nothing(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        bulk.write(Case, [], identity=("account", "case_id"), update=("reference",))


def test_row_of_a_known_identity_takes_over_only_the_named_fields() -> None:
    kept = make_case(reference="OLD", partner_reference="MINE")
    arrival = Case(account=kept.account, case_id=kept.case_id, reference="NEW", partner_reference="theirs")
    fresh = case_of(kept.account, 77, reference="FRESH")
    bulk.write(Case, [arrival, fresh], identity=("account", "case_id"), update=("reference", "client_id"))
    kept.refresh_from_db()
    assert (kept.reference, kept.partner_reference, kept.client_id) == ("NEW", "MINE", None)
    assert Case.objects.get(case_id=UUID(int=77)).reference == "FRESH"


def test_identity_may_hold_a_foreign_key_and_a_day() -> None:
    row = make_transaction()
    for fee in ("1.10", "2.20"):
        line = DayEstimate(transaction=row, day=date(2026, 3, 14), seen_at=SEEN, fee_usd=Decimal(fee))
        bulk.write(DayEstimate, [line], identity=("transaction", "day"), update=("seen_at", "fee_usd"))
    [stored] = DayEstimate.objects.all()
    assert (stored.fee_usd, stored.seen_at, stored.transaction) == (Decimal("2.20"), SEEN, row)


def test_conflict_without_an_identity_is_an_error_and_writes_nothing() -> None:
    line = {"transaction": make_transaction(), "day": date(2026, 3, 14), "seen_at": SEEN}
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.write(DayEstimate, [DayEstimate(**line), DayEstimate(**line)])
    assert DayEstimate.objects.count() == 0


def test_statistics_can_be_refreshed_inside_a_transaction() -> None:
    bulk.refresh_statistics(QuarantinedRow)
    bulk.refresh_statistics(TransactionChange, "transaction_id", "run_id")
    assert Case.objects.count() == 0


HOSTILE = "tab\t line\n return\r slash\\ \\N \\. quote' \" comma, é 東 🧾"
FULL: dict[str, Any] = {
    "payment_date": datetime(2026, 3, 14, 12, 0, 0, 123456, tzinfo=UTC),
    "payment_amount": Decimal("-123456789012345.1234567890123456789012345678"),
    "revenue": Decimal("0E-10"),
    "fee": Decimal("1E+3"),
    "fee_usd": None,
    "is_estimate": True,
    "company_name": HOSTILE,
    "creditor_id": UUID(int=5),
    "unknown_statuses": ["platform_status", HOSTILE],
    "raw": HOSTILE,
}


def test_copied_lines_are_stored_as_django_itself_would_store_them() -> None:
    account = make_account()
    copied, saved = staged(account, **FULL), staged(account, **FULL)
    stage_rows(copied)
    StagedRow.objects.create(**saved)
    first, second = (_stored(row["transaction_id"]) for row in (copied, saved))
    same = [place for place, name in enumerate(COLUMNS) if name not in ("transaction_id", "fingerprint")]
    assert [first[place] for place in same] == [second[place] for place in same]
    row = StagedRow.objects.get(transaction_id=copied["transaction_id"])
    assert {name: getattr(row, name) for name in COLUMNS} == copied


def _stored(transaction_id: UUID) -> Any:
    """As the driver gives it, without Django's conversions."""
    key = transaction_id if connection.vendor == "postgresql" else transaction_id.hex
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM revenue_stagedrow WHERE transaction_id = %s", [key])
        return cursor.fetchone()


def test_instant_of_another_zone_is_copied_as_the_same_instant() -> None:
    account = make_account()
    local = datetime(2026, 3, 14, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    stage_rows(staged(account, payment_date=local))
    assert StagedRow.objects.get().payment_date == local


def test_lines_may_be_more_than_one_batch_and_come_one_by_one() -> None:
    account = make_account()
    rows = (staged(account) for _ in range(2 * bulk.BATCH + 1))
    bulk.copy_rows(StagedRow, COLUMNS, (tuple(row[name] for name in COLUMNS) for row in rows))
    assert StagedRow.objects.count() == 2 * bulk.BATCH + 1


def test_copied_line_of_a_known_identity_is_an_error_and_writes_nothing() -> None:
    account = make_account()
    with pytest.raises(IntegrityError), transaction.atomic():
        stage_rows(staged(account), *[staged(account, transaction_id=UUID(int=1))] * 2)
    assert not StagedRow.objects.exists()
