"""Second factors: an authenticator app, passkeys, recovery codes; whose they are, and whether a proof by one of them is good."""

from __future__ import annotations

import logging
import struct
from typing import Any

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.internal import auth as webauthn
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest

from accounts.models import User
from partners.secrets import UnreadableSecret

logger = logging.getLogger(__name__)

Type = Authenticator.Type
# Where in its data a second factor keeps what is sealed; passkeys have no secret here.
SEALED = {Type.TOTP: "secret", Type.RECOVERY_CODES: "seed"}
# What somebody may have instead of a browser that speaks WebAuthn: the library reads it without looking first.
_MALFORMED = (TypeError, ValueError, LookupError, AttributeError, struct.error)


def second_factors_of(user: User | OuterRef) -> QuerySet[Any]:
    """The apps and passkeys of `user`: with one, more than a password is asked for at every sign-in."""
    found: QuerySet[Any] = Authenticator.objects.filter(user=user, type__in=(Type.TOTP, Type.WEBAUTHN))
    return found


def has_passkey(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type=Type.WEBAUTHN).exists())


def authenticator_of_code(user: User, code: str) -> Authenticator | None:
    """The authenticator of `user` that made `code`, which is used up by this; None for a wrong or a used one."""
    for found in Authenticator.objects.filter(user=user, type__in=(Type.TOTP, Type.RECOVERY_CODES)):
        try:
            right = _use_app_code(found, code) if found.type == Type.TOTP else found.wrap().validate_code(code)
        except UnreadableSecret:
            logger.error("The second factors of person %s cannot be opened: see FIELD_ENCRYPTION_KEYS.", user.pk)
            continue
        if right:
            return found
    return None


def _use_app_code(app: Authenticator, code: str) -> bool:
    """Whether `code` is one of the app's for about now, and later than any that was used. Two at once: one of them is."""
    secret = decrypt(app.data["secret"])
    for counter in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            unused = Q(data__counter__isnull=True) | Q(data__counter__lt=counter)
            mine = Authenticator.objects.filter(unused, pk=app.pk)
            return bool(mine.update(data=app.data | {"counter": counter}) == 1)
    return False


def authenticator_of_passkey(user: User | None, credential: Any) -> Authenticator:
    """The passkey that has signed what this session was asked to sign; of `user`, or of whom it names, where that is None.

    Raises ValidationError for anything else, also for a passkey of somebody who is switched off.
    """
    try:
        webauthn.parse_authentication_response(credential)
        owner = user or webauthn.extract_user_from_response(credential)
        found = webauthn.complete_authentication(owner, credential)
    except (*_MALFORMED, ValidationError) as error:
        raise ValidationError("This passkey does not fit. Try again, or sign in another way.") from error
    if not found.user.is_active:
        raise ValidationError("This passkey does not fit. Try again, or sign in another way.")
    return found


def check_new_passkey(credential: Any) -> None:
    """Raises ValidationError unless a device has made `credential` for this session, after looking at its owner."""
    try:
        webauthn.parse_registration_response(credential)
        made = webauthn.complete_registration(credential)
    except (*_MALFORMED, ValidationError) as error:
        raise ValidationError("This device gave no passkey. Try again.") from error
    if not made.is_user_verified():
        raise ValidationError(
            "This device did not check who you are. Set up a PIN, a fingerprint or a face on it first."
        )


def must_wait(request: HttpRequest, user: User) -> bool:
    """Whether too many proofs of `user` were wrong from where `request` comes; counted together with passwords."""
    return not AxesProxyHandler.is_allowed(request, {"username": user.email})


def note_wrong_proof(request: HttpRequest, user: User) -> None:
    """Count a wrong code or passkey as a wrong password is counted: the fifth is answered by a wait.

    By Django's signal, which is how whoever counts or writes down failed sign-ins learns of a password.
    """
    user_login_failed.send(sender=__name__, credentials={"username": user.email}, request=request)
