"""Addresses of the pages."""

from django.urls import path

from revenue.views import case_activation, case_list, case_reference, cases, clients, overview, pulls, transactions

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("transactions/", transactions.transactions, name="transactions"),
    path("transactions/export.csv", transactions.transactions_export, name="transactions_csv"),
    path("transactions/columns/", transactions.transactions_columns, name="transactions_columns"),
    path("clients/", clients.clients, name="clients"),
    path("clients/export.csv", clients.clients_export, name="clients_csv"),
    path("clients/<uuid:creditor_id>/", clients.client, name="client"),
    path("cases/", case_list.cases, name="cases"),
    path("cases/<path:reference>/reference/", case_reference.case_reference, name="case_reference"),
    path("cases/<path:reference>/activate/", case_activation.case_activation, name="case_activation"),
    path("cases/<path:reference>/", cases.case, name="case"),
    path("pulls/", pulls.pulls, name="pulls"),
    path("pulls/now/", pulls.pull_now, name="pull_now"),
    path("pulls/progress/", pulls.pull_progress, name="pull_progress"),
    path("pulls/news/", pulls.news, name="pull_news"),
    path("pulls/<int:pk>/", pulls.pull, name="pull"),
]
