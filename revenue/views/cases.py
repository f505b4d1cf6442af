"""One case: its references, its payments, and what each of them went through."""

from __future__ import annotations

from collections import defaultdict

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from partners.models import Case
from revenue.models import Transaction
from revenue.parameters import home_zone
from revenue.selectors.cases import HistoryEvent, case_history, case_of, case_payments, case_total
from revenue.views.page import account_page, own_account, render_page


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
        payments = with_history(case_payments(found), case_history(found))
    context = {"section": "transactions", "case": found, "payments": payments, "total": case_total(found)}
    return render_page(request, "revenue/case.html", account, context)


def with_history(
    payments: list[Transaction], events: list[HistoryEvent]
) -> list[tuple[Transaction, list[HistoryEvent]]]:
    """Each payment with what it went through, the latest first."""
    by_payment: dict[int, list[HistoryEvent]] = defaultdict(list)
    for event in events:
        by_payment[event.transaction.pk].append(event)
    return [(payment, by_payment[payment.pk]) for payment in payments]
