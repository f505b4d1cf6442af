"""The pages of one's own second factors. What changes something asks for a recent proof of who one is."""

from __future__ import annotations

import base64
import json
from textwrap import wrap
from urllib.parse import quote

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import can_generate_recovery_codes, generate_recovery_codes
from allauth.mfa.totp.internal.flows import activate_totp, deactivate_totp
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.internal.flows import add_authenticator, remove_authenticator, rename_authenticator
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit.record import Action, record
from accounts.models import User
from accounts.people import person
from accounts.signing_in.reauthentication import recently_signed_in
from accounts.signing_in.second_factor_forms import AppForm, NewPasskeyForm, PasskeyNameForm
from accounts.signing_in.sessions import end_sessions
from partners.secrets import UnreadableSecret

Type = Authenticator.Type
# As the audit trail calls them.
APP, PASSKEY = "authenticator app", "passkey"
unkept = cache_control(private=True, no_store=True)


@require_safe
@unkept
def security(request: HttpRequest) -> HttpResponse:
    """Which second factors the person who is signed in has."""
    found = list(Authenticator.objects.filter(user=person(request)).order_by("pk"))
    context = {
        "app": next((one for one in found if one.type == Type.TOTP), None),
        "passkeys": [one for one in found if one.type == Type.WEBAUTHN],
        "codes_left": next((_codes_left(one) for one in found if one.type == Type.RECOVERY_CODES), None),
        "has_any": any(one.type != Type.RECOVERY_CODES for one in found),
        "section": "security",
    }
    return render(request, "accounts/security.html", context)


def _codes_left(codes: Authenticator) -> int:
    """How many recovery codes are unused; none can be used where their seed cannot be opened."""
    try:
        return len(codes.wrap().get_unused_codes())
    except UnreadableSecret:
        return 0


@recently_signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@unkept
def app_set_up(request: HttpRequest) -> HttpResponse:
    """Shows the secret of an authenticator app, and takes the first code that it shows."""
    user = person(request)
    if Authenticator.objects.filter(user=user, type=Type.TOTP).exists():
        return redirect("security")
    form = AppForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            _, new_codes = activate_totp(request, form)
            _end_other_sessions(request)
            record(Action.SECOND_FACTOR_ADDED, request=request, subject=APP)
        messages.success(
            request,
            "Your authenticator app is set up. It is asked for at your next sign-in. You are signed out everywhere else.",
        )
        return _show_codes(request, new_codes) if new_codes else redirect("security")
    address = get_adapter().build_totp_url(user, form.secret)
    picture = base64.b64encode(get_adapter().build_totp_svg(address).encode()).decode("ascii")
    context = {
        "form": form,
        "picture": f"data:image/svg+xml;base64,{picture}",
        "secret": " ".join(wrap(form.secret, 4)),
        "section": "security",
    }
    return render(request, "accounts/app_set_up.html", context, status=400 if form.is_bound else 200)


@recently_signed_in
@require_POST
def app_remove(request: HttpRequest) -> HttpResponse:
    """An authenticator app that is no longer asked for."""
    found = get_object_or_404(Authenticator, user=person(request), type=Type.TOTP)
    with transaction.atomic():
        deactivate_totp(request, found)
        record(Action.SECOND_FACTOR_REMOVED, request=request, subject=APP)
    messages.success(request, "Your authenticator app is removed.")
    return redirect("security")


@recently_signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@unkept
def passkey_add(request: HttpRequest) -> HttpResponse:
    """Asks a device for a passkey, one that it gives out after looking at its owner, so that it is both factors."""
    user = person(request)
    form = NewPasskeyForm(request.POST or None, initial={"name": _next_name(user)})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        with transaction.atomic():
            _, new_codes = add_authenticator(request, name=name, credential=form.cleaned_data["credential"])
            _end_other_sessions(request)
            record(Action.SECOND_FACTOR_ADDED, request=request, subject=PASSKEY, called=name)
        messages.success(request, "Your passkey is added. You are signed out everywhere else.")
        return _show_codes(request, new_codes) if new_codes else redirect("security")
    options = json.dumps(webauthn.begin_registration(user, True))
    context = {"form": form, "passkey_options": options, "section": "security"}
    return render(request, "accounts/passkey_add.html", context, status=400 if form.is_bound else 200)


def _end_other_sessions(request: HttpRequest) -> None:
    """Those that began with a password alone would count as proven by the second factor that there is from now on."""
    end_sessions(person(request), but=request.session.session_key)


def _next_name(user: User) -> str:
    return f"Passkey {Authenticator.objects.filter(user=user, type=Type.WEBAUTHN).count() + 1}"


@recently_signed_in
@require_POST
def passkey_rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name for one of one's own passkeys."""
    found = get_object_or_404(Authenticator, user=person(request), type=Type.WEBAUTHN, pk=pk)
    form = PasskeyNameForm(request.POST)
    if form.is_valid():
        rename_authenticator(request, found, form.cleaned_data["name"])
        messages.success(request, "The passkey has its new name.")
    else:
        messages.error(request, "A passkey needs a name of at most 60 characters. Nothing was changed.")
    return redirect("security")


@recently_signed_in
@require_POST
def passkey_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """One of one's own passkeys no longer opens anything."""
    found = get_object_or_404(Authenticator, user=person(request), type=Type.WEBAUTHN, pk=pk)
    with transaction.atomic():
        remove_authenticator(request, found)
        record(Action.SECOND_FACTOR_REMOVED, request=request, subject=PASSKEY, called=found.data["name"])
    messages.success(request, "The passkey is removed. Delete it from its device as well.")
    return redirect("security")


@recently_signed_in
@require_POST
@unkept
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, which stand in this answer and nowhere else. The old ones end."""
    if not can_generate_recovery_codes(person(request)):
        messages.error(request, "Set up an authenticator app or a passkey first.")
        return redirect("security")
    with transaction.atomic():
        # SQLite lets who begins by writing wait for its turn; this changes nothing.
        Authenticator.objects.filter(pk=0).update(type=Type.RECOVERY_CODES)
        made = generate_recovery_codes(request)
        record(Action.RECOVERY_CODES_MADE, request=request)
    return _show_codes(request, made)


def _show_codes(request: HttpRequest, made: Authenticator) -> HttpResponse:
    codes = made.wrap().get_unused_codes()
    made.wrap().mark_as_viewed()
    text = "Recovery codes for Feeboard. Each one works once.\n\n" + "\n".join(codes) + "\n"
    context = {"codes": codes, "file": f"data:text/plain;charset=utf-8,{quote(text)}", "section": "security"}
    answer = render(request, "accounts/recovery_codes.html", context)
    answer["Cache-Control"] = "private, no-store"
    return answer
