"""PostgreSQL's lines are Python's, byte for byte, whatever the cells hold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from partners.models import Case, Client
from revenue.exports.transactions import by_database, by_python
from revenue.filters import SORTS
from revenue.models import Transaction
from revenue.periods import Period
from revenue.stages import Stage
from tests.factories import make_account, make_case, make_client, make_transaction
from tests.revenue.builders import all_time, bulk_transactions

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

NASTY = st.text(alphabet=[*"=+-@\t\r\n,;\"'\\. aæ漢🙂\u2028\ufeff%{}N"], max_size=6)
TEXTS = (
    NASTY
    | st.sampled_from(["", " ", "\\.", "\\N", '"', "'", " =1", "\ufeff=1"])
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
)
AMOUNTS = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda amount: abs(amount.adjusted()) < 40 and len(amount.as_tuple().digits) < 40
)
FIRST = datetime(1900, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=300 * 365)).map(FIRST.__add__)
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})).map(ZoneInfo)
QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def partner():
    return make_account()


def both(f):
    return b"".join(by_database(f)), b"".join(by_python(f))


@pytest.fixture
def row(partner):
    return make_transaction(case=make_case(make_client(partner)))


@QUICK
@given(texts=st.lists(TEXTS, min_size=12, max_size=12))
@example(texts=[""] * 12)
@example(texts=["\\."] * 12)
@example(texts=["a\nb\r\nc\rd"] * 12)
def test_texts(row, texts):
    client = dict(zip(("company_name", "external_tenant_id"), texts[:2], strict=True))
    case = dict(zip(("reference", "client_reference", "partner_reference", "debtor_name"), texts[2:6], strict=True))
    names = ("payment_currency", "earnings_currency", "commission_status", "platform_status", "referral_status")
    Client.objects.filter(pk=row.client_id).update(**client)
    Case.objects.filter(pk=row.case_id).update(**case, collection_partner=texts[11])
    Transaction.objects.filter(pk=row.pk).update(**dict(zip(names, texts[6:11], strict=True)))
    copied, written = both(all_time(row.account))
    assert copied == written


@QUICK
@given(amounts=st.lists(AMOUNTS, min_size=6, max_size=6), estimate=st.booleans(), stage=st.sampled_from(Stage))
def test_numbers_flags_and_stages(row, amounts, estimate, stage):
    # Of the last three the category is made, too.
    names = ("fee", "fee_usd", "fee_percentage", "payment_amount", "revenue_usd", "revenue")
    fields = dict(zip(names, amounts, strict=True)) | {"is_estimate": estimate, "stage": stage}
    Transaction.objects.filter(pk=row.pk).update(**fields)
    copied, written = both(all_time(row.account))
    assert copied == written


@QUICK
@given(moments=st.lists(MOMENTS, min_size=3, max_size=3), zone=ZONES)
@example(moments=[datetime(2026, 3, 29, 1, tzinfo=UTC)] * 3, zone=ZoneInfo("Europe/Copenhagen"))
@example(moments=[datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC)] * 3, zone=ZoneInfo("Europe/Copenhagen"))
@example(moments=[datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=UTC)] * 3, zone=ZoneInfo("Africa/Monrovia"))
def test_moments(row, moments, zone):
    names = ("payment_date", "first_seen_at", "stage_since")
    Transaction.objects.filter(pk=row.pk).update(**dict(zip(names, moments, strict=True)))
    Case.objects.filter(pk=row.case_id).update(date_created=moments[2])
    copied, written = both(all_time(row.account, period=Period(zone)))
    assert copied == written


def test_unknown_client_and_case(partner):
    make_transaction(partner, client_id=None, case_id=None)
    make_transaction(client=make_client(partner, external_tenant_id=None), case_id=None, fee=None)
    copied, written = both(all_time(partner))
    assert copied == written


def test_no_rows(partner):
    copied, written = both(all_time(partner))
    assert copied == written


def test_more_rows_than_come_first_in_every_order(partner):
    for number in range(3):
        client = make_client(partner, company_name=f"=Client {number}", creditor_id=UUID(int=number))
        rows = [(stage, Decimal(number), stage is Stage.PAID) for stage in Stage for _ in range(60)]
        bulk_transactions(client, rows)
    for sort in [sign + key for key in SORTS for sign in ("", "-")]:
        copied, written = both(all_time(partner, sort=sort))
        assert (sort, copied) == (sort, written)
        assert copied.count(b"\r\n") == 1 + 3 * 60 * len(Stage)


@pytest.mark.parametrize("q", ["Client 1", "50%", "'; --", "\\"])
def test_what_is_searched_for_is_no_part_of_the_statement(partner, q):
    make_transaction(client=make_client(partner, company_name="Client 1 '; -- 50% \\"))
    copied, written = both(all_time(partner, q=q, stages=(Stage.READY,)))
    assert copied == written
    assert copied.count(b"\r\n") == 2
