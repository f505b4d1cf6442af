"""People: who they are, how they like to see things, and the tokens their scripts use."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone

# Django looks for models here.
from accounts.audit.models import AuditEvent as AuditEvent
from accounts.audit.models import server_user
from partners.models import Client, PartnerAccount


def validate_time_zone(value: str) -> None:
    """Raise ValidationError unless `value` is an IANA time zone that this machine knows."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(f"“{value}” is not a known time zone; use a name such as Europe/Copenhagen.") from error


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """E-mail addresses are compared without regard to case: nobody remembers how they typed theirs."""
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        """Who sees and may do everything: a line of the audit trail, also where a command makes the first one."""
        with transaction.atomic():
            user = self.create_user(email, password, is_superuser=True, **fields)
            AuditEvent.objects.create(
                action=AuditEvent.Action.SUPERUSER_MADE,
                actor_text=server_user(),
                subject=user.email,
                way=AuditEvent.Way.COMMAND,
            )
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address."""

    class Theme(models.TextChoices):
        SYSTEM = "system", "As my device"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=150, blank=True)
    # Empty until the person chose one, or their browser told it at the first sign-in.
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    theme = models.CharField(max_length=6, choices=Theme.choices, default=Theme.SYSTEM)
    # Which columns of which table this person shows: {"transactions": ["payment_date", …]}.
    columns = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which this person reads dates."""
        return ZoneInfo(self.time_zone or settings.DEFAULT_USER_TIME_ZONE)


class ApiToken(models.Model):
    """A secret for a person's scripts. Only its SHA-256 is kept: 256 random bits need no salt. A revoked one is no row."""

    class Scope(models.TextChoices):
        READ = "read", "Read figures, payments, clients and cases"
        REFERENCES = "references", "Set partner references and activate cases"

    PREFIX = "fb_"
    LONGEST_NAME = 60

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=LONGEST_NAME)
    digest = models.CharField(max_length=64, unique=True)
    # Values of Scope.
    scopes = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    # None: it does not expire.
    expires_at = models.DateTimeField(null=True)
    # To the minute (accounts.tokens.authentication); None: never.
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token of {self.user_id} made {self.created_at:%Y-%m-%d}"

    @staticmethod
    def digest_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def issue(
        cls,
        user: User,
        *,
        name: str = "made by command",
        scopes: Iterable[str] = tuple(Scope),
        expires_at: datetime | None = None,
    ) -> str:
        """Make a token for `user` and return its text, which cannot be had again."""
        token = cls.PREFIX + secrets.token_urlsafe(32)
        cls.objects.create(
            user=user,
            name=name,
            digest=cls.digest_of(token),
            scopes=[str(scope) for scope in scopes],
            expires_at=expires_at,
        )
        return token

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def opens(self) -> bool:
        """Whether somebody gets in with it now."""
        return self.user.is_active and not self.is_expired


class Role(models.TextChoices):
    """What somebody is for a partner account; accounts.access says what each may see and do."""

    ADMIN = "admin", "Admin"
    FINANCE = "finance", "Finance"
    MANAGER = "account_manager", "Account manager"
    CLIENT = "client", "Client"


class Membership(models.Model):
    """That a person has a role at a partner account. Superusers need none: they are admins of every account."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    # Of this account: whom an account manager looks after, or whose own person a client user is. Of no meaning for others.
    clients = models.ManyToManyField(Client, related_name="memberships", blank=True)
    # Whether an account manager also sees the totals of the whole portfolio.
    sees_totals = models.BooleanField(default=False)
    # Up to when an account manager has looked through what moved (UTC); None: never.
    looked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "account"], name="one_role_at_an_account")]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} at {self.account_id}"


class Invitation(models.Model):
    """That somebody is asked to join a partner account, by a link that works once. Only the SHA-256 of its secret is kept.

    role, clients, sees_totals: those of the membership that it becomes.
    """

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="invitations", db_index=False)
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role.choices)
    clients = models.ManyToManyField(Client, related_name="+", blank=True)
    sees_totals = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Two admins who invite somebody at once invite them once.
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation",
            )
        ]
        indexes = [models.Index(fields=["account", "created_at", "id"], name="invitations_by_age")]

    def __str__(self) -> str:
        return f"{self.email} to {self.account_id} as {self.role}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()
