"""The list of transactions, its columns and its export."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.people import person
from partners.models import BY_NAME, Client, PartnerAccount
from revenue.exports.transactions import transactions_csv
from revenue.filters import RevenueFilter, parse_filter
from revenue.selectors.entries import page_of
from revenue.views import columns
from revenue.views.downloads import download
from revenue.views.page import account_page, filtered_page, pager
from revenue.views.unchanged import again_while_unchanged

# A longer list of names is no help in a form: there the search box finds clients.
MOST_CLIENTS_TO_CHOOSE_FROM = 500


@require_safe
@again_while_unchanged
@account_page
def transactions(request: HttpRequest) -> HttpResponse:
    """One page of what matches the address, with the total over all of it."""

    def context(f: RevenueFilter) -> dict[str, Any]:
        shown = columns.shown_columns(person(request))
        entries = page_of(f)
        return {
            "entries": entries,
            "nothing_in_stage": bool(f.stages) and not entries.count and f.every_stage().rows().exists(),
            "every_stage_query": f.query(stage=""),
            "pager": pager(entries.window, lambda page: f.query(page=page)),
            "csv_query": f.query(page=None, page_size=None),
            "headers": columns.headers(f, shown),
            "columns": [(column, column in shown) for column in columns.COLUMNS],
            "clients": selectable_clients(f.account),
        }

    return filtered_page(request, "revenue/transactions.html", "transactions", context)


@require_safe
def transactions_export(request: HttpRequest) -> HttpResponseBase:
    """The whole filter as CSV."""
    return download(
        lambda now: parse_filter(request.GET, asker=request.user, now=now),
        lambda f, now: transactions_csv(f, now=now),
    )


@require_POST
def transactions_columns(request: HttpRequest) -> HttpResponse:
    """Remember the chosen columns, and go back to the list as it was."""
    columns.choose(person(request), request.POST.getlist("column"))
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = reverse("transactions")
    return redirect(back)


def selectable_clients(account: PartnerAccount) -> list[tuple[str, str]]:
    """(creditor id, name) of the clients to choose from; none where there are too many to choose. One query."""
    clients = Client.objects.filter(account=account).order_by(BY_NAME, "pk")
    found = clients.values_list("creditor_id", "company_name")[: MOST_CLIENTS_TO_CHOOSE_FROM + 1]
    named = [(str(creditor_id), name or str(creditor_id)) for creditor_id, name in found]
    return named if len(named) <= MOST_CLIENTS_TO_CHOOSE_FROM else []
