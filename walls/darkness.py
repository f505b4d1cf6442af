"""Screens that have gone dark: admins are told by mail, once for each time that one does."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from smtplib import SMTPException
from zoneinfo import ZoneInfo

from django.core.mail import EmailMessage
from django.db.models import QuerySet

from accounts.models import Role, User
from partners.models import PartnerAccount
from walls.models import Screen

log = logging.getLogger(__name__)


def is_dark(screen: Screen, now: datetime) -> bool:
    """Whether a screen has been silent for longer than it should; one that has never come counts from when it was paired."""
    since = screen.last_seen_at or screen.paired_at
    return screen.revoked_at is None and now - since > timedelta(minutes=screen.dark_after_minutes)


def tell_of_dark_screens(now: datetime) -> int:
    """Tell the admins of each account of the screens that have gone dark since they were told last; how many there are.

    All that go dark at once stand in one mail: after a cut in an office, it is one thing to know. What cannot be sent is tried
    again in the next round.
    """
    silent = Screen.objects.filter(revoked_at=None, dark_told_at=None).select_related("account").order_by("name", "pk")
    dark: dict[PartnerAccount, list[Screen]] = defaultdict(list)
    for screen in silent:
        # Whoever sets the time first tells; another process leaves it alone.
        if is_dark(screen, now) and _of(screen).filter(dark_told_at=None).update(dark_told_at=now):
            dark[screen.account].append(screen)
    for account, screens in dark.items():
        _tell(account, screens)
    return sum(map(len, dark.values()))


def _of(*screens: Screen) -> QuerySet[Screen]:
    return Screen.objects.filter(pk__in=[screen.pk for screen in screens])


def admins_of(account: PartnerAccount) -> list[str]:
    """Who is told: the admins of the account; where it has none of its own, who is admin of everything."""
    own = User.objects.filter(is_active=True, memberships__account=account, memberships__role=Role.ADMIN)
    found = own if own.exists() else User.objects.filter(is_active=True, is_superuser=True)
    return sorted(found.values_list("email", flat=True))


def _tell(account: PartnerAccount, screens: list[Screen]) -> None:
    for_whom = admins_of(account)
    if not for_whom:
        return
    # Nobody has to know who else is told.
    mail = EmailMessage(subject=_subject(screens), body=_body(account, screens), bcc=for_whom)
    try:
        mail.send()
    except (SMTPException, OSError):
        log.exception("The mail about %s dark screens of %s could not be sent", len(screens), account.slug)
        _of(*screens).update(dark_told_at=None)


def _subject(screens: list[Screen]) -> str:
    if len(screens) > 1:
        return f"Feeboard: {len(screens)} screens are dark"
    return " ".join(f"Feeboard: the screen “{screens[0].name}” is dark".split())


def _body(account: PartnerAccount, screens: Iterable[Screen]) -> str:
    lines = [f"- {screen.name}{f' ({screen.place})' if screen.place else ''}: {_since(screen)}" for screen in screens]
    return "\n".join(
        [
            f"These screens of {account.name} have not asked Feeboard for figures for longer than they should:",
            "",
            *lines,
            "",
            "Check that each of them is on and has a network. They go on by themselves; you are told once for each time.",
            "You find all screens in Feeboard under Settings, Screens.",
        ]
    )


def _since(screen: Screen) -> str:
    if screen.last_seen_at is None:
        return "never seen since it was paired"
    return f"last seen {screen.last_seen_at.astimezone(ZoneInfo(screen.time_zone)):%Y-%m-%d %H:%M} ({screen.time_zone})"
