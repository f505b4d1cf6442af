"""Clients with what they earned: the list, and the top of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import starmap
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Expression
from django.db.models.functions import Abs, Coalesce, Lower

from accounts.access import Sight
from partners.containing import containing
from partners.fields import ExactDecimalField, ExactSum, NumericOrder, add_exactly
from partners.models import Client
from revenue.filters import ClientFilter, RevenueFilter
from revenue.models import PRESENT, KeptTotal, Transaction
from revenue.money import cents
from revenue.parameters import DEFAULT_PAGE_SIZE
from revenue.periods import Period
from revenue.selectors import kept
from revenue.selectors.entries import ordered
from revenue.selectors.kept import ZERO, Groups, OwnerSum, Sum
from revenue.selectors.paging import Paged, Window
from revenue.selectors.totals import ListTotal, StageTotal, Totals, totals_of
from revenue.selectors.trends import Fee
from revenue.stages import Stage

# To sort by.
_LISTED_FEES = Coalesce(
    Subquery(
        KeptTotal.objects.filter(account=OuterRef("account"), grain=KeptTotal.Grain.EVER, owner=OuterRef("pk"))
        .values("owner")
        .annotate(total=ExactSum("fee_usd"))
        .values("total")
    ),
    ZERO,
    output_field=ExactDecimalField(),
)


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client and the totals of all its payments, whenever they were made (USD, exact)."""

    client: Client
    totals: Totals

    @property
    def difference_usd(self) -> Decimal | None:
        """What Debitura says that the client earned the partner, less our sum; rounded to the cent, None where it is unknown.

        Our sum is over every row that Debitura lists, disputed ones and those outside every stage included: the contract
        gives `earningsUsd` without any condition. Anything but 0.00 is a finding.
        """
        theirs = self.client.earnings_usd
        return None if theirs is None else cents(add_exactly(theirs, self.totals.fee_usd.copy_negate()))

    @property
    def open_cases(self) -> int | None:
        """As Debitura counts them; None where it does not say."""
        total, closed = self.client.cases_total, self.client.cases_closed
        return None if total is None or closed is None else max(total - closed, 0)

    @property
    def paid(self) -> StageTotal:
        """What has reached the partner."""
        return self.totals.of(Stage.PAID)

    @property
    def is_finding(self) -> bool:
        """Whether the two sums are known to differ."""
        return bool(self.difference_usd)


@dataclass(frozen=True)
class ClientPage(Paged):
    """One page of clients."""

    rows: list[ClientRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopClient(ListTotal):
    """A client's part of a list; for the rows that name none, `creditor_id` is None and the name empty."""

    creditor_id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Mover:
    """A client's fees in a period and in the one before; the name is empty for the rows that name no client."""

    name: str
    fee: Fee
    before: Fee


@dataclass(frozen=True, slots=True)
class Onboarding:
    """Clients by onboarding; one of which Debitura does not tell it is in neither."""

    done: int
    waiting: int
    new: int


def client_rows(
    sight: Sight,
    *,
    q: str = "",
    sort: str = "name",
    page: int = 1,
    page_size: int = DEFAULT_PAGE_SIZE,
    state: str = "active",
) -> ClientPage:
    """One page of the clients that may be seen. Three queries. Raises PageNotFound behind the last page."""
    f = ClientFilter(sight=sight, q=q, sort=sort, page=page, page_size=page_size, state=state)
    clients = matching(f)
    window = Window(number=page, size=page_size, count=clients.count())
    return ClientPage(rows=with_totals(list(in_order(clients, sort)[window.slice])), window=window)


def matching(f: ClientFilter) -> QuerySet[Client]:
    """The clients of a filter, in no order."""
    clients = Client.objects.filter(f.sight.of_clients("pk"), account=f.account).defer("raw")
    if f.state != "all":
        clients = clients.filter(archived_at__isnull=f.state == "active")
    return clients.filter(_named(f.q)) if f.q else clients


def in_order(clients: QuerySet[Client], sort: str) -> QuerySet[Client]:
    """`clients` by a key of filters.CLIENT_SORTS, "-" before it for the other direction; equal ones stand by id."""
    descending = sort.startswith("-")
    if sort.removeprefix("-") in ("fee", "difference"):
        clients = clients.alias(listed_fee=_LISTED_FEES)
    order = ordered(_sort_expression(sort.removeprefix("-")), descending=descending)
    return clients.order_by(order, "-pk" if descending else "pk")


def with_totals(clients: list[Client]) -> list[ClientRow]:
    """`clients` with their totals, in the same order. One query."""
    lines = KeptTotal.objects.filter(
        account__in={client.account_id for client in clients},
        grain=KeptTotal.Grain.EVER,
        owner__in=[client.pk for client in clients],
    )
    groups: dict[int, Groups] = defaultdict(dict)
    for owner, stage, estimate, *figures in lines.values_list(
        "owner", "stage", "is_estimate", "fee_usd", "revenue_usd", "rows"
    ):
        key = Stage(stage), estimate
        groups[owner][key] = groups[owner].get(key, Sum()).plus(Sum(*figures))
    return [ClientRow(client, totals_of(groups[client.pk])) for client in clients]


def last_payments(clients: Iterable[Client]) -> dict[int, datetime]:
    """When a debtor of each of these clients last paid (UTC), by primary key; without those who were never paid. One query."""
    payments = Transaction.objects.filter(PRESENT, client=OuterRef("pk")).order_by("-payment_date", "-pk")
    rows = Client.objects.filter(pk__in=[client.pk for client in clients]).order_by()
    last = rows.annotate(paid=Subquery(payments.values("payment_date")[:1])).values_list("pk", "paid")
    return {key: paid for key, paid in last if paid is not None}


def top_clients(f: RevenueFilter, limit: int = 8) -> list[TopClient]:
    """The clients with the largest fees of everything that matches, the largest first. One query."""
    return [
        TopClient(
            creditor_id=total.creditor_id,
            name=total.company_name or str(total.creditor_id or ""),
            fee_usd=total.fee_usd,
            count=total.rows,
            estimate_fee_usd=total.estimate_fee_usd,
            estimate_count=total.estimate_rows,
        )
        for total in (_largest_found(f, limit) if f.q else kept.largest_owners(f, limit))
    ]


def movers(f: RevenueFilter, before: Period, limit: int) -> list[Mover]:
    """The clients whose fees differ most from those of the period `before`, for a filter without a search. One query."""
    return [
        Mover(
            name=change.company_name or str(change.creditor_id or ""),
            fee=Fee(change.fee_usd, change.estimate_fee_usd),
            before=Fee(change.before_usd, change.before_estimate_usd),
        )
        for change in kept.largest_changes(f, (before.start, before.end), limit)
    ]


def onboarding(sight: Sight, since: datetime) -> Onboarding:
    """How many of the clients that Debitura lists are where; and how many were linked `since` (UTC). One query."""
    clients = Client.objects.filter(sight.of_clients("pk"), account=sight.account, archived_at=None)
    counts = clients.aggregate(
        done=Count("pk", filter=Q(onboarding_done=True)),
        waiting=Count("pk", filter=Q(onboarding_done=False)),
        new=Count("pk", filter=Q(date_linked__gte=since)),
    )
    return Onboarding(**counts)


def _largest_found(f: RevenueFilter, limit: int) -> list[OwnerSum]:
    """As kept.largest_owners, from the rows that a search finds."""
    is_estimate = Q(is_estimate=True)
    sums = {
        "fee": ExactSum("fee_usd"),
        "rows": Count("pk"),
        "estimate": ExactSum("fee_usd", filter=is_estimate),
        "estimates": Count("pk", filter=is_estimate),
    }
    names = ("client__creditor_id", "client__company_name")
    owners = f.rows().order_by().values("client_id", *names).annotate(**sums)
    largest = owners.order_by(NumericOrder("fee").desc(), F("client_id").asc(nulls_first=True))
    return list(starmap(OwnerSum, largest.values_list(*names, *sums)[:limit]))


def client_of(sight: Sight, creditor_id: UUID) -> Client:
    """The client with Debitura's id. Raises Client.DoesNotExist, also for one that may not be seen."""
    return Client.objects.get(sight.of_clients("pk"), account=sight.account, creditor_id=creditor_id)


def _named(text: str) -> Q:
    """Clients whose name or externalTenantId holds `text`, or whose creditorId it is."""
    found = containing("company_name", text) | containing("external_tenant_id", text)
    try:
        return found | Q(creditor_id=UUID(text))
    except ValueError:
        return found


def _sort_expression(key: str) -> Expression | F:
    earnings, fee = NumericOrder("earnings_usd"), NumericOrder("listed_fee")
    keys: dict[str, Expression | F] = {
        "name": Lower("company_name"),
        "fee": fee,
        "cases": F("cases_total"),
        "earnings": earnings,
        "difference": Abs(earnings - fee),
        "linked": F("date_linked"),
    }
    return keys[key]
