"""What a reader asks for: the query parameters of pages, exports and API, read once and checked here.

Names: from, to, period, tz, stage, client, partner, q, sort, page, page_size (and `state` for clients; `state`, `after` and
`before` for cases). A filter says what it filters; the selectors in revenue/selectors/ answer it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.http import QueryDict

from accounts.access import Asker, Seat, Sight, Sights, sight_of
from partners.models import Client, PartnerAccount
from revenue import parameters
from revenue.models import PRESENT, Transaction
from revenue.parameters import DEFAULT_PAGE_SIZE, FilterError, Reader
from revenue.periods import Period
from revenue.search import matching_transactions
from revenue.stages import Stage

__all__ = [
    "CaseFilter",
    "ClientFilter",
    "FilterError",
    "OwnCaseFilter",
    "PageFilter",
    "RevenueFilter",
    "parse_case_filter",
    "parse_client_filter",
    "parse_filter",
    "parse_own_case_filter",
    "parse_page_filter",
]

DEFAULT_SORT = "-payment_date"
# What transactions can be sorted by (revenue.selectors.orders); "-" before the key turns the order round.
SORTS = ("payment_date", "fee", "client", "case", "stage", "amount", "first_seen")
CLIENT_SORTS = ("name", "fee", "cases", "earnings", "difference", "linked")
DEFAULT_CLIENT_SORT = "name"
CLIENT_STATES = ("active", "archived", "all")
CASE_SORTS = ("created", "reference")
DEFAULT_CASE_SORT = "-created"
# What `state` says for cases that wait to be activated, and for those of which Debitura has not told the state yet.
UNKNOWN_STATE = "unknown"


class Addressed:
    """What an address asks for, and the addresses beside it."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing of what may be seen is left out."""
        return True

    def query(self, **changes: object) -> str:
        """The query string of this filter, without "?"; as `pairs`."""
        return urlencode(self.pairs(**changes))

    def pairs(self, **changes: object) -> list[tuple[str, str]]:
        """The parameters of this filter, with `changes` by parameter name; "" and None drop one.

        Only values that differ from the default stand in it. Any change but that of the page leads to the first page; a
        change of the days drops the preset and the other way round.
        """
        values = self._parameters()
        if set(changes) - {"page"}:
            values["page"] = ""
        if changes.get("period"):
            values |= {"from": "", "to": ""}
        if changes.get("from") or changes.get("to"):
            values["period"] = ""
        pairs = ((name, _texts(value)) for name, value in (values | changes).items())
        return [(name, text) for name, texts in pairs for text in texts]

    def _parameters(self) -> dict[str, object]:
        """Every parameter that is not at its default, by name; "" for one that is."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class PageFilter(Addressed):
    """One page of something that belongs to an account, for somebody who sees no more of it than `sight` says.

    is_default_account: whether `account` is the one that a link without `partner` means.
    """

    sight: Sight
    page: int = 1
    page_size: int = DEFAULT_PAGE_SIZE
    is_default_account: bool = True

    @property
    def account(self) -> PartnerAccount:
        return self.sight.account

    def _parameters(self) -> dict[str, object]:
        """Every parameter that is not at its default, by name; "" for one that is."""
        return {
            "partner": "" if self.is_default_account else self.account.slug,
            **self._own_parameters(),
            "page_size": "" if self.page_size == DEFAULT_PAGE_SIZE else self.page_size,
            "page": "" if self.page == 1 else self.page,
        }

    def _own_parameters(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, kw_only=True)
class RevenueFilter(PageFilter):
    """Which transactions are asked for. Only rows that Debitura still lists are ever among them.

    preset: the key of revenue.periods.PRESETS that `period` came from, "" where from and to were given.
    home_zone: the asker's own zone; `period.zone` differs where `tz` was given.
    """

    period: Period
    stages: tuple[Stage, ...] = ()
    client: Client | None = None
    q: str = ""
    sort: str = DEFAULT_SORT
    preset: str = ""
    home_zone: ZoneInfo | None = None

    def rows(self) -> QuerySet[Transaction]:
        """The rows that match, in no order."""
        # What a search finds is of the account: to ask for that again would let SQLite read the account to look for it.
        found = matching_transactions(self.sight, self.q) if self.q else Q(account=self.account)
        rows = Transaction.objects.filter(PRESENT, found)
        if (start := self.period.start) is not None:
            rows = rows.filter(payment_date__gte=start)
        if (end := self.period.end) is not None:
            rows = rows.filter(payment_date__lt=end)
        if self.stages:
            rows = rows.filter(stage__in=self.stages)
        return rows if self.owners is None else rows.filter(of_owners(self.owners))

    @property
    def owners(self) -> tuple[int, ...] | None:
        """The primary keys of the only clients whose rows are asked for; None: every row, also those that name no client."""
        return self.sight.clients if self.client is None else (self.client.pk,)

    @property
    def is_everything(self) -> bool:
        return not (self.period.first or self.period.last or self.stages or self.client or self.q)

    def every_stage(self) -> RevenueFilter:
        """The same filter without its stages."""
        return replace(self, stages=())

    def _own_parameters(self) -> dict[str, object]:
        first, last = ("", "") if self.preset else (self.period.first, self.period.last)
        return {
            "period": self.preset,
            "from": first,
            "to": last,
            "tz": "" if self.period.zone == self.home_zone else self.period.zone.key,
            "stage": self.stages,
            "client": self.client.creditor_id if self.client else "",
            "q": self.q,
            "sort": "" if self.sort == DEFAULT_SORT else self.sort,
        }


@dataclass(frozen=True, kw_only=True)
class ClientFilter(PageFilter):
    """Which clients are asked for. `state`: active (listed by Debitura), archived or all."""

    q: str = ""
    sort: str = DEFAULT_CLIENT_SORT
    state: str = "active"

    @property
    def is_everything(self) -> bool:
        return not self.q

    def _own_parameters(self) -> dict[str, object]:
        return {
            "state": "" if self.state == "active" else self.state,
            "q": self.q,
            "sort": "" if self.sort == DEFAULT_CLIENT_SORT else self.sort,
        }


@dataclass(frozen=True, kw_only=True)
class CaseFilter(PageFilter):
    """Which cases are asked for. state: as partners.debitura.records.state_key writes it, UNKNOWN_STATE, or "" for every one.

    A page is told by a case beside it, not by its number: the one `after` that case in the order of the list, or `before`
    it (primary keys); without either it is the first page.
    """

    q: str = ""
    sort: str = DEFAULT_CASE_SORT
    state: str = ""
    client: Client | None = None
    after: int | None = None
    before: int | None = None

    def _own_parameters(self) -> dict[str, object]:
        # Without the page: any other change leads to the first one.
        return {
            "state": self.state,
            "client": self.client.creditor_id if self.client else "",
            "q": self.q,
            "sort": "" if self.sort == DEFAULT_CASE_SORT else self.sort,
        }


@dataclass(frozen=True, kw_only=True)
class OwnCaseFilter(Addressed):
    """Which of their own cases the people of clients ask for. As CaseFilter, of the clients of `seats` alone.

    client: a seat at the only one that is asked for; there may be another seat at it, where two partners have referred it.
    """

    seats: tuple[Seat, ...]
    q: str = ""
    sort: str = DEFAULT_CASE_SORT
    state: str = ""
    client: Seat | None = None
    after: int | None = None
    before: int | None = None
    page_size: int = DEFAULT_PAGE_SIZE

    @property
    def asked(self) -> tuple[Seat, ...]:
        """The seats at the clients whose cases are asked for."""
        chosen = self.client
        return tuple(seat for seat in self.seats if chosen is None or seat.creditor_id == chosen.creditor_id)

    @property
    def owners(self) -> tuple[int, ...]:
        """The primary keys of these clients."""
        return tuple(seat.client for seat in self.asked)

    def _parameters(self) -> dict[str, object]:
        return {
            "state": self.state,
            "client": self.client.creditor_id if self.client else "",
            "q": self.q,
            "sort": "" if self.sort == DEFAULT_CASE_SORT else self.sort,
            "page_size": "" if self.page_size == DEFAULT_PAGE_SIZE else self.page_size,
        }


def of_owners(owners: tuple[int, ...]) -> Q:
    """Rows of these clients (primary keys)."""
    # One by "=": an index then has its order, too.
    return Q(client=owners[0]) if len(owners) == 1 else Q(client__in=owners)


def parse_filter(params: QueryDict, *, asker: Asker, now: datetime, seen: Sights = None) -> RevenueFilter:
    """The filter that the query parameters mean for `asker` at `now`; without any: all time, in the asker's own zone.

    `seen`: as in `sight_of`. Raises FilterError with every wrong field at once, UnknownAccount for a `partner` of which
    nothing may be seen, and NoAccount where there is no other.
    """
    sight, is_default = sight_of(params, asker=asker, seen=seen)
    read = Reader(params)
    home = parameters.home_zone(asker)
    zone = read.zone(home)
    period, preset = read.period(zone, now)
    found = RevenueFilter(
        sight=sight,
        period=period,
        preset=preset,
        stages=read.stages(),
        client=read.client(sight),
        q=read.search(),
        sort=read.sort(SORTS, default=DEFAULT_SORT),
        page=read.page(),
        page_size=read.page_size(),
        home_zone=home,
        is_default_account=is_default,
    )
    read.raise_errors()
    return found


def parse_client_filter(params: QueryDict, *, asker: Asker, seen: Sights = None) -> ClientFilter:
    """The filter of a list of clients. Takes and raises what `parse_filter` does."""
    sight, is_default = sight_of(params, asker=asker, seen=seen)
    read = Reader(params)
    found = ClientFilter(
        sight=sight,
        q=read.search(),
        sort=read.sort(CLIENT_SORTS, default=DEFAULT_CLIENT_SORT),
        page=read.page(),
        page_size=read.page_size(),
        state=read.choice("state", CLIENT_STATES, default="active"),
        is_default_account=is_default,
    )
    read.raise_errors()
    return found


def parse_case_filter(params: QueryDict, *, asker: Asker, seen: Sights = None) -> CaseFilter:
    """The filter of a list of cases. Takes and raises what `parse_filter` does."""
    sight, is_default = sight_of(params, asker=asker, seen=seen)
    read = Reader(params)
    found = CaseFilter(
        sight=sight,
        q=read.search(),
        sort=read.sort(CASE_SORTS, default=DEFAULT_CASE_SORT),
        state=read.text("state"),
        client=read.client(sight),
        after=read.key("after"),
        before=read.key("before"),
        page_size=read.page_size(),
        is_default_account=is_default,
    )
    read.raise_errors()
    return found


def parse_own_case_filter(params: QueryDict, *, seats: tuple[Seat, ...]) -> OwnCaseFilter:
    """The filter of the list of their own cases for the people of these clients. Raises FilterError."""
    read = Reader(params)
    found = OwnCaseFilter(
        seats=seats,
        q=read.search(),
        sort=read.sort(CASE_SORTS, default=DEFAULT_CASE_SORT),
        state=read.text("state"),
        client=read.own_client(seats),
        after=read.key("after"),
        before=read.key("before"),
        page_size=read.page_size(),
    )
    read.raise_errors()
    return found


def parse_page_filter(params: QueryDict, *, asker: Asker) -> PageFilter:
    """A page of whatever an account has. Raises as `parse_filter` does."""
    sight, is_default = sight_of(params, asker=asker)
    read = Reader(params)
    found = PageFilter(sight=sight, page=read.page(), page_size=read.page_size(), is_default_account=is_default)
    read.raise_errors()
    return found


def _texts(value: Any) -> Iterable[str]:
    if value is None or value == "":
        return ()
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return [str(value)]
