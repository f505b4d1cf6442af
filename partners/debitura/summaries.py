"""The provider's own totals: any part may be missing or unusable, and is then None or absent, never 0."""

from decimal import Decimal
from typing import Any

from .fields import BadField, Row, amount, count
from .records import CasesSummary, ClientsSummary, RevenueSummary, StageFigure

# Our stage names beside the prefixes of Debitura's summary fields.
STAGE_PREFIXES = {
    "pending": "pending",
    "confirmed_pending_invoice": "confirmedPendingInvoice",
    "awaiting_collection_partner_payment": "awaitingCollectionPartnerPayment",
    "ready_to_invoice_debitura": "readyToInvoiceDebitura",
    "awaiting_debitura_payment": "awaitingDebituraPayment",
    "paid": "paid",
    "disputed": "disputed",
}


def revenue(summary: Any) -> RevenueSummary | None:
    """`summary` of GET /reporting/transactions; a stage without its pair of fields is absent."""
    if not isinstance(summary, dict):
        return None
    figures = summary.get("revenue")
    stages = ((stage, _figure(figures, prefix)) for stage, prefix in STAGE_PREFIXES.items())
    return RevenueSummary(
        stages={stage: figure for stage, figure in stages if figure is not None},
        total_debitura_revenue_usd=_amount(summary, "totalDebituraRevenueUsd"),
    )


def _figure(figures: Any, prefix: str) -> StageFigure | None:
    if not isinstance(figures, dict):
        return None
    figure = StageFigure(fee_usd=_amount(figures, f"{prefix}ReferralFeeUsd"), count=_count(figures, f"{prefix}Count"))
    return None if figure == StageFigure(fee_usd=None, count=None) else figure


def clients(summary: Any) -> ClientsSummary | None:
    """`summary` of GET /clients."""
    if not isinstance(summary, dict):
        return None
    return ClientsSummary(
        total_clients=_count(summary, "totalClients"),
        attributed_clients=_count(summary, "attributedClients"),
        onboarding_complete=_count(summary, "onboardingComplete"),
        onboarding_pending=_count(summary, "onboardingPending"),
        total_cases=_count(summary, "totalCases"),
    )


def cases(summary: Any) -> CasesSummary | None:
    """`summary` of GET /cases."""
    if not isinstance(summary, dict):
        return None
    lifecycles = summary.get("byLifecycle")
    counted = {name: _count(lifecycles, name) for name in lifecycles} if isinstance(lifecycles, dict) else {}
    return CasesSummary(
        total_cases=_count(summary, "totalCases"),
        cases_this_month=_count(summary, "casesThisMonth"),
        by_lifecycle={name: number for name, number in counted.items() if number is not None},
    )


def _amount(row: Row, name: str) -> Decimal | None:
    try:
        return amount(row.get(name), name)
    except BadField:
        return None


def _count(row: Row, name: str) -> int | None:
    try:
        return count(row.get(name), name)
    except BadField:
        return None
