"""An account's way to the Collection Partner API, and the one thing told there beside an activation: a changed reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from partners.activation_errors import NotConnected
from partners.debitura.collection import CollectionClient
from partners.debitura.errors import DebituraError, InsecureAddress, UnusableKey
from partners.debitura.transport import Timeouts
from partners.models import Case, PartnerAccount
from partners.secrets import UnreadableSecret

MakeClient = Callable[..., CollectionClient]
# A reference is saved at once; whoever saved it does not wait long for Debitura.
SHORT = Timeouts(connect=2.0, read=5.0, total=5.0)


def client_of(account: PartnerAccount, make_client: MakeClient, **options: Any) -> CollectionClient:
    """A client with the account's key, for `with`. Raises NotConnected."""
    if not account.is_collecting:
        raise NotConnected(account)
    try:
        options["allow_private"] = settings.ALLOW_PRIVATE_UPSTREAM
        return make_client(account.collection_base_url, account.collection_key, **options)
    except UnreadableSecret:
        raise NotConnected(account, "The stored key of the Collection Partner API cannot be opened.") from None
    except (InsecureAddress, UnusableKey) as error:
        raise NotConnected(account, str(error)) from None


def send_reference(case: Case, *, make_client: MakeClient = CollectionClient) -> str:
    """Tell Debitura the reference that a case has now; "" where that is done or there is no way to, else why not.

    Call it after the change, outside of its transaction. Debitura takes a reference only along with a case's state, and only
    at an address that its description does not show: the account says where, if anywhere.
    """
    account = case.account
    if not account.lifecycle_path or not account.is_collecting:
        return ""
    case.refresh_from_db(fields=["lifecycle", "partner_reference"])
    if not case.lifecycle:
        return "The reference is saved here. Debitura was not told, as it has not told the state of this case yet."
    try:
        with client_of(account, make_client, timeouts=SHORT) as client:
            client.update_lifecycle(
                account.lifecycle_path, case.case_id, lifecycle=case.lifecycle, reference=case.partner_reference
            )
    except (DebituraError, NotConnected) as error:
        return f"The reference is saved here, but Debitura may not know it. {error}"
    return ""
