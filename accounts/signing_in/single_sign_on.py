"""Single sign-on by OpenID Connect, with the one server that the settings name (OIDC_…).

It lets in people whom somebody has invited, and makes none: the first time by the e-mail address that the server has
verified, from then on by the server's own name of the person. The code is asked for with a state, a nonce and PKCE, and
what comes back is believed for the server's signature alone.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.internal import jwtkit, statekit
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from accounts.models import User
from accounts.signing_in.next_page import wanted_page
from accounts.signing_in.throttle import comes_too_often, too_many

logger = logging.getLogger(__name__)

# What a server may answer that is not what was agreed on.
_NOT_AS_AGREED = (OAuth2Error, RequestException, LookupError, TypeError, ValueError, AttributeError)


class Connection(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth comes without types
    """How the server is asked."""

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("single_sign_on_callback"))

    def claims(self, code: str, state: dict[str, Any]) -> dict[str, Any]:
        """What the server says of who has signed in there. Raises one of _NOT_AS_AGREED."""
        app = self.get_provider().app
        answer = self.get_client(self.request, app).get_access_token(code, state["pkce_code_verifier"])
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=answer["id_token"],
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        if not secrets.compare_digest(str(claims["nonce"]), state["nonce"]):
            raise OAuth2Error("The answer is one to another question.")
        if "email" in claims and "email_verified" in claims:
            return claims
        more: dict[str, Any] = self._fetch_user_info(answer["access_token"])
        if more["sub"] != claims["sub"]:
            raise OAuth2Error("The server tells of two people.")
        return more | claims


class Provider(OpenIDConnectProvider):  # type: ignore[misc]  # likewise
    """The server of the settings."""

    oauth2_adapter_class = Connection
    pkce_enabled_default = True

    def get_default_scope(self) -> list[str]:
        return ["openid", "email"]

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Nothing is kept of what the server tells but its name of the person."""
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """An address is verified where the server says exactly so: "false" would be true as well."""
        if not isinstance(data.get("email"), str):
            return []
        return [EmailAddress(email=data["email"], verified=data.get("email_verified") is True, primary=True)]


class Rules(DefaultSocialAccountAdapter):  # type: ignore[misc]  # likewise
    """Whom single sign-on lets in."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Provider:
        return the_provider(request)

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Raises ImmediateHttpResponse for whom nobody has invited, or who is switched off; nothing tells them apart."""
        if sociallogin.is_existing:
            if not sociallogin.user.is_active:
                raise ImmediateHttpResponse(_refused(request))
            return
        user = _invited([one.email for one in sociallogin.email_addresses if one.verified])
        if user is None:
            raise ImmediateHttpResponse(_refused(request))
        sociallogin.connect(request, user)


def _invited(addresses: list[str]) -> User | None:
    """The active person who has one of the addresses."""
    found = (User.objects.filter(email__iexact=address, is_active=True).first() for address in addresses)
    return next(filter(None, found), None)


def the_provider(request: HttpRequest) -> Provider:
    """Raises Http404 where the settings name none."""
    if not settings.OIDC_SERVER_URL:
        raise Http404("There is no single sign-on here.")
    return Provider(
        request,
        app=SocialApp(
            provider="openid_connect",
            provider_id=_server_name(),
            name=settings.OIDC_NAME,
            client_id=settings.OIDC_CLIENT_ID,
            secret=settings.OIDC_CLIENT_SECRET,
            settings={"server_url": settings.OIDC_SERVER_URL},
        ),
    )


def _server_name() -> str:
    """By which its people are kept apart from those of another server, which may have the same names."""
    return settings.OIDC_SERVER_URL[: SocialAccount._meta.get_field("provider").max_length]


def is_linked(user: User) -> bool:
    """Whether `user` has come in by the server of the settings."""
    return bool(settings.OIDC_SERVER_URL) and SocialAccount.objects.filter(user=user, provider=_server_name()).exists()


@require_safe
@never_cache
@login_not_required
def start(request: HttpRequest) -> HttpResponse:
    """Leads to the server. Who is signed in already has to give their proof there once more."""
    provider, nonce = the_provider(request), secrets.token_urlsafe(24)
    if comes_too_often(request):
        return too_many(request, None, None)
    asked = {"nonce": nonce} | ({"prompt": "login"} if request.user.is_authenticated else {})
    try:
        answer: HttpResponse = provider.redirect(
            request, "login", next_url=wanted_page(request) or reverse("overview"), nonce=nonce, auth_params=asked
        )
    except _NOT_AS_AGREED as error:
        return _failed(request, error)
    return answer


@require_safe
@never_cache
@login_not_required
def callback(request: HttpRequest) -> HttpResponse:
    """Where the server leads back to."""
    provider = the_provider(request)
    state = statekit.unstash_state(request, provider_id=provider.sub_id, state_id=request.GET.get("state", ""))
    if state is None or "code" not in request.GET:
        return _failed(request, None)
    try:
        claims = Connection(request, provider.sub_id).claims(request.GET["code"], state)
        login = provider.sociallogin_from_response(request, claims)
    except _NOT_AS_AGREED as error:
        return _failed(request, error)
    login.state = state
    answer: HttpResponse = complete_social_login(request, login)
    return answer


def _refused(request: HttpRequest) -> HttpResponse:
    context = {"single_sign_on": settings.OIDC_NAME, "refused": True}
    return render(request, "accounts/single_sign_on.html", context, status=403)


def _failed(request: HttpRequest, error: Exception | None) -> HttpResponse:
    """The reason is for the log, where there is one: it may quote what the server said, but no secret of ours."""
    if error is not None:
        logger.warning("Single sign-on failed: %s", type(error).__name__)
    return render(request, "accounts/single_sign_on.html", {"single_sign_on": settings.OIDC_NAME}, status=502)
