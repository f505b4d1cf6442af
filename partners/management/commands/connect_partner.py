"""`manage.py connect_partner`: check an API key against Debitura and keep it, encrypted."""

import getpass
import os
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from partners.debitura.client import DebituraClient
from partners.debitura.errors import DebituraError
from partners.debitura.records import Me
from partners.models import PartnerAccount

PRODUCTION = "https://referral-api.debitura.com"


class Command(BaseCommand):
    help = "Connects a partner account: checks its API key against GET /me and stores it encrypted. Prints no key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True, help="a short name for commands and addresses, such as acme")
        parser.add_argument("--name", required=True, help="the name people see")
        parser.add_argument("--base-url", default=PRODUCTION, help="Debitura's address (default: %(default)s)")
        parser.add_argument(
            "--api-key-env", metavar="VAR", help="the environment variable that holds the key (default: standard input)"
        )

    def handle(self, *, slug: str, name: str, base_url: str, api_key_env: str | None, **options: Any) -> None:
        _check_words(slug=slug, name=name, base_url=base_url)
        key = _read_key(api_key_env)
        me = _check(base_url, key)
        account, created = _store(slug, name, base_url, key, me)
        done = "Connected" if created else "Connected again"
        self.stdout.write(
            f"{done} {account.slug}: {me.company_name or 'a partner without a name'} at {account.base_url}"
        )
        if not me.is_active:
            self.stderr.write("Debitura says that this partner is not active; it may answer with no figures.")


def _check_words(**words: str) -> None:
    """Refuse what the columns of an account cannot hold, before anything is asked or stored."""
    try:
        PartnerAccount(**words).clean_fields(exclude=["sealed_api_key"])
    except ValidationError as error:
        option, (problem, *_) = next(iter(error.message_dict.items()))
        raise CommandError(f"--{option.replace('_', '-')} {words[option]!r}: {problem}") from error


def _read_key(variable: str | None) -> str:
    if variable is not None:
        key = os.environ.get(variable, "").strip()
        if not key:
            raise CommandError(f"The environment variable {variable} is empty or not set; put the API key there.")
        return key
    key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise CommandError("No API key on standard input; pipe it in, or name a variable with --api-key-env.")
    return key.strip()


def _check(base_url: str, key: str) -> Me:
    try:
        with DebituraClient(base_url, key) as api:
            return api.me()
    except DebituraError as error:
        raise CommandError(f"Not connected: {error}") from None


def _store(slug: str, name: str, base_url: str, key: str, me: Me) -> tuple[PartnerAccount, bool]:
    account = PartnerAccount.objects.filter(slug=slug).first() or PartnerAccount(slug=slug)
    created = account.pk is None
    if account.is_of_another(me.id):
        raise CommandError(
            f"Not connected: this key belongs to another partner ({me.company_name or me.id}) than the one whose figures "
            f"{slug} holds. Connect it under a --slug of its own."
        )
    account.partner_id = me.id or account.partner_id
    account.name, account.base_url, account.api_key = name, base_url.rstrip("/"), key
    if created:
        account.take_mode(me.invoicing_trigger_mode)
    account.save()
    return account, created
