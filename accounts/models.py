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
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from partners.models import Client


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
        return self.create_user(email, password, is_superuser=True, **fields)


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
    # To the minute (accounts.authentication); None: never.
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


class ClientSeat(models.Model):
    """Who sits here works for a client, the creditor: never shown a referral fee, a partner reference or another client."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="client_seats", db_index=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="seats")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "client"], name="one_seat_at_a_client")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.client_id}"
