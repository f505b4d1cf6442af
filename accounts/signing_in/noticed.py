"""Signing in and out, as the audit trail tells it.

Django's own signals, which whatever lets people in sends, be it ours or a library's: the one place where they all pass.
"""

from __future__ import annotations

from typing import Any

from allauth.account.authentication import get_authentication_records
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest

from accounts.audit.record import Action, record, record_failed_sign_in
from accounts.models import User
from accounts.signing_in.throttle import name_tried


def listen() -> None:
    """From now on every sign-in is a line; once a process."""
    for signal, receiver in (
        (user_logged_in, _signed_in),
        (user_logged_out, _signed_out),
        (user_login_failed, _failed),
    ):
        signal.connect(receiver, dispatch_uid=f"audit.{receiver.__name__}")


def _signed_in(*, request: HttpRequest | None, user: User, **_: Any) -> None:
    record(Action.SIGNED_IN_BY_SSO if _came_by_sso(request, user) else Action.SIGNED_IN, request=request, actor=user)


def _came_by_sso(request: HttpRequest | None, user: User) -> bool:
    """Whether single sign-on is among the proofs of this sign-in."""
    proofs = [] if request is None else get_authentication_records(request, user)
    return any(proof["method"] == "socialaccount" for proof in proofs)


def _signed_out(*, request: HttpRequest | None, user: User | None, **_: Any) -> None:
    """Nobody is signed out where a session had ended before."""
    if user is not None:
        record(Action.SIGNED_OUT, request=request, actor=user)


def _failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    name = "" if request is None else name_tried(request, credentials)
    record_failed_sign_in(name if _is_email(name) else "", request)


def _is_email(name: str) -> bool:
    """Whether it may be kept: anything else may well be a password that somebody typed into the wrong field."""
    try:
        validate_email(name)
    except ValidationError:
        return False
    return True
