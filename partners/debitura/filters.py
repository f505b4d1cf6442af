"""What to ask GET /reporting/transactions for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .records import CommissionStatus, PlatformStatus, ReferralStatus

Parameters = list[tuple[str, str]]

_COMMISSION = tuple(CommissionStatus)
_PLATFORM = tuple(PlatformStatus)
_REFERRAL = tuple(ReferralStatus)


@dataclass(frozen=True, slots=True)
class TransactionFilters:
    """Everything is optional and narrows the rows; sequences mean "any of these".

    paid_from, paid_before: aware; half-open on the payment date, [from, before).
    stages: the provider's numbers 0 Pending … 5 Paid, 6 Disputed; they narrow the rows but not `summary`.
    search: part of a case reference or of a client's name, 2 characters or more.
    """

    paid_from: datetime | None = None
    paid_before: datetime | None = None
    external_tenant_id: str | None = None
    has_recognized_revenue: bool | None = None
    referral_statuses: Sequence[ReferralStatus] = ()
    commission_statuses: Sequence[CommissionStatus] = ()
    platform_statuses: Sequence[PlatformStatus] = ()
    stages: Sequence[int] = ()
    search: str = ""
    country_ids: Sequence[int] = ()
    collection_partner_ids: Sequence[str] = ()

    def parameters(self) -> Parameters:
        """The query, as pairs; raises ValueError for a naive datetime."""
        single = [
            ("FromDate", None if self.paid_from is None else first_instant(self.paid_from)),
            ("ToDate", None if self.paid_before is None else last_instant(self.paid_before)),
            ("ExternalTenantId", self.external_tenant_id),
            ("HasRecognizedRevenue", _flag(self.has_recognized_revenue)),
            ("Search", self.search or None),
        ]
        many: list[tuple[str, Sequence[object]]] = [
            ("ReferralInvoicingStatuses", [_REFERRAL.index(status) for status in self.referral_statuses]),
            ("CommissionPaymentStatuses", [_COMMISSION.index(status) for status in self.commission_statuses]),
            ("PlatformInvoicingStatuses", [_PLATFORM.index(status) for status in self.platform_statuses]),
            ("RevenueStages", self.stages),
            ("CountryIds", self.country_ids),
            ("CollectionPartnerIds", self.collection_partner_ids),
        ]
        pairs = [(name, value) for name, value in single if value is not None]
        return pairs + [(name, str(value)) for name, values in many for value in values]


NO_FILTERS = TransactionFilters()


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def first_instant(moment: datetime) -> str:
    """The instant as the API's FromDate, which includes it."""
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%S.%f}0Z"


def last_instant(before: datetime) -> str:
    """The API's ToDate, which is inclusive, for everything before `before`.

    Debitura's clock ticks in 100 ns: one tick earlier, not one microsecond, leaves no gap between windows.
    """
    return f"{_utc(before) - timedelta(microseconds=1):%Y-%m-%dT%H:%M:%S.%f}9Z"


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("A window of payment dates needs aware datetimes.")
    return moment.astimezone(UTC)
