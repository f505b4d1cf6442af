"""Up to when an account manager has looked through what moved with their clients."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from accounts.models import Membership, User
from partners.models import PartnerAccount


def looked_at(person: User, account: PartnerAccount) -> datetime | None:
    """The instant (UTC) up to which `person` has seen everything of an account; None before the first time."""
    found = Membership.objects.filter(user=person, account=account).values_list("looked_at", flat=True)
    return found.first()


def note_look(person: User, account: PartnerAccount, *, upto: datetime) -> bool:
    """Remember that `person` has seen what moved up to an instant; whether that is news.

    Never back: a page that was opened earlier, in another tab, shows less than what has been seen since.
    """
    earlier = Q(looked_at=None) | Q(looked_at__lt=upto)
    return bool(Membership.objects.filter(earlier, user=person, account=account).update(looked_at=upto))
