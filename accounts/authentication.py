"""`Authorization: Bearer <token>` for the API."""

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.models import ApiToken, User


class BearerTokenAuthentication(BaseAuthentication):
    """Finds the person behind a token; answers 401 for an unknown one without telling why."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = ApiToken.objects.select_related("user").filter(digest=ApiToken.digest_of(token.strip())).first()
        if found is None or not found.user.is_active:
            raise exceptions.AuthenticationFailed(
                "This token is not valid. Make a new one with: manage.py api_token E-MAIL"
            )
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
