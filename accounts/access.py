"""Who may see what: the one place that decides. Every selector takes what comes from here."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, QuerySet

from accounts.models import ClientSeat, User
from partners.models import PartnerAccount

Asker = User | AnonymousUser
Keys = tuple[str, tuple[Any, ...]]
# No primary key of a person.
_ANYBODY = -1


def visible_accounts(asker: Asker) -> QuerySet[PartnerAccount]:
    """The partner accounts whose figures and references `asker` may see: every one for active people of the partner.

    None for anybody else, and none for who works for a client: fees, partner references and the other clients of an account
    are not for creditors, in no page, export, answer or error. What a client may see needs selectors of its own.
    """
    if not asker.is_authenticated or not asker.is_active:
        return PartnerAccount.objects.none()
    return PartnerAccount.objects.exclude(Exists(ClientSeat.objects.filter(user=asker))).order_by("slug")


def visible_account_keys(asker: Asker) -> Keys | None:
    """The SQL that finds the primary keys of `visible_accounts`, and its parameters; None for who sees none in any case.

    For what is asked at every look at a page: the ORM would think about it for longer than the database.
    """
    if not asker.is_authenticated or not asker.is_active:
        return None
    sql, params = _keys_for_anybody()
    return sql, tuple(asker.pk if param == _ANYBODY else param for param in params)


@cache
def _keys_for_anybody() -> Keys:
    """With _ANYBODY among the parameters in the place of who asks."""
    return visible_accounts(User(pk=_ANYBODY)).order_by().values("pk").query.sql_with_params()


def may_pull(asker: Asker) -> bool:
    """Whether `asker` may start a pull of an account that they see."""
    return asker.is_authenticated and asker.is_active


def may_edit_cases(asker: Asker, account: PartnerAccount) -> bool:
    """Whether `asker` may set the references of an account's cases and activate them: whoever sees it."""
    return visible_accounts(asker).filter(pk=account.pk).exists()
