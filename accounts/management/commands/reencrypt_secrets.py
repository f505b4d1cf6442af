"""`manage.py reencrypt_secrets`: after a new key in front of FIELD_ENCRYPTION_KEYS, so that the old ones can be dropped."""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.audit.record import Action, record_command
from accounts.signing_in.second_factors import SEALED
from partners.models import PartnerAccount
from partners.secrets import UnreadableSecret, decrypt, encrypt, is_newest


class Command(BaseCommand):
    help = (
        "Seals every stored secret with the newest of FIELD_ENCRYPTION_KEYS. May be repeated and stopped at any time. Exit 1: "
        "secrets that no listed key opens are left as they are, and named by account or person. Prints no secret."
    )

    def handle(self, **options: Any) -> None:
        renewed, unreadable = 0, []
        for account, column in _secrets():
            try:
                renewed += _renew(account, column)
            except UnreadableSecret:
                unreadable.append(f"{account.slug}: {account.SEALED[column]}")
        for factor in Authenticator.objects.filter(type__in=SEALED).select_related("user").order_by("pk"):
            try:
                renewed += _renew_factor(factor)
            except UnreadableSecret:
                unreadable.append(f"{factor.user.email}: {factor.type}")
        self.stdout.write(f"Sealed anew with the newest key: {renewed}.")
        if unreadable:
            raise CommandError(
                "No listed key opens these, which were left as they are. Add the key they were sealed with at the end of "
                "FIELD_ENCRYPTION_KEYS; or connect the accounts again, and remove the second factors of the people "
                "(manage.py remove_second_factors):\n" + "\n".join(unreadable)
            )
        self.stdout.write("No stored secret needs an older key any more.")


def _secrets() -> Iterator[tuple[PartnerAccount, str]]:
    """Every column that holds a secret, account by account."""
    for account in PartnerAccount.objects.order_by("pk"):
        yield from ((account, column) for column in account.SEALED if getattr(account, column))


def _renew(account: PartnerAccount, column: str) -> int:
    """1 where the secret is now sealed with the newest key and was not before. Raises UnreadableSecret.

    A secret that somebody has replaced since it was read here is theirs, and new.
    """
    sealed = getattr(account, column)
    if is_newest(sealed):
        return 0
    as_read = PartnerAccount.objects.filter(pk=account.pk, **{column: sealed})
    anew = encrypt(decrypt(sealed))
    with transaction.atomic():
        renewed = as_read.update(**{column: anew})
        if renewed:
            record_command(Action.KEY_RESEALED, account=account, subject=account.SEALED[column])
    return renewed


def _renew_factor(factor: Authenticator) -> int:
    """Likewise for a second factor, whose secret stands among other things that change when it is used."""
    name = SEALED[factor.type]
    sealed = factor.data[name]
    if is_newest(sealed):
        return 0
    anew = factor.data | {name: encrypt(decrypt(sealed))}
    as_read = Authenticator.objects.filter(pk=factor.pk, data=factor.data)
    with transaction.atomic():
        renewed: int = as_read.update(data=anew)
        if renewed:
            record_command(Action.KEY_RESEALED, subject=f"second factor of {factor.user.email}")
    return renewed
