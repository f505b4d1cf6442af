"""What the commands that connect an account share: checking what was typed, and reading a key that nobody else may see."""

import getpass
import os
import sys

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from partners.models import PartnerAccount


def account_named(slug: str) -> PartnerAccount:
    """The account that `--partner` names. Raises CommandError."""
    account = PartnerAccount.objects.filter(slug=slug).first()
    if account is None:
        raise CommandError(f"--partner {slug!r}: there is no such account; connect it first with connect_partner.")
    return account


def add_key_option(parser: CommandParser, option: str = "--api-key-env") -> None:
    parser.add_argument(option, metavar="VAR", help="the environment variable that holds it (default: standard input)")


def read_key(variable: str | None, what: str = "API key", option: str = "--api-key-env") -> str:
    """The key, or `what` else it is, from the variable that `option` names, or from standard input. Raises CommandError."""
    if variable is not None:
        key = os.environ.get(variable, "").strip()
        if not key:
            raise CommandError(f"The environment variable {variable} is empty or not set; put the {what} there.")
        return key
    key = getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise CommandError(f"No {what} on standard input; pipe it in, or name a variable with {option}.")
    return key.strip()


def check_words(**words: str) -> None:
    """Refuse what the columns of an account cannot hold, before anything is asked or stored. Raises CommandError."""
    others = {field.name for field in PartnerAccount._meta.concrete_fields} - words.keys()
    try:
        PartnerAccount(**words).clean_fields(exclude=others)
    except ValidationError as error:
        option, (problem, *_) = next(iter(error.message_dict.items()))
        raise CommandError(f"--{option.replace('_', '-')} {words[option]!r}: {problem}") from error
