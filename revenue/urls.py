"""Addresses of the pages."""

from django.urls import path

from revenue.views import cases, clients, overview, payments, pulls, webhooks
from revenue.views.columns import BALANCE, TRANSACTIONS

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("transactions/", payments.payments, {"table": TRANSACTIONS}, name="transactions"),
    path("transactions/columns/", payments.payments_columns, {"table": TRANSACTIONS}, name="transactions_columns"),
    path("transactions/export.csv", payments.payments_csv, name="transactions_csv"),
    path("transactions/export.xlsx", payments.payments_xlsx, name="transactions_xlsx"),
    path("transactions/export.zip", payments.payments_zip, name="transactions_zip"),
    path("balance/", payments.payments, {"table": BALANCE}, name="balance"),
    path("balance/columns/", payments.payments_columns, {"table": BALANCE}, name="balance_columns"),
    path("clients/", clients.clients, name="clients"),
    path("clients/export.csv", clients.clients_export, name="clients_csv"),
    path("clients/<uuid:creditor_id>/", clients.client, name="client"),
    path("cases/<path:reference>/", cases.case, name="case"),
    path("pulls/", pulls.pulls, name="pulls"),
    path("pulls/now/", pulls.pull_now, name="pull_now"),
    path("pulls/progress/", pulls.pull_progress, name="pull_progress"),
    path("pulls/news/", pulls.news, name="pull_news"),
    path("pulls/<int:pk>/", pulls.pull, name="pull"),
    path("webhooks/<slug:slug>/", webhooks.webhook, name="webhook"),
]
