"""`manage.py api_token E-MAIL`: make an API token and print it once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import ApiToken, User


class Command(BaseCommand):
    help = "Makes a new API token for a person and prints it once: Feeboard keeps only its hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="E-MAIL")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist as error:
            raise CommandError(
                f"Nobody here signs in as {email}. Make them with: manage.py createsuperuser --email {email}"
            ) from error
        if not user.is_active:
            raise CommandError(f"{email} is deactivated; a token would not work.")
        self.stdout.write(ApiToken.issue(user))
