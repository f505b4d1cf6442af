"""One case: its references, its payments, and what each of them went through."""

from __future__ import annotations

from collections import defaultdict

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from partners.models import Case
from revenue.models import Transaction
from revenue.parameters import home_zone
from revenue.selectors.cases import HistoryEvent, case_of, case_payments, case_total, payment_history
from revenue.views.page import account_page, own_account, render_page

# A case paid off in more instalments than this must not make a page that no browser can hold.
PAYMENTS_SHOWN = 200


@require_safe
@account_page
def case(request: HttpRequest, reference: str) -> HttpResponse:
    """The case with Debitura's reference."""
    account = own_account(request)
    try:
        found = case_of(account, reference)
    except Case.DoesNotExist as missing:
        raise Http404("There is no such case.") from missing
    with timezone.override(home_zone(request.user)):
        shown = case_payments(found, limit=PAYMENTS_SHOWN)
        payments = with_history(shown.rows, payment_history(shown.rows))
    context = {
        "section": "transactions",
        "case": found,
        "shown": shown,
        "payments": payments,
        "total": case_total(found),
    }
    return render_page(request, "revenue/case.html", account, context)


def with_history(
    payments: list[Transaction], events: list[HistoryEvent]
) -> list[tuple[Transaction, list[HistoryEvent]]]:
    """Each payment with what it went through, the latest first."""
    by_payment: dict[int, list[HistoryEvent]] = defaultdict(list)
    for event in events:
        by_payment[event.transaction.pk].append(event)
    return [(payment, by_payment[payment.pk]) for payment in payments]
