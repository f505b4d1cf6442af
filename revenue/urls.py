"""Addresses of the pages."""

from django.urls import path

from revenue.views import cases, clients, overview, pulls, references, transactions

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("transactions/", transactions.transactions, name="transactions"),
    path("transactions/export.csv", transactions.transactions_export, name="transactions_csv"),
    path("transactions/columns/", transactions.transactions_columns, name="transactions_columns"),
    path("clients/", clients.clients, name="clients"),
    path("clients/export.csv", clients.clients_export, name="clients_csv"),
    path("clients/<uuid:creditor_id>/", clients.client, name="client"),
    path("cases/<path:reference>/", cases.case, name="case"),
    path("references/", references.references, name="references"),
    path("references/export.csv", references.references_export, name="references_csv"),
    path("references/<int:pk>/", references.reference_import, name="reference_import"),
    path("references/<int:pk>/apply/", references.reference_import_apply, name="reference_import_apply"),
    path("references/<int:pk>/mend.csv", references.lines_to_mend, name="reference_import_mend"),
    path("pulls/", pulls.pulls, name="pulls"),
    path("pulls/now/", pulls.pull_now, name="pull_now"),
    path("pulls/progress/", pulls.pull_progress, name="pull_progress"),
    path("pulls/news/", pulls.news, name="pull_news"),
    path("pulls/<int:pk>/", pulls.pull, name="pull"),
]
