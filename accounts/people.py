"""Who is asking."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import User


def person(request: HttpRequest) -> User:
    """The person who is signed in. Raises TypeError for anybody else, whom LoginRequiredMiddleware keeps away from pages."""
    if not isinstance(request.user, User):
        raise TypeError("This page is for people who are signed in.")
    return request.user
