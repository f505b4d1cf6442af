"""What is grave asks for a new proof of who one is, where the last one is older than REAUTHENTICATE_AFTER_SECONDS.

A sign-in is such a proof; so is the password, a code or a passkey, given once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.base.internal.flows import post_authentication
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.people import person
from accounts.signing_in.next_page import page_behind, wanted_page
from accounts.signing_in.second_factor_forms import CodeForm, PasskeyForm, PasswordAgainForm
from accounts.signing_in.second_factors import must_wait, note_wrong_proof, second_factors_of
from accounts.signing_in.second_step_views import passkey_context, proof_of
from accounts.signing_in.single_sign_on import is_linked
from accounts.signing_in.throttle import too_many

View = Callable[..., HttpResponseBase]
# The last proofs that a session remembers.
REMEMBERED = 10


def recently_signed_in(view: View) -> View:
    """`view`, for who has proven lately who they are; others are asked first, and then led to the page they wanted.

    What they have posted is not done and not kept, as it may hold a key: they are told, and send it again.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if is_recent(request) else ask_again(request)

    return guarded


def is_recent(request: HttpRequest) -> bool:
    """Whether the last proof of who is signed in is young enough."""
    proofs = get_authentication_records(request, person(request))
    last: float = max((proof["at"] for proof in proofs), default=0.0)
    return time.time() - last < settings.REAUTHENTICATE_AFTER_SECONDS


def ask_again(request: HttpRequest) -> HttpResponse:
    """Leads to the page that asks, and from there to the page behind this one."""
    target = page_behind(request.get_full_path())
    if request.method not in {"GET", "HEAD"}:
        messages.warning(request, "Nothing was saved: you have to say first who you are. Then send it once more.")
    address = f"{reverse('sign_in_again')}?{urlencode({'next': target})}"
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_in_again(request: HttpRequest) -> HttpResponse:
    """Asks for the password, a code or a passkey of who is signed in."""
    user, target = person(request), wanted_page(request)
    if request.method != "POST":
        return _page(request, user, target)
    if must_wait(request, user):
        return too_many(request, None, None)
    if "password" in request.POST:
        password = PasswordAgainForm(request.POST, request=request, user=user)
        if not password.is_valid():
            return _page(request, user, target, password=password)
        record_authentication(request, user, method="password", reauthenticated=True)
    else:
        proof = proof_of(request, user)
        if not proof.is_valid():
            note_wrong_proof(request, user)
            return _page(request, user, target, proof=proof)
        post_authentication(request, proof.authenticator, reauthenticated=True)
    _forget_old_proofs(request)
    return redirect(target or "profile")


def _forget_old_proofs(request: HttpRequest) -> None:
    proofs = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = proofs[-REMEMBERED:]


def _page(
    request: HttpRequest,
    user: User,
    target: str,
    *,
    password: PasswordAgainForm | None = None,
    proof: CodeForm | PasskeyForm | None = None,
) -> HttpResponse:
    code = proof if isinstance(proof, CodeForm) else CodeForm(user=user, auto_id="code_%s")
    context = {
        "next": target,
        "password_form": (password or PasswordAgainForm(request=request, user=user))
        if user.has_usable_password()
        else None,
        "code_form": code if second_factors_of(user).exists() else None,
        "passkey_error": proof.errors.get("credential") if isinstance(proof, PasskeyForm) else None,
        "single_sign_on": settings.OIDC_NAME if is_linked(user) else "",
        **passkey_context(user),
    }
    return render(request, "accounts/sign_in_again.html", context)
