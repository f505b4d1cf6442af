"""`manage.py connect_webhook`: the secret with which Debitura signs what its webhook sends, stored encrypted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.urls import reverse

from accounts.audit.record import Action, record_command
from accounts.management.account_options import account_named, add_key_option, read_key
from partners.connecting import keep_webhook_secret
from partners.debitura.webhooks import UnusableSecret


class Command(BaseCommand):
    help = (
        "Stores the secret of a webhook that was made at Debitura for an account, encrypted: its deliveries hasten pulls. "
        "Prints no secret."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--partner", required=True, help="the slug of an account that connect_partner has connected"
        )
        add_key_option(parser, "--secret-env")

    def handle(self, *, partner: str, secret_env: str | None, **options: Any) -> None:
        account = account_named(partner)
        secret = read_key(secret_env, "webhook's secret", "--secret-env")
        try:
            with transaction.atomic():
                keep_webhook_secret(account, secret)
                record_command(Action.KEY_CHANGED, account=account, subject=account.SEALED["sealed_webhook_secret"])
        except UnusableSecret as error:
            raise CommandError(f"Not connected: {error}") from None
        address = reverse("webhook", args=[account.slug])
        self.stdout.write(f"Connected the webhook of {account.slug}. Its address is https://<your host>{address}")
