"""What the people of clients see: their own cases and payments, and nothing else of what a pull brought.

Every question here is asked of the clients of somebody's seats (accounts.access.seats_of), and reads the columns that stand in
CASE_COLUMNS and PAYMENT_COLUMNS, which hold no fee, no reference of the partner's, and nothing as it came from Debitura. Two
statuses of a payment are read to say where it stands (revenue.payment_states), and are not handed on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, QuerySet

from accounts.access import Seat
from partners.fields import ExactSum, add_exactly
from partners.models import Case
from revenue.filters import OwnCaseFilter, of_owners
from revenue.models import PRESENT, PullRun, Transaction
from revenue.payment_states import PaymentState, payment_state
from revenue.search import naming
from revenue.selectors.case_walk import Place, Stretch, by_date, by_id, in_state, place_of, stretches
from revenue.selectors.orders import Order
from revenue.selectors.pulls import fresh_for

# So many are sorted at once, as in revenue.selectors.case_list.
FEW = 1_000
MOST_COUNTED = 10_000
MOST_STATES = 50
_CHUNK = 1000
# All that is ever read of a case and of a payment here, in the order of the fields of OwnCase and OwnPayment.
CASE_COLUMNS = (
    *("pk", "client", "reference", "client_reference", "debtor_name", "original_amount", "remainder", "currency"),
    *("lifecycle", "close_code", "collection_partner", "date_created"),
)
PAYMENT_COLUMNS = (
    *("client", "case__client", "case__reference", "case__client_reference", "case__debtor_name"),
    *("payment_date", "payment_amount", "payment_currency", "commission_status", "platform_status"),
)


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A case as its client's people see it. Times are UTC; amounts are in `currency`, None where they are unknown."""

    key: int
    company: str
    reference: str
    client_reference: str
    debtor_name: str
    amount: Decimal | None
    still_owed: Decimal | None
    currency: str
    state: str
    close_code: str
    collected_by: str
    created: datetime | None


@dataclass(frozen=True, slots=True)
class OwnPayment:
    """A payment as its client's people see it; `date` is UTC.

    Where Debitura names no case of theirs, be it that it says the case is somebody else's, its texts are empty.
    """

    company: str
    reference: str
    client_reference: str
    debtor_name: str
    date: datetime
    amount: Decimal | None
    currency: str
    state: PaymentState


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid in one currency: how often, and how much, as far as amounts are known; None where none is. Exact."""

    currency: str
    count: int
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class CurrencySums:
    """What was paid in one currency: in each state in which there is something, and in all of them."""

    total: Paid
    states: dict[PaymentState, Paid]

    @property
    def in_states(self) -> list[tuple[PaymentState, Paid | None]]:
        """Every state in its order; None where there is nothing in it."""
        return [(state, self.states.get(state)) for state in PaymentState]


@dataclass(frozen=True)
class OwnCasePage:
    """A page of cases, each with what was paid on it, by currency. The rest as in revenue.selectors.case_list.CaseListPage."""

    rows: list[tuple[OwnCase, list[Paid]]]
    sums: list[CurrencySums]
    count: int
    has_uncounted: bool
    first: int | None
    last: int | None
    states: list[str]


@dataclass(frozen=True, slots=True)
class OwnCaseDetails:
    """A case with its latest payments; `count` and `sums` are of all of them."""

    case: OwnCase
    payments: list[OwnPayment]
    count: int
    sums: list[CurrencySums]


@dataclass(frozen=True, slots=True)
class OwnFreshness:
    """As of when the figures are, where several partners' pulls bring them the oldest; None before all have brought some."""

    as_of: datetime | None
    is_stale: bool


def page_of_own_cases(f: OwnCaseFilter) -> OwnCasePage:
    """The page that the filter asks for. Raises PageNotFound for a place that is no case's.

    Ten queries at most; among more than FEW cases of several clients, up to three more for each client.
    """
    states = _states(f)
    matching = _matching(f, states)
    keys = list(matching.values_list("pk", flat=True)[: FEW + 1])
    is_few = len(keys) <= FEW
    count = len(keys) if is_few else matching[: MOST_COUNTED + 1].count()
    lists = [Case.objects.filter(pk__in=keys)] if is_few else [matching.filter(client=owner) for owner in f.owners]
    shown, has_before, has_after = _page(f, lists)
    paid = _paid_on(f.seats, shown)
    return OwnCasePage(
        rows=[(case, paid[case.key]) for case in _cases(f.seats, shown)],
        sums=_sums(_payments(f, states)),
        count=min(count, MOST_COUNTED),
        has_uncounted=count > MOST_COUNTED,
        first=shown[0] if shown and has_before else None,
        last=shown[-1] if shown and has_after else None,
        states=states,
    )


def own_case(seats: tuple[Seat, ...], reference: str, *, limit: int) -> OwnCaseDetails:
    """The case with Debitura's reference, with its latest `limit` payments. Three queries.

    Raises Case.DoesNotExist, for one that is somebody else's as for one that there is not.
    """
    # PostgreSQL refuses to look for a NUL character, and no case has an empty reference.
    is_askable = reference and "\0" not in reference
    found = _of(seats).filter(reference=reference).order_by("-pk") if is_askable else Case.objects.none()
    row = found.values_list(*CASE_COLUMNS).first()
    if row is None:
        raise Case.DoesNotExist
    case = _case(row, _companies(seats))
    payments = _payments_of(_keys(seats)).filter(case=case.key)
    sums = _sums(payments)
    latest = payments.order_by("-payment_date", "-pk").values_list(*PAYMENT_COLUMNS)[:limit]
    return OwnCaseDetails(
        case=case,
        payments=[_payment(row, _companies(seats)) for row in latest],
        count=sum(each.total.count for each in sums),
        sums=sums,
    )


def own_payments(f: OwnCaseFilter) -> Iterator[OwnPayment]:
    """The payments on the cases of a filter, the latest first, in constant memory; without conditions all."""
    rows = _payments(f, _states(f)).order_by("-payment_date", "-pk").values_list(*PAYMENT_COLUMNS)
    companies = _companies(f.seats)
    return (_payment(row, companies) for row in rows.iterator(chunk_size=_CHUNK))


def own_freshness(seats: tuple[Seat, ...], now: datetime) -> OwnFreshness:
    """How fresh the figures of these clients are at `now`. One query."""
    accounts = {seat.account for seat in seats}
    pulls = PullRun.objects.filter(account__in=accounts, as_of__isnull=False).order_by()
    known = pulls.values("account").annotate(latest=Max("as_of")).values_list("latest", flat=True)
    latest = [as_of for as_of in known if as_of]
    as_of = min(latest) if len(latest) == len(accounts) else None
    return OwnFreshness(as_of=as_of, is_stale=as_of is not None and now - as_of > fresh_for())


def _keys(seats: Iterable[Seat]) -> tuple[int, ...]:
    return tuple(seat.client for seat in seats)


def _companies(seats: Iterable[Seat]) -> dict[int, str]:
    return {seat.client: seat.company for seat in seats}


def _of(seats: Iterable[Seat]) -> QuerySet[Case]:
    """Every case of these clients, in no order."""
    return Case.objects.filter(of_owners(_keys(seats)))


def _states(f: OwnCaseFilter) -> list[str]:
    """The states of every case of the reader's own, as Debitura writes them, sorted; those of others are none of theirs."""
    return list(_of(f.seats).order_by("lifecycle").values_list("lifecycle", flat=True).distinct()[:MOST_STATES])


def _matching(f: OwnCaseFilter, states: list[str]) -> QuerySet[Case]:
    """The cases of a filter, in no order."""
    cases = Case.objects.filter(of_owners(f.owners))
    cases = cases.filter(naming(f.q)) if f.q else cases
    return in_state(cases, f.state, states) if f.state else cases


def _page(f: OwnCaseFilter, lists: list[QuerySet[Case]]) -> tuple[list[int], bool, bool]:
    """The primary keys of the page of all `lists` together, and whether there are others before and after them."""
    backwards = f.before is not None
    order = _order(f.sort)
    beside = place_of(_of(f.seats), f.after if f.before is None else f.before, order)
    found = _first(order, lists, beside, f.page_size + 1, backwards=backwards)
    has_more, found = len(found) > f.page_size, found[: f.page_size]
    return (found[::-1], has_more, True) if backwards else (found, f.after is not None, has_more)


def _order(sort: str) -> Order:
    """By date, or by reference as it stands, for which each client has an index; equal ones stand by id."""
    descending = sort.startswith("-")
    if sort.removeprefix("-") == "reference":
        return Order(F("reference"), by_id(descending=descending), descending)
    return by_date(descending=descending)


def _first(
    order: Order, lists: list[QuerySet[Case]], beside: Place | None, limit: int, *, backwards: bool
) -> list[int]:
    """The first `limit` primary keys of several lists in one order."""
    found: list[int] = []
    walks = [stretches(order, rows, beside, backwards=backwards) for rows in lists]
    for parts in zip(*walks, strict=True):
        found += _first_of(parts, limit - len(found))
        if len(found) == limit:
            break
    return found


def _first_of(parts: Sequence[Stretch], limit: int) -> list[int]:
    """Those of the same stretch of each list: each is walked along an index of its own, and what it gives is sorted."""
    keys = [key for part in parts for key in part.in_order().values_list("pk", flat=True)[:limit]]
    if len(parts) == 1:
        return keys
    gathered = parts[0]._replace(rows=Case.objects.filter(pk__in=keys))
    return list(gathered.in_order().values_list("pk", flat=True)[:limit])


def _cases(seats: Iterable[Seat], keys: list[int]) -> list[OwnCase]:
    """The cases with these primary keys, in their order."""
    companies = _companies(seats)
    found = {row[0]: _case(row, companies) for row in Case.objects.filter(pk__in=keys).values_list(*CASE_COLUMNS)}
    return [found[key] for key in keys]


def _case(row: tuple[Any, ...], companies: dict[int, str]) -> OwnCase:
    key, client, *rest = row
    return OwnCase(key, companies[client], *rest)


def _payment(row: tuple[Any, ...], companies: dict[int, str]) -> OwnPayment:
    client, of_client, reference, client_reference, debtor, date, amount, currency, commission, platform = row
    if of_client not in companies:
        reference, client_reference, debtor = "", "", ""
    state = payment_state(commission=commission, platform=platform)
    return OwnPayment(companies[client], reference, client_reference, debtor, date, amount, currency, state)


def _payments_of(owners: tuple[int, ...]) -> QuerySet[Transaction]:
    """The payments to these clients."""
    return Transaction.objects.filter(PRESENT, of_owners(owners))


def _payments(f: OwnCaseFilter, states: list[str]) -> QuerySet[Transaction]:
    """Those on the cases of a filter; without conditions also those on no case of theirs."""
    payments = _payments_of(f.owners)
    return payments.filter(case__in=_matching(f, states)) if f.q or f.state else payments


def _paid_on(seats: Iterable[Seat], keys: list[int]) -> dict[int, list[Paid]]:
    """What was paid on each of these cases, by currency."""
    found: dict[int, list[Paid]] = defaultdict(list)
    rows = _payments_of(_keys(seats)).filter(case__in=keys)
    for (key, currency), count, amount in _grouped(rows, "case", "payment_currency"):
        found[key].append(Paid(currency, count, amount))
    return found


def _sums(payments: QuerySet[Transaction]) -> list[CurrencySums]:
    """What was paid, by currency and state. One query."""
    found: dict[str, dict[PaymentState, list[Paid]]] = defaultdict(lambda: defaultdict(list))
    groups = _grouped(payments, "payment_currency", "commission_status", "platform_status")
    for (currency, commission, platform), count, amount in groups:
        state = payment_state(commission=commission, platform=platform)
        found[currency][state].append(Paid(currency, count, amount))
    return [_currency_sums(currency, found[currency]) for currency in sorted(found)]


def _currency_sums(currency: str, parts: dict[PaymentState, list[Paid]]) -> CurrencySums:
    states = {state: _together(currency, parts[state]) for state in PaymentState if state in parts}
    return CurrencySums(_together(currency, states.values()), states)


def _together(currency: str, parts: Iterable[Paid]) -> Paid:
    """Several sums of one currency as one."""
    amount: Decimal | None = None
    count = 0
    for part in parts:
        count += part.count
        amount = part.amount if amount is None else amount if part.amount is None else add_exactly(amount, part.amount)
    return Paid(currency, count, amount)


def _grouped(rows: QuerySet[Transaction], *names: str) -> Iterator[tuple[tuple[Any, ...], int, Decimal | None]]:
    """How many payments there are and how much was paid, by the named columns, sorted by them. One query."""
    sums = {"paid": ExactSum("payment_amount"), "known": Count("payment_amount"), "rows": Count("pk")}
    for *key, paid, known, count in rows.order_by(*names).values_list(*names).annotate(**sums):
        yield tuple(key), count, paid if known else None
