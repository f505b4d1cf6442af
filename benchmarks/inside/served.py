"""The site for gunicorn (`benchmarks.inside.served`), with a view that says hello to whoever asks."""

from __future__ import annotations

import django
from django.conf import settings

django.setup()
settings.ROOT_URLCONF = "benchmarks.inside.served"

from django.contrib.auth.decorators import login_not_required  # noqa: E402  after the set-up
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402

from benchmarks.inside.addresses import HELLO  # noqa: E402


@login_not_required
def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello")


urlpatterns = [path(HELLO.removeprefix("/"), hello), path("", include("config.urls"))]
application = WSGIHandler()
