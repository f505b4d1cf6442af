"""The two tables of payments, the list of transactions and the Partner Balance; their columns and their files."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Sight
from accounts.people import own_sight, person
from accounts.signing_in.next_page import is_ours
from partners.models import BY_NAME, Client
from revenue.exports.case_folders import Naming, transactions_zip
from revenue.exports.files import Export
from revenue.exports.transactions import transactions_csv
from revenue.exports.workbook import transactions_xlsx
from revenue.filters import RevenueFilter, parse_filter
from revenue.parameters import Reader
from revenue.selectors.entries import page_of
from revenue.views.columns import Table, choose, headers, shown_columns
from revenue.views.downloads import Wanted, download
from revenue.views.page import account_page, filtered_page, needs_account, pager
from revenue.views.unchanged import again_while_unchanged

# A longer list of names is no help in a form: there the search box finds clients.
MOST_CLIENTS_TO_CHOOSE_FROM = 500


class PaymentsExport(Protocol):
    """Makes the name and the bytes of a file of all that matches a filter."""

    def __call__(self, f: RevenueFilter, *, now: datetime) -> Export: ...


@require_safe
@again_while_unchanged
@account_page
def payments(request: HttpRequest, table: Table) -> HttpResponse:
    """One page of what matches the address, with the total over all of it."""

    def context(f: RevenueFilter) -> dict[str, Any]:
        shown = shown_columns(person(request), table)
        entries = page_of(f)
        return {
            "entries": entries,
            "nothing_in_stage": bool(f.stages) and not entries.count and f.every_stage().rows().exists(),
            "every_stage_query": f.query(stage=""),
            "pager": pager(entries.window, lambda page: f.query(page=page)),
            "export_query": f.query(page=None, page_size=None),
            "export_parameters": f.pairs(page=None, page_size=None),
            "namings": list(Naming),
            "headers": headers(f, shown),
            "columns": [(column, column in shown) for column in table.columns],
            "meanings": [column for column in shown if column.meaning],
            "clients": selectable_clients(f.sight),
        }

    return filtered_page(request, "revenue/payments.html", table.key, context, frame={"table": table})


@require_POST
@needs_account
def payments_columns(request: HttpRequest, table: Table) -> HttpResponse:
    """Remember the chosen columns, and go back to the table as it was. For whoever has such a table."""
    own_sight(request)
    choose(person(request), table, request.POST.getlist("column"))
    back = request.POST.get("next", "")
    return HttpResponseRedirect(back if is_ours(request, back) else reverse(table.key))


@require_safe
def payments_csv(request: HttpRequest) -> HttpResponseBase:
    """The whole filter as CSV."""
    return _download(request, "transactions.csv", transactions_csv)


@require_safe
def payments_xlsx(request: HttpRequest) -> HttpResponseBase:
    """The whole filter as an Excel workbook."""
    return _download(request, "transactions.xlsx", transactions_xlsx)


@require_safe
def payments_zip(request: HttpRequest) -> HttpResponseBase:
    """The whole filter as a ZIP with a folder for every case; `folders` says what they are named by."""

    def read(now: datetime) -> Wanted:
        f = parse_filter(request.GET, asker=request.user, now=now)
        parameters = Reader(request.GET)
        naming = Naming(parameters.choice("folders", list(Naming), default=Naming.DEBITURA))
        parameters.raise_errors()
        return Wanted.of(f, lambda: transactions_zip(f, naming, now=now))

    return download(request, "transactions.zip", read)


def _download(request: HttpRequest, what: str, export: PaymentsExport) -> HttpResponseBase:
    def read(now: datetime) -> Wanted:
        f = parse_filter(request.GET, asker=request.user, now=now)
        return Wanted.of(f, lambda: export(f, now=now))

    return download(request, what, read)


def selectable_clients(sight: Sight) -> list[tuple[str, str]]:
    """(creditor id, name) of the clients to choose from; none where there are too many to choose. One query."""
    clients = Client.objects.filter(sight.of_clients("pk"), account=sight.account).order_by(BY_NAME, "pk")
    found = clients.values_list("creditor_id", "company_name")[: MOST_CLIENTS_TO_CHOOSE_FROM + 1]
    named = [(str(creditor_id), name or str(creditor_id)) for creditor_id, name in found]
    return named if len(named) <= MOST_CLIENTS_TO_CHOOSE_FROM else []
