"""`manage.py remove_second_factors E-MAIL`: for somebody who has lost their phone and their recovery codes."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.audit.record import Action, record_command
from accounts.mail import send_later, wait_for_mail, write_mail
from accounts.models import User
from accounts.signing_in.sessions import end_sessions


class Command(BaseCommand):
    help = (
        "Removes the authenticator app, the passkeys and the recovery codes of a person, ends their sessions, and tells them by "
        "mail. Make sure first, by another way than mail, that it is they who ask."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="E-MAIL")

    def handle(self, *, email: str, **options: Any) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist as error:
            raise CommandError(f"There is no person {email}.") from error
        with transaction.atomic():
            removed, _ = Authenticator.objects.filter(user=user).delete()
            end_sessions(user)
            record_command(Action.SECOND_FACTOR_REMOVED, subject=user.email, factors=removed)
        told = {"what": "Your second factors were removed by an administrator.", "at": None}
        send_later(write_mail("security_notice", user.email, told))
        wait_for_mail()
        self.stdout.write(f"Removed: {removed}. {user.email} signs in with a password alone until they set up another.")
