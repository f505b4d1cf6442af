"""What the pages under /settings/ share: whose account they speak of, and for whom there are any."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from accounts.access import NoAccount, Sight
from accounts.people import own_sight, person


def admin_sight(request: HttpRequest) -> Sight | None:
    """What an admin sees of the account that the address speaks of; None for a superuser before one is connected.

    Raises PermissionDenied for people of that account who are no admins. Raises Http404 for whoever works for no account, and
    for an account that they see nothing of, be there one or not.
    """
    try:
        sight = own_sight(request)
    except NoAccount as nothing:
        if person(request).is_superuser:
            return None
        raise Http404("There is no such page.") from nothing
    if not sight.may_administer:
        raise PermissionDenied
    return sight
