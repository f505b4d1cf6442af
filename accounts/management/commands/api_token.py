"""`manage.py api_token E-MAIL`: make an API token and print it once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.audit.record import Action, record_command
from accounts.models import ApiToken, User

LONGEST_LIFE = 3_650  # days


class Command(BaseCommand):
    help = "Makes a new API token for a person and prints it once: Feeboard keeps only its hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="E-MAIL")
        parser.add_argument("--name", default="made by command", help="what it is called in its owner's list of tokens")
        parser.add_argument("--days", type=int, help="days until it expires; without this it does not")
        parser.add_argument(
            "--scope",
            action="append",
            choices=ApiToken.Scope.values,
            help="what it may do; may be repeated; without this, everything",
        )

    def handle(
        self, *args: Any, email: str, name: str, days: int | None, scope: list[str] | None, **options: Any
    ) -> None:
        if not 1 <= len(name) <= ApiToken.LONGEST_NAME or "\0" in name:
            raise CommandError(f"--name takes 1 to {ApiToken.LONGEST_NAME} characters.")
        if days is not None and not 1 <= days <= LONGEST_LIFE:
            raise CommandError(f"--days is {days}; write a number from 1 to {LONGEST_LIFE}, or leave it out.")
        end = None if days is None else timezone.now() + timedelta(days=days)
        scopes = dict.fromkeys(scope or ApiToken.Scope.values)
        owner = _person(email)
        with transaction.atomic():
            made = ApiToken.issue(owner, name=name, scopes=scopes, expires_at=end)
            expires = None if end is None else end.date()
            # Whose it is, so that whoever looks after this person's accounts sees it.
            record_command(Action.TOKEN_MADE, subject=owner.email, name=name, scopes=[*scopes], expires=expires)
        self.stdout.write(made)


def _person(email: str) -> User:
    """Who is to have a token. Raises CommandError where one would not work."""
    try:
        user = User.objects.get_by_natural_key(email)
    except User.DoesNotExist as error:
        raise CommandError(
            f"Nobody here signs in as {email}. Make them with: manage.py createsuperuser --email {email}"
        ) from error
    if not user.is_active:
        raise CommandError(f"{email} is deactivated; a token would not work.")
    return user
