"""Addresses of the pages."""

from django.urls import path

from revenue.views import (
    case_activation,
    case_list,
    case_reference,
    cases,
    clients,
    my_clients,
    overview,
    payments,
    pulls,
    references,
    settings_account,
    settings_keys,
    webhooks,
)
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
    path("my-clients/", my_clients.my_clients, name="my_clients"),
    path("my-clients/seen/", my_clients.my_clients_seen, name="my_clients_seen"),
    path("clients/", clients.clients, name="clients"),
    path("clients/export.csv", clients.clients_export, name="clients_csv"),
    path("clients/<uuid:creditor_id>/", clients.client, name="client"),
    path("clients/<uuid:creditor_id>/summary/", clients.summary, name="client_summary"),
    path("cases/", case_list.cases, name="cases"),
    path("cases/<path:reference>/reference/", case_reference.case_reference, name="case_reference"),
    path("cases/<path:reference>/activate/", case_activation.case_activation, name="case_activation"),
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
    path("settings/", settings_account.settings, name="settings"),
    path("settings/keys/", settings_keys.keys, name="settings_keys"),
    path("webhooks/<slug:slug>/", webhooks.webhook, name="webhook"),
]
