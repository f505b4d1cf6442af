"""The page of one's own sessions."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from accounts.audit.record import Action, record
from accounts.people import person
from accounts.signing_in.sessions import NOWHERE, browser_name, end_keys, open_sessions


@require_safe
@cache_control(private=True, no_store=True)
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the person who is signed in is signed in."""
    found = [
        {
            "pk": one.pk,
            "browser": browser_name(one.user_agent) or "Unknown browser",
            "user_agent": one.user_agent,
            "address": "" if one.ip == NOWHERE else one.ip,
            "began": one.created_at,
            "seen": one.last_seen_at,
            "is_this": one.session_key == request.session.session_key,
        }
        for one in open_sessions(person(request))
    ]
    others = sum(not one["is_this"] for one in found)
    return render(request, "accounts/sessions.html", {"sessions": found, "others": others, "section": "sessions"})


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends one of one's own sessions at once; this one, too."""
    found = get_object_or_404(UserSession, user=person(request), pk=pk)
    if found.session_key == request.session.session_key:
        logout(request)
        return redirect("sign_in")
    with transaction.atomic():
        end_keys([found.session_key])
        record(Action.SESSION_ENDED, request=request, subject=browser_name(found.user_agent), of=found.ip)
    messages.success(request, "The session is ended.")
    return redirect("sessions")


@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """Ends every other session at once."""
    keys = [one.session_key for one in open_sessions(person(request))]
    ended = [key for key in keys if key != request.session.session_key]
    with transaction.atomic():
        end_keys(ended)
        record(Action.SESSION_ENDED, request=request, sessions=len(ended))
    messages.success(request, f"{len(ended)} other session{'' if len(ended) == 1 else 's'} ended.")
    return redirect("sessions")
