"""Where people begin: the page that somebody comes to who has just signed in and asked for no other one."""

from __future__ import annotations

from django.urls import reverse

from accounts.access import sights_of
from accounts.models import User


def home_of(person: User) -> str:
    """The address of their first page: an account manager's clients, else the overview."""
    sights = sights_of(person)
    return reverse("overview" if not sights or sights[0].is_whole else "my_clients")


def landing_of(person: User, target: str) -> str:
    """`target`, or the person's home where that is empty, or the overview, which is what an address without a page means."""
    return home_of(person) if target in ("", reverse("overview")) else target
