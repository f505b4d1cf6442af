"""GET /clients, /cases and /me."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox import rendering
from sandbox.memo import Memo
from sandbox.query import Query
from sandbox.records import SandboxCase, SandboxClient, ticks
from sandbox.replies import Listing, Reply, paged, to_json
from sandbox.transactions import cents
from sandbox.world import World


@dataclass(slots=True)
class CaseStats:
    """Of one client: its cases, and the sum of its fees over all of its rows in USD, not yet rounded."""

    total: int = 0
    closed: int = 0
    earnings: Decimal = Decimal(0)


class Directory:
    """The endpoints over one world. Call them under the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._stats: Memo[dict[SandboxClient, CaseStats]] = Memo(1)
        self._cases: Memo[list[SandboxCase]] = Memo(6)
        self._summary: Memo[dict[str, Any]] = Memo(1)

    def me(self) -> Reply:
        body = {
            "id": str(UUID(int=self.world.seed, version=4)),
            "companyName": "Sandbox Referrals ApS",
            "shortName": "Sandbox",
            "contactEmail": "partner@sandbox.example",
            "externalSystemId": f"sandbox-{self.world.seed}",
            "referralFeePercentage": Decimal("50.0"),
            "isActive": True,
            "isPublicDemo": False,
            "logoUrl": None,
            "backgroundColorCode": "#0F2A43",
            "fontColor": "#FFFFFF",
            "fontFamily": None,
            "invoicingTriggerMode": self.world.mode,
        }
        return Reply(200, to_json(body).encode())

    def clients(self, query: Query) -> Listing:
        """Archived links are not listed; the summary is over all the others, whatever the filters."""
        wanted = _client_filter(query)
        by, descending = query.sort(("dateCreated", "name"), "dateCreated:desc")
        number, size = query.whole("Page", 1), query.whole("PageSize", 50, most=100)
        listed = [client for client in self.world.clients if not client.archived]
        found = sorted(
            (client for client in listed if wanted(client)),
            key=lambda c: (c.company_name.casefold() if by == "name" else c.date_linked, c.id.int),
            reverse=descending,
        )
        stats = self._stats.get(self.world.version, None, self._case_stats)
        shown = found[(number - 1) * size : number * size]
        rows = (_client_row(client, stats[client]) for client in shown)
        return paged("clients", rows, _clients_summary(listed, stats), len(found), number, size)

    def cases(self, query: Query) -> Listing:
        sort = query.sort(("DateCreated", "GrossAmount", "DueDate"), "DateCreated:desc")
        number, size = query.whole("Page", 1), query.whole("PageSize", 10, most=100)
        found = self._cases.get(self.world.shape, sort, lambda: self._sorted_cases(*sort))
        shown = found[(number - 1) * size : number * size]
        summary = self._summary.get(self.world.shape, None, lambda: _cases_summary(self.world))
        return paged("cases", map(rendering.case, shown), summary, len(found), number, size)

    def _sorted_cases(self, by: str, descending: bool) -> list[SandboxCase]:
        attribute = {"DateCreated": "date_created", "GrossAmount": "gross_amount", "DueDate": "due_date"}[by]
        return sorted(self.world.cases, key=lambda c: (getattr(c, attribute), c.id.int), reverse=descending)

    def _case_stats(self) -> dict[SandboxClient, CaseStats]:
        stats: dict[SandboxClient, CaseStats] = defaultdict(CaseStats)
        for case in self.world.cases:
            stats[case.client].total += 1
            stats[case.client].closed += case.lifecycle == "Closed"
        for payment in self.world.payments:
            stats[payment.client].earnings += payment.fee_usd
        return stats


def _client_filter(query: Query) -> Callable[[SandboxClient], bool]:
    part, tenant = query.text("Query"), query.text("ExternalTenantId")
    attributed, onboarded = query.flag("IsAttributedClient"), query.flag("OnboardingDone")
    first, last = query.moment("DateCreatedFrom"), query.moment("DateCreatedTo")

    def wanted(client: SandboxClient) -> bool:
        linked = ticks(client.date_linked)
        return (
            (part is None or part.casefold() in f"{client.company_name}\n{client.email}".casefold())
            and (tenant is None or client.external_tenant_id == tenant)
            and (attributed is None or client.is_attributed == attributed)
            and (onboarded is None or client.onboarding_done == onboarded)
            and (first is None or linked >= first)
            and (last is None or linked <= last)
        )

    return wanted


def _client_row(client: SandboxClient, stats: CaseStats) -> bytes:
    earnings = stats.earnings if client.earnings_usd is None else client.earnings_usd
    return rendering.client(client, stats.total, stats.closed, cents(earnings))


def _clients_summary(listed: list[SandboxClient], stats: dict[SandboxClient, CaseStats]) -> dict[str, Any]:
    complete = sum(client.onboarding_done for client in listed)
    return {
        "totalClients": len(listed),
        "attributedClients": sum(client.is_attributed for client in listed),
        "onboardingComplete": complete,
        "onboardingPending": len(listed) - complete,
        "totalCases": sum(stats[client].total for client in listed),
    }


def _cases_summary(world: World) -> dict[str, Any]:
    this_month = (world.now.year, world.now.month)
    created = (case.date_created for case in world.cases)
    return {
        "totalCases": len(world.cases),
        "casesThisMonth": sum((when.year, when.month) == this_month for when in created),
        "byLifecycle": dict(sorted(Counter(case.lifecycle for case in world.cases).items())),
    }
