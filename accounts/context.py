"""What every template may ask about the reader."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts.access import Asker, Sight, UnknownAccount, own_clients, sight_of
from accounts.people import sights_seen


class Desks:
    """Which pages there are for a reader, for the links to them; asked of the database where a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        # Nobody, where a request is refused before anybody has asked who sends it.
        self._asker: Asker = getattr(request, "user", None) or AnonymousUser()

    @cached_property
    def sight(self) -> Sight | None:
        """What they see of the account that the address speaks of; None where that is nothing."""
        seen = sights_seen(self._request) if self._asker.is_active else []
        try:
            return sight_of(self._request.GET, asker=self._asker, seen=seen)[0] if seen else None
        except UnknownAccount:
            return None

    @cached_property
    def administered(self) -> str:
        """The slug of the first account that they administer; "" for none."""
        sights = sights_seen(self._request) if self._asker.is_active else []
        return next((sight.account.slug for sight in sights if sight.may_administer), "")

    @cached_property
    def works_for_partner(self) -> bool:
        """Whether the partner's people's pages are for them; for superusers also before an account is connected."""
        asker = self._asker
        return asker.is_active and (asker.is_superuser or bool(sights_seen(self._request)))

    @cached_property
    def has_own_cases(self) -> bool:
        """Whether they are a client's own person. Superusers are admins of every account: of them it is not asked."""
        asker = self._asker
        return asker.is_active and not asker.is_superuser and own_clients(asker).exists()


def desks(request: HttpRequest) -> dict[str, Desks]:
    return {"desks": Desks(request)}
