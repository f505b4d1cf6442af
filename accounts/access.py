"""Who may see what: the one place that decides. Every selector takes what comes from here."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from accounts.models import User
from partners.models import PartnerAccount

Asker = User | AnonymousUser


def visible_accounts(asker: Asker) -> QuerySet[PartnerAccount]:
    """The partner accounts that `asker` may see: every one for a signed-in, active person; none for anybody else."""
    if not asker.is_authenticated or not asker.is_active:
        return PartnerAccount.objects.none()
    return PartnerAccount.objects.order_by("slug")


def may_pull(asker: Asker) -> bool:
    """Whether `asker` may start a pull from the page."""
    return asker.is_authenticated and asker.is_active
