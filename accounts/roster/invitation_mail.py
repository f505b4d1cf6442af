"""The mail that brings an invitation."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from accounts.roster.forms import MEANINGS
from accounts.roster.joining import Invited

logger = logging.getLogger(__name__)

# Seconds: an admin waits for it.
PATIENCE = 10
_CONSOLE = "django.core.mail.backends.console.EmailBackend"


def link_of(request: HttpRequest, invited: Invited) -> str:
    """The address that the invitation is accepted at."""
    return request.build_absolute_uri(reverse("invitation_link", args=[invited.token]))


def send(invited: Invited, link: str) -> str:
    """Send the link to who is invited. "" where the mail server has taken it, else a sentence that says what to do.

    Without a mail server nothing is sent: the console, which then stands in its place, is a log, where the link must not be.
    """
    if settings.EMAIL_BACKEND == _CONSOLE:
        return "No mail server is set (EMAIL_URL), so nothing was sent. Give the link to the person yourself."
    try:
        _mail(invited, link).send()
    except OSError as error:
        logger.error("An invitation could not be sent (%s): look at EMAIL_URL.", type(error).__name__)
        return "The mail could not be sent. Give the link to the person yourself, or send the invitation again later."
    return ""


def _mail(invited: Invited, link: str) -> EmailMultiAlternatives:
    invitation = invited.invitation
    context = {
        "invitation": invitation,
        "inviter": _in_one_line(invitation.invited_by.name or invitation.invited_by.email),
        "account": _in_one_line(invitation.account.name),
        "role": Role(invitation.role).label,
        "meaning": MEANINGS[Role(invitation.role)],
        "link": link,
        "zone": timezone.get_current_timezone_name(),
    }
    mail = EmailMultiAlternatives(
        f"{context['account']} on Feeboard: an invitation",
        render_to_string("accounts/invitation_mail.txt", context),
        to=[invitation.email],
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT or PATIENCE),
    )
    mail.attach_alternative(render_to_string("accounts/invitation_mail.html", context), "text/html")
    return mail


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
