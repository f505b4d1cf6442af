"""`Authorization: Bearer <token>` for the API."""

from datetime import timedelta

from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.models import ApiToken, User

# Noting every call would write to the database at every read.
NOTE_USE_EVERY = timedelta(minutes=5)


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
        note_use(found)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def note_use(token: ApiToken) -> None:
    """Keep the time of the last use, to five minutes."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
