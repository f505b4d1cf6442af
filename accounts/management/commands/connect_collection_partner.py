"""`manage.py connect_collection_partner`: the key through which an account's cases are activated, checked and encrypted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.audit.record import Action, record_command
from accounts.management.account_options import account_named, add_key_option, check_words, read_key
from partners.connecting import (
    COLLECTION_API,
    check_lifecycle_path,
    host_of,
    keep_collection_key,
    try_collection_key,
)
from partners.debitura.errors import DebituraError, InsecureAddress
from partners.models import PartnerAccount


class Command(BaseCommand):
    help = (
        "Connects an account to Debitura's Collection Partner API, through which cases are activated: checks its key with a "
        "look-up and stores it encrypted. Prints no key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--partner", required=True, help="the slug of an account that connect_partner has connected"
        )
        parser.add_argument("--base-url", default=COLLECTION_API, help="Debitura's address (default: %(default)s)")
        add_key_option(parser)
        parser.add_argument(
            "--lifecycle-path",
            metavar="PATH",
            help="where Debitura takes a case's lifecycle, such as /cases/{id}/lifecycle: changed references are told there; "
            '"" for nowhere (default: as it is)',
        )

    def handle(
        self, *, partner: str, base_url: str, api_key_env: str | None, lifecycle_path: str | None, **options: Any
    ) -> None:
        account = account_named(partner)
        path = account.lifecycle_path if lifecycle_path is None else lifecycle_path
        check_words(base_url=base_url, lifecycle_path=path)
        _check_path(path)
        key = read_key(api_key_env)
        _check(base_url, key)
        _store(account, base_url, key, path)
        told = f"changed references are told at {path}" if path else "changed references are not told"
        self.stdout.write(
            f"Connected {account.slug} to the Collection Partner API at {account.collection_base_url}; {told}"
        )


def _check_path(path: str) -> None:
    try:
        check_lifecycle_path(path)
    except InsecureAddress as error:
        raise CommandError(f"--lifecycle-path {path!r}: {error}") from None


def _check(base_url: str, key: str) -> None:
    try:
        try_collection_key(base_url, key)
    except DebituraError as error:
        raise CommandError(f"Not connected: {error}") from None


def _store(account: PartnerAccount, base_url: str, key: str, path: str) -> None:
    with transaction.atomic():
        keep_collection_key(account, base_url=base_url, key=key, lifecycle_path=path)
        what = account.SEALED["sealed_collection_key"]
        record_command(Action.KEY_CHANGED, account=account, subject=what, host=host_of(base_url), lifecycle_path=path)
