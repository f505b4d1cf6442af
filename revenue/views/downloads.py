"""Lists as files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.access import NoAccount
from accounts.audit.record import record_export
from accounts.patience import Busy
from accounts.signing_in.reauthentication import ask_again, is_recent
from partners.models import PartnerAccount
from revenue.exports.files import Export
from revenue.filters import FilterError, PageFilter

CONTENT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}


class Wanted(NamedTuple):
    """A file that somebody asks for: of which accounts, by which query (None: there is no choice), and what makes it.

    is_everything: whether it leaves nothing out, so that nobody may take it along from a screen that was left alone.
    """

    accounts: tuple[PartnerAccount, ...]
    query: str | None
    make: Callable[[], Export]
    is_everything: bool = False

    @classmethod
    def of(cls, f: PageFilter, make: Callable[[], Export]) -> Wanted:
        """Of everything that matches a filter."""
        return cls((f.account,), f.query(page=None, page_size=None), make, f.is_everything)


def download(request: HttpRequest, what: str, read: Callable[[datetime], Wanted]) -> HttpResponseBase:
    """The file that `read` finds in the address, once the audit trail tells of it as `what`.

    A file of everything is only for who has proven lately who they are; others are asked first. A filter that makes no sense
    answers 400 in plain text: an empty file could be taken for an answer. 503: the trail cannot be written now, and no file
    leaves without its line.
    """
    try:
        wanted = read(timezone.now())
        if wanted.is_everything and not is_recent(request):
            return ask_again(request)
        for account in wanted.accounts:
            record_export(request, what, account=account, conditions=wanted.query)
        name, chunks = wanted.make()
    except FilterError as error:
        return _refused("\n".join(f"{field}: {sentence}" for field, sentence in error.fields.items()), status=400)
    except NoAccount as error:
        return _refused(str(error), status=404)
    except Busy as error:
        return _refused(f"{error} Ask for the file again in a minute.", status=503)
    response = StreamingHttpResponse(chunks, content_type=CONTENT_TYPES[PurePath(name).suffix])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _refused(text: str, *, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
