"""What django-allauth asks of us: where people come from, what they are told, and how their secrets are kept."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.mail import send_later, write_mail
from accounts.models import User
from accounts.signing_in.door import PROVEN_BY
from accounts.signing_in.next_page import is_ours
from accounts.signing_in.sessions import LISTED, NOWHERE, browser_name
from accounts.signing_in.throttle import client_address
from partners import secrets

# What is told by mail to the person whom it happened to, by allauth's name of it.
NOTICES = {
    "account/email/password_changed": "Your password was changed.",
    "account/email/password_reset": "Your password was set anew, with a link that was sent to this address.",
    "mfa/email/totp_activated": "An authenticator app was set up as your second factor.",
    "mfa/email/totp_deactivated": "Your authenticator app was removed as a second factor.",
    "mfa/email/webauthn_added": "A passkey was added.",
    "mfa/email/webauthn_removed": "A passkey was removed.",
    "mfa/email/recovery_codes_generated": "New recovery codes were made. The old ones no longer work.",
    "socialaccount/email/account_connected": f"You can now sign in with {settings.OIDC_NAME}.",
}


class People(DefaultAccountAdapter):  # type: ignore[misc]  # allauth comes without types
    """Signing in. Everybody was invited, so nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_stages(self) -> list[str]:
        return ["allauth.mfa.stages.AuthenticateStage"]

    def is_reauthentication_required(self, **options: Any) -> bool:
        """Never, for allauth, which would keep what was posted in the session: `reauthentication` asks instead."""
        return False

    def add_message(self, *args: Any, **options: Any) -> None:
        """Nothing: our pages say themselves what has happened."""

    def is_safe_url(self, url: str | None) -> bool:
        """Where people are led afterwards: the one rule of ours. allauth's own has no answer to half an address, such as http://[."""
        return bool(url) and is_ours(context.request, str(url))

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or NOWHERE

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """No more than after a wrong password."""
        messages.error(request, "You cannot sign in with this. Ask your administrator.")
        return redirect("sign_in")

    def login(self, request: HttpRequest, user: User) -> None:
        """Raises ImmediateHttpResponse for who was switched off or got another password between the first step and the second."""
        first, digest = request.session.pop(PROVEN_BY, (None, ""))
        is_outdated = first == user.pk and not constant_time_compare(digest, user.get_session_auth_hash())
        if not user.is_active or is_outdated:
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        super().login(request, user)
        request.session[LISTED] = True

    def send_notification_mail(
        self, template_prefix: str, user: User, context: Any = None, email: str | None = None
    ) -> None:
        """To the one address that a person has."""
        notify(self.request, user, NOTICES[template_prefix])


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]  # likewise
    """Second factors. Their secrets are sealed as API keys are: a copy of the database opens nothing."""

    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises partners.secrets.UnreadableSecret."""
        return secrets.decrypt(encrypted_text)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """What a passkey belongs to: this host."""
        return {"id": context.request.get_host().partition(":")[0], "name": "Feeboard"}


def notify(request: HttpRequest, user: User, what: str) -> None:
    """Tell `user` by mail what has changed about how they sign in, from where and with what."""
    told = {
        "what": what,
        "at": timezone.localtime(timezone.now(), user.zone),
        "zone": user.zone.key,
        "address": client_address(request),
        "browser": browser_name(request.headers.get("User-Agent", "")),
    }
    send_later(write_mail("security_notice", user.email, told))
