"""What an account is called, how its people prove who they are, and how its pulls stand; for its admins."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.access import Sight, without_second_factor
from accounts.people import account_address, person
from accounts.signing_in.reauthentication import recently_signed_in
from accounts.signing_in.second_factors import second_factors_of
from revenue import edits
from revenue.views.page import account_page, administered, needs_account, render_page
from revenue.views.settings_forms import AccountForm

PEOPLE_NAMED = 10


@require_http_methods(["GET", "HEAD", "POST"])
@recently_signed_in
def settings(request: HttpRequest) -> HttpResponse:
    """The settings of an account that are no keys."""
    return _changed(request) if request.method == "POST" else _shown(request)


@account_page
def _shown(request: HttpRequest) -> HttpResponse:
    sight = administered(request)
    account = sight.account
    initial = {"name": account.name, "requires_second_factor": account.requires_second_factor}
    return _page(request, sight, AccountForm(initial=initial))


@needs_account
def _changed(request: HttpRequest) -> HttpResponse:
    sight = administered(request)
    form = AccountForm(request.POST)
    if (
        form.is_valid()
        and form.changes.get("requires_second_factor")
        and not second_factors_of(person(request)).exists()
    ):
        form.add_error("requires_second_factor", "Set up a second factor of your own first (Profile, Security).")
    if not form.is_valid():
        return _page(request, sight, form, status=HTTPStatus.BAD_REQUEST)
    if form.changes:
        edits.change_account(request, sight.account, form.changes)
        messages.success(request, "The settings are saved.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect(account_address(request, sight, "settings"))


def _page(request: HttpRequest, sight: Sight, form: AccountForm, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    lacking = without_second_factor(sight.account)
    context = {
        "section": "settings",
        "form": form,
        "lacking": list(lacking.values_list("email", flat=True)[:PEOPLE_NAMED]),
        "lacking_count": lacking.count(),
    }
    return render_page(request, "settings/account.html", sight, context, status=status)
