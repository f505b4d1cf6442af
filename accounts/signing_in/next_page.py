"""Where somebody goes after they have proven who they are: to our own pages, and to one that can be looked at."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

# Addresses that take a POST only, and the page whose form leads to each; and the door, which nobody wants who is in.
PAGE_BEHIND = {
    "sign_in": "overview",
    "invitation_send": "people",
    "invitation_withdraw": "people",
    "member_deactivate": "people",
    "member_reactivate": "people",
    "member_remove": "people",
    "pull_now": "pulls",
    "reference_import_apply": "references",
    "transactions_columns": "transactions",
    "balance_columns": "balance",
    "sign_out": "overview",
    "token_revoke": "tokens",
    "screen_revoke": "screens",
    "my_clients_seen": "my_clients",
    "app_remove": "security",
    "passkey_rename": "security",
    "passkey_remove": "security",
    "recovery_codes": "security",
    "session_end": "sessions",
    "sessions_end_others": "sessions",
}


def wanted_page(request: HttpRequest) -> str:
    """The page that `next` asks for, where it is one of our own; otherwise nothing."""
    target = request.POST.get("next", request.GET.get("next", ""))
    return page_behind(target) if is_ours(request, target) else ""


def is_ours(request: HttpRequest, target: str) -> bool:
    """Whether an address leads to a page of our own. A word without a slash could be taken for the name of a view."""
    return target.startswith("/") and url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    )


def page_behind(target: str) -> str:
    """`target`, or the page whose form leads there: after a session that ended under an open form, nobody can GET the rest."""
    address = urlsplit(target)
    try:
        name = resolve(address.path).url_name or ""
    except Resolver404:
        return target
    return address._replace(path=reverse(PAGE_BEHIND[name])).geturl() if name in PAGE_BEHIND else target
