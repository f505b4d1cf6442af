"""What every template may ask about the reader."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts.access import Asker, own_clients, visible_accounts


class Desks:
    """Which pages there are for a reader, for the links to them; asked of the database where a template asks for it."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    @cached_property
    def works_for_partner(self) -> bool:
        """Whether the partner's people's pages are for them; for superusers also before an account is connected."""
        asker = self._asker
        return asker.is_active and (asker.is_superuser or visible_accounts(asker).exists())

    @cached_property
    def has_own_cases(self) -> bool:
        """Whether they are a client's own person. Superusers are admins of every account: of them it is not asked."""
        asker = self._asker
        return asker.is_active and not asker.is_superuser and own_clients(asker).exists()


def desks(request: HttpRequest) -> dict[str, Any]:
    """`desks`; also for who is not known yet, as when a request is refused before anybody asks."""
    return {"desks": Desks(getattr(request, "user", None) or AnonymousUser())}
