"""`manage.py changepassword E-MAIL`: Django's own, and a line of the audit trail."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.audit.record import Action, record_command


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        """The line comes right behind the change, not with it: Django asks for the password in between."""
        done = super().handle(*args, **options)
        record_command(Action.PASSWORD_CHANGED, subject=options["username"] or getpass.getuser())
        return done
