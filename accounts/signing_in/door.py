"""The one way in: whatever somebody has proven, they come through here, and by their second factor if they have one."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from accounts.home import landing_of
from accounts.models import User

# In the session until the second step: who has taken the first one, and a digest of their password then.
PROVEN_BY = "proven_by"


def sign_in_person(
    request: HttpRequest, user: User, *, method: str = "invitation", target: str = "", **proof: Any
) -> HttpResponse:
    """Let in `user`, who has proven by `method` who they are; the answer leads to `target`, or to the second step first.

    target: an address that was checked to be ours; empty, or the overview: the person's own first page. proof: what else to
    remember of it. Somebody else who is signed in with this browser is signed out. A person who is switched off is sent to
    the sign-in.
    """
    if request.user.is_authenticated and request.user != user:
        logout(request)
    record_authentication(request, user, method=method, **proof)
    request.session[PROVEN_BY] = [user.pk, user.get_session_auth_hash()]
    answer: HttpResponse = perform_login(request, Login(user=user, redirect_url=landing_of(user, target)))
    return answer
