"""GET /reporting/transactions: filters, order, pages and the summary."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from operator import attrgetter
from typing import Any

from sandbox import rendering
from sandbox.memo import Memo
from sandbox.places import COUNTRIES
from sandbox.query import Query
from sandbox.records import Payment
from sandbox.replies import Listing, paged
from sandbox.rules import COMMISSION, PLATFORM, REFERRAL, STAGES, stage_of
from sandbox.world import World

_CENT = Decimal("0.01")
_moment = attrgetter("moment")
Test = Callable[[Payment], bool]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request asks for. Bounds are inclusive ticks; an empty set or None does not filter."""

    first: int | None = None
    last: int | None = None
    tenant: str | None = None
    recognised: bool | None = None
    referral: frozenset[int] = frozenset()
    commission: frozenset[int] = frozenset()
    platform: frozenset[int] = frozenset()
    stages: frozenset[int] = frozenset()
    search: str | None = None
    countries: frozenset[int] = frozenset()
    partners: frozenset[int] = frozenset()

    @classmethod
    def read(cls, query: Query) -> "Filters":
        """Raises Refused (400) for a value that the API would not take."""
        return cls(
            first=query.moment("FromDate"),
            last=query.moment("ToDate"),
            tenant=query.text("ExternalTenantId"),
            recognised=query.flag("HasRecognizedRevenue"),
            referral=query.numbers("ReferralInvoicingStatuses", len(REFERRAL)),
            commission=query.numbers("CommissionPaymentStatuses", len(COMMISSION)),
            platform=query.numbers("PlatformInvoicingStatuses", len(PLATFORM)),
            stages=query.numbers("RevenueStages", len(STAGES)),
            search=query.search("Search"),
            countries=query.numbers("CountryIds"),
            partners=query.numbers("CollectionPartnerIds"),
        )

    def tests(self, mode: str) -> list[Test]:
        """One test for each filter in use, dates apart; a row must pass them all."""
        found: list[Test] = []
        if self.tenant is not None:
            found.append(lambda p: p.client.external_tenant_id == self.tenant)
        if self.recognised is not None:
            found.append(lambda p: p.is_estimate is not self.recognised)
        if self.search is not None:
            found.append(lambda p: _mentions(p, self.search or ""))
        if self.countries:
            found.append(lambda p: COUNTRIES[p.case.debtor_country][0] in self.countries)
        if self.partners:
            found.append(lambda p: p.case.collection_partner_id in self.partners)
        return found + self._status_tests(mode)

    def _status_tests(self, mode: str) -> list[Test]:
        found: list[Test] = []
        if self.commission:
            commission = {COMMISSION[number] for number in self.commission}
            found.append(lambda p: p.commission in commission)
        if self.platform:
            platform = {PLATFORM[number] for number in self.platform}
            found.append(lambda p: p.platform in platform)
        if self.referral:
            referral = {REFERRAL[number] for number in self.referral}
            found.append(lambda p: (p.referral or "Pending") in referral)
        if self.stages:
            found.append(lambda p: stage_of(p.commission, p.platform, p.referral, mode) in self.stages)
        return found


def _mentions(payment: Payment, part: str) -> bool:
    return part in payment.case.reference.casefold() or part in payment.client.company_name.casefold()


class Transactions:
    """The endpoint over one world. Call it under the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._by_date: Memo[list[Payment]] = Memo(1)
        self._rows: Memo[Sequence[Payment]] = Memo(12)
        self._summaries: Memo[dict[str, Any]] = Memo(200)

    def page(self, query: Query) -> Listing:
        """Raises Refused (400) for a bad parameter."""
        filters = Filters.read(query)
        sort = query.sort(("collectionDate", "amount"), "collectionDate:desc")
        number, size = query.whole("Page", 1), query.whole("PageSize", 10, most=100)
        rows = self._rows.get(self.world.shape, (filters, sort), lambda: self._select(filters, *sort))
        shown = rows[(number - 1) * size : number * size]
        return paged("data", map(rendering.transaction, shown), self._summary(filters), len(rows), number, size)

    def _summary(self, filters: Filters) -> dict[str, Any]:
        """Over every filter except the stages'."""
        wide = replace(filters, stages=frozenset())
        return self._summaries.get(self.world.version, wide, lambda: summary(self._filter(wide), self.world.mode))

    def _select(self, filters: Filters, by: str, descending: bool) -> Sequence[Payment]:
        rows = self._filter(filters)
        if by == "amount":
            rows = sorted(rows, key=lambda p: (p.amount, p.id.int))
        return rows[::-1] if descending else rows

    def _filter(self, filters: Filters) -> list[Payment]:
        """The rows of the filters, the earliest payment first."""
        order = self._by_date.get(self.world.shape, None, self._order)
        start = 0 if filters.first is None else bisect_left(order, filters.first, key=_moment)
        stop = len(order) if filters.last is None else bisect_right(order, filters.last, key=_moment)
        rows = order[start:stop]
        for test in filters.tests(self.world.mode):
            rows = [payment for payment in rows if test(payment)]
        return rows

    def _order(self) -> list[Payment]:
        return sorted(self.world.payments, key=lambda p: (p.moment, p.id.int))


def summary(rows: Iterable[Payment], mode: str) -> dict[str, Any]:
    """The seven buckets and the platform's own revenue, in USD.

    Rounded to the cent only here, and half to even: half of the guide's 335.21 of revenue is its 167.60.
    """
    fees, counts = [Decimal(0)] * len(STAGES), [0] * len(STAGES)
    revenue = Decimal(0)
    for row in rows:
        revenue += row.revenue_usd
        stage = stage_of(row.commission, row.platform, row.referral, mode)
        if stage is not None:
            fees[stage] += row.fee_usd
            counts[stage] += 1
    buckets: dict[str, Any] = {}
    for name, fee, count in zip(STAGES, fees, counts, strict=True):
        buckets |= {f"{name}ReferralFeeUsd": cents(fee), f"{name}Count": count}
    return {"revenue": buckets, "totalDebituraRevenueUsd": cents(revenue)}


def cents(amount: Decimal) -> Decimal:
    """A sum in USD, to the cent."""
    return amount.quantize(_CENT, ROUND_HALF_EVEN)
