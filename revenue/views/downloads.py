"""Lists as files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath
from typing import TypeVar

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.access import NoAccount
from revenue.exports.files import Export
from revenue.filters import FilterError

F = TypeVar("F")
CONTENT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}


def download(read_filter: Callable[[datetime], F], export: Callable[[F, datetime], Export]) -> HttpResponseBase:
    """The file that `export` makes of the filter that `read_filter` finds in the address.

    A filter that makes no sense answers 400 in plain text: an empty file could be taken for an answer.
    """
    now = timezone.now()
    try:
        name, chunks = export(read_filter(now), now)
    except FilterError as error:
        return refused(error)
    except NoAccount as error:
        return HttpResponse(str(error), status=404, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(chunks, content_type=CONTENT_TYPES[PurePath(name).suffix])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def refused(error: FilterError) -> HttpResponse:
    """What is wrong with a filter, in plain text."""
    lines = [f"{field}: {sentence}" for field, sentence in error.fields.items()]
    return HttpResponse("\n".join(lines), status=400, content_type="text/plain; charset=utf-8")
