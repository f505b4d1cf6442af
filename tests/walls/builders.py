"""What several tests of this package build."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.test import Client

from accounts.models import User
from partners.models import PartnerAccount
from tests.factories import NOW, make_user
from walls import credentials
from walls.models import BoardKey, PairingCode, Privacy, Screen

COPENHAGEN = "Europe/Copenhagen"


def make_screen(account: PartnerAccount, *, by: User | None = None, **fields: Any) -> Screen:
    """A screen that shows everything, paired at NOW by a person of its own where none is given."""
    defaults = {
        "name": "Sales, window side",
        "boards": list(BoardKey.values),
        "time_zone": COPENHAGEN,
        "privacy": Privacy.FULL,
        "paired_at": NOW,
    }
    return Screen.objects.create(account=account, paired_by=by or make_user(), **defaults | fields)


def browser_of(screen: Screen, now: datetime = NOW) -> Client:
    """The browser of a screen, whose credential has come back once already."""
    secret = credentials.new_secret()
    Screen.objects.filter(pk=screen.pk).update(digest=credentials.digest_of(secret), rotated_at=now, last_seen_at=now)
    browser = Client()
    browser.cookies[credentials.cookie_name()] = credentials.cookie_value(screen.pk, secret)
    return browser


def claim_of(code: PairingCode, screen: Screen) -> None:
    """As if an admin had claimed the code."""
    PairingCode.objects.filter(pk=code.pk).update(screen=screen)
