"""Proving who one is by more than a password: the second step of signing in, and signing in by a passkey alone."""

from __future__ import annotations

import json
from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.webauthn.internal import auth as webauthn
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.signing_in.door import sign_in_person
from accounts.signing_in.next_page import wanted_page
from accounts.signing_in.second_factor_forms import CodeForm, PasskeyForm
from accounts.signing_in.second_factors import has_passkey, must_wait, note_wrong_proof
from accounts.signing_in.throttle import comes_too_often, too_many


@require_http_methods(["GET", "HEAD", "POST"])
@login_stage_required(stage=AuthenticateStage.key, redirect_urlname="account_login")  # type: ignore[untyped-decorator]
def second_step(request: HttpRequest) -> HttpResponse:
    """A code or a passkey, after the password was right."""
    stage = request._login_stage  # type: ignore[attr-defined]  # of the decorator
    user: User = stage.login.user
    if request.method != "POST":
        return _second_step_page(request, user, CodeForm(user=user))
    if must_wait(request, user):
        return too_many(request, None, None)
    form = proof_of(request, user)
    if not form.is_valid():
        note_wrong_proof(request, user)
        return _second_step_page(request, user, form)
    post_authentication(request, form.authenticator)
    answer: HttpResponse = stage.exit()
    return answer


def proof_of(request: HttpRequest, user: User) -> CodeForm | PasskeyForm:
    """What was posted: a passkey's signature, or a code."""
    if "credential" in request.POST:
        return PasskeyForm(request.POST, user=user)
    return CodeForm(request.POST, user=user)


def passkey_context(user: User) -> dict[str, Any]:
    """What a page needs to ask for a passkey of `user`; nothing where there is none. Each page asks for another signature."""
    return {"passkey_options": json.dumps(webauthn.begin_authentication(user))} if has_passkey(user) else {}


def _second_step_page(request: HttpRequest, user: User, form: CodeForm | PasskeyForm) -> HttpResponse:
    wrong_passkey = isinstance(form, PasskeyForm)
    context = {
        "form": CodeForm(user=user) if wrong_passkey else form,
        "passkey_error": form.errors.get("credential") if wrong_passkey else None,
        **passkey_context(user),
    }
    return render(request, "accounts/second_step.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """To GET: what a passkey has to sign, as JSON. To POST: its signature, which is both factors at once."""
    if request.user.is_authenticated:
        return redirect("overview")
    if comes_too_often(request):
        return too_many(request, None, None)
    if request.method != "POST":
        return JsonResponse(dict(webauthn.begin_authentication(None)))
    form = PasskeyForm(request.POST, user=None)
    target = wanted_page(request)
    if not form.is_valid():
        messages.error(request, "This passkey does not fit. Try again, or sign in another way.")
        return redirect(f"{reverse('sign_in')}?{urlencode({'next': target})}" if target else "sign_in")
    found = form.authenticator
    found.record_usage()
    return sign_in_person(
        request, found.user, method="mfa", target=target, id=found.pk, type=found.type, passwordless=True
    )
