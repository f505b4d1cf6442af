"""Deliveries of Debitura's webhooks, which only hasten the next pull: from whom they are, and whether they are news."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta

from django.db.models import Q

from partners.debitura.webhooks import UnusableSecret, is_signed, secret_bytes
from partners.models import PartnerAccount, WebhookDelivery
from partners.secrets import UnreadableSecret

log = logging.getLogger(__name__)

# A delivery is repeated until it is answered, some hours long at most; a signature is good for minutes.
KEPT = timedelta(days=1)
AT_MOST_EVERY = timedelta(minutes=1)
# In place of a secret that there is not, so that an unknown account takes as long as a known one.
_NOBODYS = secrets.token_bytes(32)


def account_that_signed(slug: str, signature: str, body: bytes, now: datetime) -> PartnerAccount | None:
    """The account with this slug, where the delivery was signed with the secret of its webhook."""
    account = PartnerAccount.objects.filter(slug=slug).exclude(sealed_webhook_secret="").first()
    secret = _NOBODYS if account is None else _secret_of(account)
    return account if is_signed(secret, signature, body, now=now.timestamp()) else None


def _secret_of(account: PartnerAccount) -> bytes:
    try:
        return secret_bytes(account.webhook_secret)
    except (UnreadableSecret, UnusableSecret):
        log.error("The webhook secret of %s cannot be opened; store it again with connect_webhook.", account.slug)
        return _NOBODYS


def is_news(account: PartnerAccount, delivery_id: str, now: datetime) -> bool:
    """Whether this delivery came for the first time; from now on it has."""
    WebhookDelivery.objects.filter(account=account, received_at__lt=now - KEPT).delete()
    _, is_new = WebhookDelivery.objects.get_or_create(
        account=account, delivery_id=delivery_id, defaults={"received_at": now}
    )
    return is_new


def may_hasten(account: PartnerAccount, now: datetime) -> bool:
    """Whether a delivery may start a pull now; from now on none may for a minute."""
    rested = Q(hastened_at=None) | Q(hastened_at__lte=now - AT_MOST_EVERY)
    return PartnerAccount.objects.filter(rested, pk=account.pk).update(hastened_at=now) == 1
