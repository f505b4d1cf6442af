"""Who may see what: the one place that decides. Every selector takes what comes from here."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, QuerySet

from accounts.models import ClientSeat, User
from partners.models import PartnerAccount

Asker = User | AnonymousUser


def visible_accounts(asker: Asker) -> QuerySet[PartnerAccount]:
    """The partner accounts whose figures and references `asker` may see: every one for active people of the partner.

    None for anybody else, and none for who works for a client: fees, partner references and the other clients of an account
    are not for creditors, in no page, export, answer or error. What a client may see needs selectors of its own.
    """
    if not asker.is_authenticated or not asker.is_active:
        return PartnerAccount.objects.none()
    return PartnerAccount.objects.exclude(Exists(ClientSeat.objects.filter(user=asker))).order_by("slug")


def may_pull(asker: Asker) -> bool:
    """Whether `asker` may start a pull of an account that they see."""
    return asker.is_authenticated and asker.is_active


def may_edit_cases(asker: Asker, account: PartnerAccount) -> bool:
    """Whether `asker` may set the references of an account's cases and activate them: whoever sees it."""
    return visible_accounts(asker).filter(pk=account.pk).exists()
