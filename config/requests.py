"""What holds for every request, before anything else looks at it: how large it may be, and what a page may ask of a browser."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

Answer = Callable[[HttpRequest], HttpResponse]

# Bytes. A file may have 20 MB; nothing else comes near it.
LARGEST_BODY = 25_000_000
# A script that got into a page, in spite of all, would find these closed. The clipboard is left: ids are copied there.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "fullscreen"),
        *("geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "usb"),
    )
)


def bounded_body(get_response: Answer) -> Answer:
    """Refuses what is too large by its own words: forms are read to their end before anybody asks who sends them.

    A body without a length is none: Django reads nothing of it.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
            return render(request, "413.html", {"megabytes": LARGEST_BODY // 1_000_000}, status=413)
        return get_response(request)

    return answer


def closed_to_others(get_response: Answer) -> Answer:
    """Says what the pages never need of a browser, and that no other site may take anything in."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Permissions-Policy"] = PERMISSIONS
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return answer
