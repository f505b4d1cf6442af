"""The audit trail as it is kept: a line an event, written once and never again changed or taken away."""

from __future__ import annotations

import os
import pwd
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone

from partners.models import PartnerAccount

# What people do that belongs to no account, such as to sign in; and what somebody else did to one of them, such as a command.
OF_NO_ACCOUNT = models.Q(account=None)
OF_NO_ACCOUNT_TO_SOMEBODY = OF_NO_ACCOUNT & models.Q(actor=None) & ~models.Q(subject="")


class AppendOnly(TypeError):
    """Somebody tried to change or delete what only grows. The database refuses it, too (accounts.audit.guard)."""

    def __init__(self) -> None:
        super().__init__("The audit trail is append-only.")


class AppendOnlySet(models.QuerySet["AuditEvent"]):
    """Rows that can be added and read. Django has several words for changing; each of them ends here."""

    def update(self, **_: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly

    def bulk_update(self, *_: Any, **__: Any) -> NoReturn:
        raise AppendOnly


class AuditEvent(models.Model):
    """Who did what to what, when, from where and by which way: `record` writes it, `trail` reads it.

    Nothing in it is a secret: no password, key, token or address of an invitation, whole or in part.
    """

    class Action(models.TextChoices):
        """The label follows the name of who did it. No `choices` of the column: another action is no migration."""

        SIGNED_IN = "signed_in", "Signed in"
        SIGNED_IN_BY_SSO = "signed_in_by_sso", "Signed in by single sign-on"
        SIGN_IN_FAILED = "sign_in_failed", "Failed to sign in"
        SIGNED_OUT = "signed_out", "Signed out"
        SESSION_ENDED = "session_ended", "Ended a session"
        PASSWORD_CHANGED = "password_changed", "Changed a password"
        SECOND_FACTOR_ADDED = "second_factor_added", "Added a second factor"
        SECOND_FACTOR_REMOVED = "second_factor_removed", "Removed a second factor"
        RECOVERY_CODES_MADE = "recovery_codes_made", "Made recovery codes"
        SUPERUSER_MADE = "superuser_made", "Made an administrator of everything"
        INVITED = "invited", "Invited a person"
        INVITATION_WITHDRAWN = "invitation_withdrawn", "Withdrew an invitation"
        JOINED = "joined", "Joined"
        ROLE_CHANGED = "role_changed", "Changed a role"
        REMOVED_FROM_ACCOUNT = "removed_from_account", "Removed a person from the account"
        DEACTIVATED = "deactivated", "Deactivated a person"
        REACTIVATED = "reactivated", "Reactivated a person"
        ACCOUNT_CHANGED = "account_changed", "Changed the account"
        KEY_CHANGED = "key_changed", "Set a key of Debitura"
        KEY_REJECTED = "key_rejected", "Was refused a key by Debitura"
        KEY_RESEALED = "key_resealed", "Sealed a stored secret anew"
        TOKEN_MADE = "token_made", "Made an API token"
        TOKEN_REVOKED = "token_revoked", "Revoked an API token"
        REFERENCE_CHANGED = "reference_changed", "Changed a partner reference"
        REFERENCES_IMPORTED = "references_imported", "Applied a file of references"
        ACTIVATION_SENT = "activation_sent", "Asked Debitura to activate a case"
        EXPORTED = "exported", "Exported"
        PULL_STARTED = "pull_started", "Asked for a pull"
        SCREEN_PAIRED = "screen_paired", "Paired a screen"
        SCREEN_CHANGED = "screen_changed", "Changed a screen"
        SCREEN_REVOKED = "screen_revoked", "Revoked a screen"

    class Way(models.TextChoices):
        PAGE = "page", "Page"
        API = "api", "API"
        COMMAND = "command", "Command"
        SYSTEM = "system", "Feeboard itself"

    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=40)
    # Null where nobody was signed in: a failed sign-in, a command.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # The e-mail address that the actor had then, or that somebody tried who failed to sign in, in small letters; of a command who
    # is signed in at the server.
    actor_text = models.CharField(max_length=254, blank=True)
    # Null for what is a person's own, such as a sign-in or a token.
    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    # What it was done to, as people call it: a case's reference, a file, a person's e-mail address.
    subject = models.TextField(blank=True)
    # What else there is to know, by name: texts, numbers, lists of texts.
    detail = models.JSONField(default=dict)
    # The network address it came from; "" where there is none (accounts.signing_in.throttle.client_address).
    address = models.CharField(max_length=45, blank=True)
    way = models.CharField(max_length=10, choices=Way.choices)

    objects: ClassVar[models.Manager[AuditEvent]] = models.Manager.from_queryset(AppendOnlySet)()

    class Meta:
        # The orders in which pages walk: everything, one action, one person; of an account, and of none, apart: PostgreSQL walks
        # along no order behind "IS NULL".
        indexes = [
            models.Index(fields=["account", "at", "id"], name="audit_of_account"),
            models.Index(fields=["account", "action", "at", "id"], name="audit_of_account_action"),
            models.Index(fields=["account", "actor_text", "at", "id"], name="audit_of_account_person"),
            models.Index(fields=["at", "id"], name="audit_of_people", condition=OF_NO_ACCOUNT),
            models.Index(fields=["action", "at", "id"], name="audit_of_people_action", condition=OF_NO_ACCOUNT),
            models.Index(fields=["actor_text", "at", "id"], name="audit_of_people_person", condition=OF_NO_ACCOUNT),
            models.Index(fields=["subject", "at", "id"], name="audit_to_people", condition=OF_NO_ACCOUNT_TO_SOMEBODY),
        ]

    def __str__(self) -> str:
        return f"{self.actor_text or self.way} {self.action} {self.subject}".rstrip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        raise AppendOnly

    @property
    def label(self) -> str:
        """What was done, in words; an action that this version does not know, as it is kept."""
        labels = dict(self.Action.choices)
        return labels.get(self.action, self.action)


def server_user() -> str:
    """Whose process this is; its number where it has no name, as in a container."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
