"""One case: its references, what was done to activate it, its payments, and what each of them went through."""

from __future__ import annotations

from collections import defaultdict

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Sight
from accounts.people import account_address, own_sight
from partners.models import Case
from revenue.models import Transaction
from revenue.parameters import home_zone
from revenue.selectors.cases import (
    HistoryEvent,
    activations_of,
    case_of,
    case_payments,
    case_total,
    payment_history,
    reference_history,
)
from revenue.views.page import account_page, render_page
from revenue.views.unchanged import again_while_unchanged

# A case paid off in more instalments than this must not make a page that no browser can hold.
PAYMENTS_SHOWN = 200
# Nor one whose reference was changed again and again, or that could not be activated.
CHANGES_SHOWN = 20
ACTIVATIONS_SHOWN = 20


@require_safe
@again_while_unchanged
@account_page
def case(request: HttpRequest, reference: str) -> HttpResponse:
    """The case with Debitura's reference."""
    sight = own_sight(request)
    found = known_case(sight, reference)
    with timezone.override(home_zone(request.user)):
        shown = case_payments(sight, found, limit=PAYMENTS_SHOWN)
        payments = with_history(shown.rows, payment_history(sight, shown.rows))
    context = {
        "section": "cases",
        "case": found,
        "shown": shown,
        "payments": payments,
        "total": case_total(sight, found),
        "changes": reference_history(found, limit=CHANGES_SHOWN),
        "activations": activations_of(found, limit=ACTIVATIONS_SHOWN),
    }
    return render_page(request, "revenue/case.html", sight, context)


def known_case(sight: Sight, reference: str) -> Case:
    """The case with Debitura's reference. Raises Http404."""
    try:
        return case_of(sight, reference)
    except Case.DoesNotExist as missing:
        raise Http404("There is no such case.") from missing


def case_address(request: HttpRequest, sight: Sight, case: Case, page: str = "case") -> str:
    """The address of a case, or of another `page` about it."""
    return account_address(request, sight, page, case.reference)


def with_history(
    payments: list[Transaction], events: list[HistoryEvent]
) -> list[tuple[Transaction, list[HistoryEvent]]]:
    """Each payment with what it went through, the latest first."""
    by_payment: dict[int, list[HistoryEvent]] = defaultdict(list)
    for event in events:
        by_payment[event.transaction.pk].append(event)
    return [(payment, by_payment[payment.pk]) for payment in payments]
