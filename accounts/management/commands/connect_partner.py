"""`manage.py connect_partner`: check an API key against Debitura and keep it, encrypted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.audit.record import Action, record_command
from accounts.management.account_options import add_key_option, check_words, read_key
from partners.connecting import REFERRAL_API, OfAnotherPartner, host_of, keep_key, whose_key
from partners.debitura.errors import DebituraError
from partners.debitura.records import Me
from partners.models import PartnerAccount


class Command(BaseCommand):
    help = "Connects a partner account: checks its API key against GET /me and stores it encrypted. Prints no key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True, help="a short name for commands and addresses, such as acme")
        parser.add_argument("--name", required=True, help="the name people see")
        parser.add_argument("--base-url", default=REFERRAL_API, help="Debitura's address (default: %(default)s)")
        add_key_option(parser)

    def handle(self, *, slug: str, name: str, base_url: str, api_key_env: str | None, **options: Any) -> None:
        check_words(slug=slug, name=name, base_url=base_url)
        key = read_key(api_key_env)
        me = _check(base_url, key)
        account, created = _store(slug, name, base_url, key, me)
        done = "Connected" if created else "Connected again"
        self.stdout.write(
            f"{done} {account.slug}: {me.company_name or 'a partner without a name'} at {account.base_url}"
        )
        if not me.is_active:
            self.stderr.write("Debitura says that this partner is not active; it may answer with no figures.")


def _check(base_url: str, key: str) -> Me:
    try:
        return whose_key(base_url, key)
    except DebituraError as error:
        raise CommandError(f"Not connected: {error}") from None


def _store(slug: str, name: str, base_url: str, key: str, me: Me) -> tuple[PartnerAccount, bool]:
    account = PartnerAccount.objects.filter(slug=slug).first() or PartnerAccount(slug=slug)
    created = account.pk is None
    account.name = name
    try:
        with transaction.atomic():
            keep_key(account, base_url=base_url, key=key, me=me, also=["name"])
            what = account.SEALED["sealed_api_key"]
            record_command(Action.KEY_CHANGED, account=account, subject=what, name=name, host=host_of(account.base_url))
    except OfAnotherPartner as other:
        raise CommandError(
            f"Not connected: this key belongs to another partner ({other.partner}) than the one whose figures "
            f"{slug} holds. Connect it under a --slug of its own."
        ) from None
    return account, created
