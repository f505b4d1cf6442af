"""From filters to the query."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.debitura.fields import moment
from partners.debitura.filters import NO_FILTERS, TransactionFilters
from partners.debitura.records import CommissionStatus, PlatformStatus, ReferralStatus


def test_no_filters_ask_for_everything():
    assert NO_FILTERS.parameters() == []


def test_every_filter_has_its_parameter():
    filters = TransactionFilters(
        paid_from=datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        paid_before=datetime(2026, 2, 1, tzinfo=UTC),
        external_tenant_id="",
        has_recognized_revenue=False,
        referral_statuses=(ReferralStatus.PENDING, ReferralStatus.DISPUTED),
        commission_statuses=(CommissionStatus.CREDITED,),
        platform_statuses=(PlatformStatus.INVOICE_CREDITED,),
        stages=(0, 6),
        search="Q8",
        country_ids=(45,),
        collection_partner_ids=("a",),
    )
    assert filters.parameters() == [
        ("FromDate", "2026-01-01T00:00:00.0000000Z"),
        ("ToDate", "2026-01-31T23:59:59.9999999Z"),
        ("ExternalTenantId", ""),
        ("HasRecognizedRevenue", "false"),
        ("Search", "Q8"),
        ("ReferralInvoicingStatuses", "0"),
        ("ReferralInvoicingStatuses", "3"),
        ("CommissionPaymentStatuses", "2"),
        ("PlatformInvoicingStatuses", "3"),
        ("RevenueStages", "0"),
        ("RevenueStages", "6"),
        ("CountryIds", "45"),
        ("CollectionPartnerIds", "a"),
    ]


def test_naive_window_is_refused():
    with pytest.raises(ValueError, match=r"^A window of payment dates needs aware datetimes\.$"):
        TransactionFilters(paid_from=datetime(2026, 1, 1)).parameters()  # noqa: DTZ001


naive = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001


@given(naive.map(lambda moment: moment.replace(tzinfo=UTC)))
def test_two_windows_meet_without_gap_or_overlap(border):
    last = dict(TransactionFilters(paid_before=border).parameters())["ToDate"]
    first = dict(TransactionFilters(paid_from=border).parameters())["FromDate"]
    assert moment(first, "first") == border
    assert moment(last, "last") == border - timedelta(microseconds=1)
    assert (last[-2], first[-2]) == ("9", "0")  # the tick of 100 ns, which moment() cuts off
