"""Dates are local only at the edge: this is the edge."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class TimeZoneMiddleware:
    """Makes the signed-in person's time zone the current one while their request is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        zone = user.zone if user.is_authenticated else ZoneInfo(settings.DEFAULT_USER_TIME_ZONE)
        with timezone.override(zone):
            return self.get_response(request)
