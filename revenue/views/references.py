"""Partner references in bulk: all of them as a file, and a file of them that is looked through first and applied then."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.people import account_address, own_sight, person
from partners.models import ReferenceImport
from partners.reference_file import UnreadableFile, decoded
from partners.reference_imports import MOST, AppliedBefore, CasesBusy, look_through
from revenue.edits import apply_import
from revenue.exports.references import lines_to_mend_csv, references_csv
from revenue.filters import parse_page_filter
from revenue.selectors.cases import cases_seen
from revenue.selectors.references import change_counts, conflicts, import_of, latest_imports, planned_changes
from revenue.views.downloads import Wanted, download
from revenue.views.page import account_page, needs_account, render_page

LARGEST_FILE = 20_000_000
LINES_SHOWN = 200
IMPORTS_SHOWN = 10


@require_http_methods(["GET", "HEAD", "POST"])
def references(request: HttpRequest) -> HttpResponse:
    """What the file has to be, and the form that takes one; sent, it leads to what the file would change."""
    return _looked_through(request) if request.method == "POST" else _form(request)


@account_page
def _form(request: HttpRequest) -> HttpResponse:
    return _form_page(request)


@needs_account
def _looked_through(request: HttpRequest) -> HttpResponse:
    sight = own_sight(request)
    try:
        found = look_through(cases_seen(sight), _given_text(request), account=sight.account, by=person(request))
    except UnreadableFile as error:
        return _form_page(request, error=str(error), status=HTTPStatus.BAD_REQUEST)
    return redirect(_address(request, found))


def _form_page(request: HttpRequest, *, error: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    """What was pasted stands there again."""
    sight = own_sight(request)
    context = {
        "section": "references",
        "error": error,
        "pasted": request.POST.get("text", ""),
        "imports": latest_imports(sight, person(request), limit=IMPORTS_SHOWN),
        "most": MOST,
        "megabytes": LARGEST_FILE // 1_000_000,
    }
    return render_page(request, "revenue/references.html", sight, context, status=status)


def _given_text(request: HttpRequest) -> str:
    """What was pasted, or the text of the file that was chosen. Raises UnreadableFile."""
    upload, pasted = request.FILES.get("file"), request.POST.get("text", "")
    if not isinstance(upload, UploadedFile):
        # Forms send every line break as two characters, also one inside a reference.
        return pasted.replace("\r\n", "\n")
    if pasted.strip():
        raise UnreadableFile("There are pasted lines and a file. Send one of them.")
    if (upload.size or 0) > LARGEST_FILE:
        raise UnreadableFile(f"The file is larger than {LARGEST_FILE // 1_000_000} MB. Split it.")
    return decoded(upload.read())


@require_safe
@account_page
def reference_import(request: HttpRequest, pk: int) -> HttpResponse:
    """What a file would change, or what became of it."""
    sight = own_sight(request)
    found = _known_import(request, pk)
    context = {
        "section": "references",
        "found": found,
        "counts": change_counts(found),
        "changes": planned_changes(found, limit=LINES_SHOWN),
        "problems": found.problems[:LINES_SHOWN],
        "conflicts": conflicts(found, limit=LINES_SHOWN),
    }
    return render_page(request, "revenue/reference_import.html", sight, context)


@require_POST
@needs_account
def reference_import_apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Do what was looked through."""
    found = _known_import(request, pk)
    try:
        apply_import(request, found)
    except AppliedBefore:
        messages.info(request, "This file was applied before; nothing was changed now.")
    except CasesBusy:
        messages.error(request, "A pull is writing cases at this moment; nothing was changed. Apply the file again.")
    return redirect(_address(request, found))


@require_safe
def lines_to_mend(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The lines of a file that could not be used."""

    def read(_: datetime) -> Wanted:
        found = _known_import(request, pk)
        return Wanted((found.account,), None, lambda: lines_to_mend_csv(found))

    return download(request, f"references-to-mend_{pk}.csv", read)


@require_safe
def references_export(request: HttpRequest) -> HttpResponseBase:
    """The references of every case."""

    def read(now: datetime) -> Wanted:
        f = parse_page_filter(request.GET, asker=request.user)
        return Wanted.of(f, lambda: references_csv(f, now=now))

    return download(request, "references.csv", read)


def _known_import(request: HttpRequest, pk: int) -> ReferenceImport:
    """Raises Http404, also for another's."""
    try:
        return import_of(own_sight(request), person(request), pk)
    except ReferenceImport.DoesNotExist as missing:
        raise Http404("There is no such file of references.") from missing


def _address(request: HttpRequest, found: ReferenceImport) -> str:
    return account_address(request, own_sight(request), "reference_import", found.pk)
