"""The JSON answers: the same filters and selectors as the pages, read in one state of the database."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import sight_of
from partners.models import Client
from revenue.api import schema, serializers
from revenue.filters import (
    FilterError,
    PageFilter,
    RevenueFilter,
    parse_client_filter,
    parse_filter,
    parse_page_filter,
)
from revenue.selectors.clients import client_of, client_rows, with_totals
from revenue.selectors.entries import page_of
from revenue.selectors.paging import Window
from revenue.selectors.pulls import published_run, runs
from revenue.selectors.snapshot import consistent
from revenue.selectors.totals import stage_totals

SHARED = (*schema.FILTERS, schema.STAGE, schema.SORT, *schema.PAGING)
# `format` is the framework's own way to choose a renderer by address.
SHARED_NAMES = frozenset({"format", *(parameter.name for parameter in SHARED)})


class Answer(APIView):
    """What every address has in common: no cache keeps its answers, and it refuses parameters that it does not know.

    `parameters` are those it looks at; None where nothing is checked. The names that all lists share (revenue.filters) are
    known everywhere, so that one set of them can go with every call; a misspelt one that was passed over would give the
    figures of another question.
    """

    parameters: ClassVar[list[OpenApiParameter] | None] = None
    # Those besides GET that change nothing: a token that may read may use them (accounts.tokens.scopes).
    reading_methods: ClassVar[set[str]] = set()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.parameters is None:
            return
        known = [parameter.name for parameter in self.parameters]
        unknown = [name for name in request.query_params if name not in {*known, *SHARED_NAMES}]
        if unknown:
            raise FilterError({name: f"{name} is no parameter here; there is {', '.join(known)}." for name in unknown})

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        response["Cache-Control"] = "private, no-store"
        return response


class SummaryView(Answer):
    """The seven stages with their sums."""

    parameters: ClassVar = [*schema.FILTERS, schema.STAGE]

    @extend_schema(operation_id="summary", parameters=parameters, responses=schema.answers(serializers.Summary))
    @consistent
    def get(self, request: Request) -> Response:
        """Fees by stage. `stage` is not looked at: every stage is always told, as in Debitura's own summary."""
        f = _filter(request)
        summary = serializers.summary_of(f, published_run(f.account), stage_totals(f))
        return Response(serializers.Summary(summary).data)


class TransactionsView(Answer):
    """The list of transactions."""

    parameters: ClassVar = [*schema.FILTERS, schema.STAGE, schema.SORT, *schema.PAGING]

    @extend_schema(
        operation_id="transactions",
        parameters=parameters,
        responses=schema.answers(schema.page_of(serializers.Entry, "EntryPage")),
    )
    @consistent
    def get(self, request: Request) -> Response:
        """Payments by debtors and the fees they earn, with exact amounts."""
        f = _filter(request)
        page = page_of(f)
        return Response(_page(request, f, page.window, serializers.Entry(page.rows, many=True).data))


class ClientsView(Answer):
    """The list of clients."""

    parameters: ClassVar = [*schema.CLIENT_FILTERS, *schema.PAGING]

    @extend_schema(
        operation_id="clients",
        parameters=parameters,
        responses=schema.answers(schema.page_of(serializers.ClientFields, "ClientPage")),
    )
    @consistent
    def get(self, request: Request) -> Response:
        """Clients and what each earned since ever."""
        f = parse_client_filter(request.query_params, asker=request.user)
        page = client_rows(f.sight, q=f.q, sort=f.sort, page=f.page, page_size=f.page_size, state=f.state)
        rows = serializers.ClientFields([serializers.client_of(row) for row in page.rows], many=True).data
        return Response(_page(request, f, page.window, rows))


class ClientView(Answer):
    """One client."""

    parameters: ClassVar = [schema.PARTNER]

    @extend_schema(operation_id="client", parameters=parameters, responses=schema.answers(serializers.ClientDetail))
    @consistent
    def get(self, request: Request, creditor_id: UUID) -> Response:
        """A client, what it earned since ever, and in which stages that stands."""
        sight, _ = sight_of(request.query_params, asker=request.user)
        try:
            client = client_of(sight, creditor_id)
        except Client.DoesNotExist as error:
            raise Http404("There is no such client.") from error
        [row] = with_totals([client])
        return Response(serializers.ClientDetail(serializers.client_of(row)).data)


class PullsView(Answer):
    """The list of pulls."""

    parameters: ClassVar = [schema.PARTNER, *schema.PAGING]

    @extend_schema(
        operation_id="pulls",
        parameters=parameters,
        responses=schema.answers(schema.page_of(serializers.Pull, "PullPage")),
    )
    @consistent
    def get(self, request: Request) -> Response:
        """What each pull did, the latest first."""
        f = parse_page_filter(request.query_params, asker=request.user)
        page = runs(f.sight, page=f.page, page_size=f.page_size)
        return Response(_page(request, f, page.window, serializers.Pull(page.rows, many=True).data))


@extend_schema(exclude=True)
class UnknownAddress(Answer):
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
