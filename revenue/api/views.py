"""The JSON answers: the same filters and selectors as the pages, read in one state of the database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from partners.models import Client
from revenue.api import schema, serializers
from revenue.filters import PageFilter, RevenueFilter, account_of, parse_client_filter, parse_filter, parse_page_filter
from revenue.selectors.clients import client_of, client_rows, with_totals
from revenue.selectors.entries import page_of
from revenue.selectors.paging import Window
from revenue.selectors.pulls import published_run, runs
from revenue.selectors.snapshot import consistent
from revenue.selectors.totals import stage_totals


class SummaryView(APIView):
    """The seven stages with their sums."""

    @extend_schema(operation_id="summary", parameters=schema.FILTERS, responses=schema.answers(serializers.Summary))
    @consistent
    def get(self, request: Request) -> Response:
        """Fees by stage. `stage` is not looked at: every stage is always told, as in Debitura's own summary."""
        f = _filter(request)
        summary = serializers.summary_of(f, published_run(f.account), stage_totals(f))
        return Response(serializers.Summary(summary).data)


class TransactionsView(APIView):
    """The list of transactions."""

    @extend_schema(
        operation_id="transactions",
        parameters=[*schema.FILTERS, schema.STAGE, schema.SORT, *schema.PAGING],
        responses=schema.answers(schema.page_of(serializers.Entry, "EntryPage")),
    )
    @consistent
    def get(self, request: Request) -> Response:
        """Payments by debtors and the fees they earn, with exact amounts."""
        f = _filter(request)
        page = page_of(f)
        return Response(_page(request, f, page.window, serializers.Entry(page.rows, many=True).data))


class ClientsView(APIView):
    """The list of clients."""

    @extend_schema(
        operation_id="clients",
        parameters=[*schema.CLIENT_FILTERS, *schema.PAGING],
        responses=schema.answers(schema.page_of(serializers.ClientFields, "ClientPage")),
    )
    @consistent
    def get(self, request: Request) -> Response:
        """Clients and what each earned since ever."""
        f = parse_client_filter(request.query_params, asker=request.user)
        page = client_rows(f.account, q=f.q, sort=f.sort, page=f.page, page_size=f.page_size, state=f.state)
        rows = serializers.ClientFields([serializers.client_of(row) for row in page.rows], many=True).data
        return Response(_page(request, f, page.window, rows))


class ClientView(APIView):
    """One client."""

    @extend_schema(
        operation_id="client", parameters=[schema.PARTNER], responses=schema.answers(serializers.ClientDetail)
    )
    @consistent
    def get(self, request: Request, creditor_id: UUID) -> Response:
        """A client, what it earned since ever, and in which stages that stands."""
        account, _ = account_of(request.query_params, asker=request.user)
        try:
            client = client_of(account, creditor_id)
        except Client.DoesNotExist as error:
            raise Http404("There is no such client.") from error
        [row] = with_totals([client])
        return Response(serializers.ClientDetail(serializers.client_of(row)).data)


class PullsView(APIView):
    """The list of pulls."""

    @extend_schema(
        operation_id="pulls",
        parameters=[schema.PARTNER, *schema.PAGING],
        responses=schema.answers(schema.page_of(serializers.Pull, "PullPage")),
    )
    @consistent
    def get(self, request: Request) -> Response:
        """What each pull did, the latest first."""
        f = parse_page_filter(request.query_params, asker=request.user)
        page = runs(f.account, page=f.page, page_size=f.page_size)
        return Response(_page(request, f, page.window, serializers.Pull(page.rows, many=True).data))


@extend_schema(exclude=True)
class UnknownAddress(APIView):
    """Answers any other address of the API with a 404 in JSON, whatever the method."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404("There is no such address; /api/v1/docs/ lists those that there are.")


def _filter(request: Request) -> RevenueFilter:
    return parse_filter(request.query_params, asker=request.user, now=timezone.now())


def _page(request: Request, f: PageFilter, window: Window, results: Any) -> dict[str, Any]:
    """One page with the addresses of its neighbours."""

    def address(number: int) -> str:
        return request.build_absolute_uri(f"{request.path}?{f.query(page=number)}")

    return {
        "count": window.count,
        "next": address(window.number + 1) if window.number < window.pages else None,
        "previous": address(window.number - 1) if window.number > 1 else None,
        "results": results,
    }
