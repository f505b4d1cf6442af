"""Connecting an account to Debitura: a key is tried first, and kept only where it works. Commands and pages do it with these.

What is tried asks Debitura, and never inside a transaction. What is kept is kept in the transaction of the caller, who writes
the line of the audit trail in the same one; whoever keeps something last is the one whose key stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from partners.debitura.address import checked_base_url, checked_case_path, is_loopback
from partners.debitura.client import DebituraClient
from partners.debitura.collection import CollectionClient
from partners.debitura.errors import InsecureAddress
from partners.debitura.records import Me
from partners.debitura.retry import RetryPolicy
from partners.debitura.transport import Timeouts
from partners.debitura.webhooks import secret_bytes
from partners.models import PartnerAccount

REFERRAL_API = "https://referral-api.debitura.com"
COLLECTION_API = "https://collectionpartner-api.debitura.com"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long whoever brings a key waits for Debitura's answer; None: as long as the client of that API does by itself."""

    timeouts: Timeouts | None = None
    retry: RetryPolicy | None = None


OF_A_COMMAND = Patience()
# Somebody looks at an empty page meanwhile, and can press the button again: Debitura is asked once.
OF_A_PERSON = Patience(
    Timeouts(connect=3.0, read=8.0, total=8.0), RetryPolicy(tries=1, rate_limit_waits=0, longest_wait=0.0, overall=8.0)
)


class OfAnotherPartner(Exception):
    """The key belongs to somebody else than the figures of the account. partner: whose it is, in words."""

    def __init__(self, me: Me) -> None:
        self.partner = me.company_name or me.id
        super().__init__(f"This key belongs to another partner ({self.partner}).")


# --- Trying -------------------------------------------------------------------------------------------


def whose_key(base_url: str, key: str, *, patience: Patience = OF_A_COMMAND) -> Me:
    """Whom a key of the Referral Partner API belongs to, as GET /me says. Raises DebituraError."""
    allowed = settings.ALLOW_PRIVATE_UPSTREAM
    with DebituraClient(
        base_url, key, allow_private=allowed, timeouts=patience.timeouts, retry=patience.retry
    ) as client:
        return client.me()


def try_collection_key(base_url: str, key: str, *, patience: Patience = OF_A_COMMAND) -> None:
    """Ask for a reference that no case has: only the right key at the right address is told that there is none.

    Raises DebituraError.
    """
    allowed = settings.ALLOW_PRIVATE_UPSTREAM
    with CollectionClient(
        base_url, key, allow_private=allowed, timeouts=patience.timeouts, retry=patience.retry
    ) as client:
        client.by_references([f"feeboard-{secrets.token_hex(8)}"])


def check_is_elsewhere(base_url: str) -> None:
    """Raises InsecureAddress for this very machine, which a command may name, and a page may not.

    Whoever types a base URL is told what answers there. Those who may do so in a page are not all let onto the server.
    """
    host = urlsplit(checked_base_url(base_url)).hostname or ""
    if is_loopback(host) and not settings.ALLOW_PRIVATE_UPSTREAM:
        raise InsecureAddress(
            "The base URL leads to the machine that Feeboard runs on, so nothing was sent there. Give Debitura's address."
        )


def check_lifecycle_path(path: str) -> None:
    """Raises InsecureAddress for a path that could lead elsewhere; "" is none."""
    if path:
        checked_case_path(path)


def host_of(address: str) -> str:
    """What the audit trail tells of an address of Debitura's: nothing of it that could be a secret."""
    return urlsplit(address).hostname or ""


# --- Keeping ------------------------------------------------------------------------------------------


def keep_key(account: PartnerAccount, *, base_url: str, key: str, me: Me, also: Iterable[str] = ()) -> datetime | None:
    """Keep a key together with the address at which it was tried.

    account: may be a new one. also: its other columns that are to be kept with the key. Returns when the key before this one
    was set. Raises OfAnotherPartner.
    """
    is_new = account.pk is None
    account.note_edit()
    # Somebody else may have connected it since it was read here; nobody can any more.
    stored = PartnerAccount.objects.filter(pk=account.pk).only("partner_id", "api_key_set_at").first() or account
    if stored.is_of_another(me.id):
        raise OfAnotherPartner(me)
    account.partner_id = me.id or stored.partner_id
    account.base_url, account.api_key, account.api_key_set_at = base_url.rstrip("/"), key, timezone.now()
    account.key_rejected_at = account.key_rejection_told_at = None
    if is_new:
        account.take_mode(me.invoicing_trigger_mode)
    # What others have set since, such as the key of the Collection Partner API, stays.
    account.save(update_fields=None if is_new else [*_OF_A_KEY, *also])
    return None if is_new else stored.api_key_set_at


_OF_A_KEY = ("partner_id", "base_url", "sealed_api_key", "api_key_set_at", "key_rejected_at", "key_rejection_told_at")


def keep_collection_key(account: PartnerAccount, *, base_url: str, key: str, lifecycle_path: str) -> datetime | None:
    """Keep a key of the Collection Partner API with its address and path; returns when the one before was set."""
    account.note_edit()
    before = _set_at(account, "collection_key_set_at")
    account.collection_base_url, account.lifecycle_path = base_url.rstrip("/"), lifecycle_path
    account.collection_key, account.collection_key_set_at = key, timezone.now()
    account.save(
        update_fields=["collection_base_url", "sealed_collection_key", "lifecycle_path", "collection_key_set_at"]
    )
    return before


def keep_lifecycle_path(account: PartnerAccount, path: str) -> None:
    """Keep where changed references are told, and nothing else; "" for nowhere."""
    account.note_edit()
    account.lifecycle_path = path
    account.save(update_fields=["lifecycle_path"])


def keep_webhook_secret(account: PartnerAccount, secret: str) -> datetime | None:
    """Keep what deliveries are signed with; returns when the one before was set. Raises UnusableSecret.

    Debitura cannot be asked whether it is the right one: the next delivery tells.
    """
    secret_bytes(secret)
    account.note_edit()
    before = _set_at(account, "webhook_secret_set_at")
    account.webhook_secret, account.webhook_secret_set_at = secret, timezone.now()
    account.save(update_fields=["sealed_webhook_secret", "webhook_secret_set_at"])
    return before


def _set_at(account: PartnerAccount, column: str) -> datetime | None:
    """As it is stored by now; behind the first write of a transaction nobody changes it any more."""
    found: datetime | None = PartnerAccount.objects.values_list(column, flat=True).get(pk=account.pk)
    return found
