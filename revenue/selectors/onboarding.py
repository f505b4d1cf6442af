"""Clients who cannot begin yet: those whose onboarding is not known to be complete."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F

from accounts.access import Sight
from partners.models import BY_NAME, Client


@dataclass(frozen=True, slots=True)
class Onboarding:
    """clients: the first of those who are stuck, the one linked longest ago first. count: of all of them."""

    clients: list[Client]
    count: int

    @property
    def left_out(self) -> int:
        return self.count - len(self.clients)


def stuck_in_onboarding(sight: Sight, *, limit: int) -> Onboarding:
    """The clients that Debitura lists, that may be seen, and whose onboarding is open or unknown. Two queries."""
    listed = Client.objects.filter(sight.of_clients("pk"), account=sight.account, archived_at=None)
    stuck = listed.exclude(onboarding_done=True)
    oldest = stuck.defer("raw", "users", "address").order_by(F("date_linked").asc(nulls_last=True), BY_NAME, "pk")
    return Onboarding(list(oldest[:limit]), stuck.count())
