"""The addresses of /api/v1/. Each works with and without a slash at its end, so that no redirect ever loses a body.

But for the one that ends with a partner reference: there the slash is part of what is looked for.
"""

from __future__ import annotations

from django.urls import URLPattern, path, re_path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularAPIView
from rest_framework.views import APIView

from revenue.api import cases, docs, views


class AnythingConverter(StringConverter):
    """Whatever a reference may hold: slashes, as Django's `path`, and line breaks."""

    regex = r"[\s\S]+"


register_converter(AnythingConverter, "anything")


def both(route: str, view: type[APIView], name: str) -> list[URLPattern]:
    """`route` as it is written, and with a slash behind it, which the schema does not mention."""
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view(schema=None))]


urlpatterns = [
    *both("summary", views.SummaryView, "api_summary"),
    *both("transactions", views.TransactionsView, "api_transactions"),
    *both("clients", views.ClientsView, "api_clients"),
    *both("clients/<uuid:creditor_id>", views.ClientView, "api_client"),
    # What stands fixed goes before what may be anything.
    *both("cases/by-partner-reference", cases.PartnerReferencesView, "api_partner_references"),
    path(
        "cases/by-partner-reference/<anything:partner_reference>",
        cases.PartnerReferenceView.as_view(),
        name="api_partner_reference",
    ),
    *both("cases/<anything:reference>/activate", cases.ActivationView, "api_activation"),
    path("cases/<anything:reference>", cases.CaseView.as_view(), name="api_case"),
    *both("pulls", views.PullsView, "api_pulls"),
    path("schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path("schema", SpectacularAPIView.as_view()),
    path("docs/", docs.page, name="api_docs"),
    path("docs", docs.page),
    re_path(r"", views.UnknownAddress.as_view()),
]
