"""The page of one's own API tokens."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit.record import Action, record
from accounts.forms import TokenForm, WantedToken
from accounts.models import ApiToken, User
from accounts.people import person


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def tokens(request: HttpRequest) -> HttpResponse:
    """The tokens of the person who is signed in. A new one stands in the answer to its POST, and nowhere else."""
    owner = person(request)
    form = TokenForm(request.POST or None, owner=owner)
    if request.method != "POST":
        return _page(request, form)
    if not form.is_valid():
        return _page(request, form, status=400)
    made = _made(request, owner, form.wanted())
    return _page(request, TokenForm(owner=owner), made=made)


def _made(request: HttpRequest, owner: User, wanted: WantedToken) -> str:
    end = wanted["expires_at"]
    with transaction.atomic():
        made = ApiToken.issue(owner, **wanted)
        expires = None if end is None else end.date()
        record(Action.TOKEN_MADE, request=request, subject=wanted["name"], scopes=wanted["scopes"], expires=expires)
    return made


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends one of one's own tokens at once."""
    token = get_object_or_404(person(request).api_tokens, pk=pk)
    with transaction.atomic():
        token.delete()
        record(Action.TOKEN_REVOKED, request=request, subject=token.name)
    messages.success(request, "The token is revoked. It no longer works.")
    return redirect("tokens")


def _page(request: HttpRequest, form: TokenForm, *, made: str = "", status: int = 200) -> HttpResponse:
    found = person(request).api_tokens.order_by("-created_at", "-pk")
    context = {"form": form, "tokens": found, "made": made, "section": "tokens"}
    return render(request, "accounts/tokens.html", context, status=status)
