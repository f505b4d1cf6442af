"""`Authorization: Bearer <token>` for the API."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.patience import Busy, waiting_at_most

# How exactly it is known when a token was last used: one write in this time, however often it is used.
EXACTNESS = timedelta(minutes=1)


class BearerTokenAuthentication(BaseAuthentication):
    """Finds the person behind a token; answers 401 for one that lets nobody in, without telling why."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = ApiToken.objects.select_related("user").filter(digest=ApiToken.digest_of(token.strip())).first()
        if found is None or not found.opens:
            raise exceptions.AuthenticationFailed(
                "This token is not valid. Make a new one in Feeboard: Profile, API tokens."
            )
        note_use(found)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def note_use(token: ApiToken) -> None:
    """Write down that `token` is used now, unless it is known to the minute already or somebody else is writing."""
    now = timezone.now()
    before = now - EXACTNESS
    if token.last_used_at is not None and token.last_used_at > before:
        return
    # What came at the same moment and wrote first has done it for us.
    due = ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=before), pk=token.pk)
    # SQLite has one writer at a time, and a pull may take seconds: then it is left out.
    with suppress(Busy), waiting_at_most(0):
        due.update(last_used_at=now)
