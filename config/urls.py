"""Every address of Feeboard."""

from django.urls import include, path

from config import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include("revenue.api.urls")),
    path("", include("accounts.urls")),
    path("", include("walls.urls")),
    path("", include("revenue.urls")),
]
