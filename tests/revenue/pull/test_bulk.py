"""Writing many rows at a time must store what saving them one by one would."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from partners.models import Case, PartnerAccount
from revenue.models import DayEstimate, QuarantinedRow, TransactionChange
from revenue.pull import bulk
from tests.factories import make_account, make_case, make_transaction

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
