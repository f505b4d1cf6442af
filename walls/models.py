"""Screens in offices, and the codes by which they are paired."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from accounts.models import validate_time_zone
from partners.models import PartnerAccount


class BoardKey(models.TextChoices):
    REVENUE = "revenue", "Revenue"
    CASH = "cash", "Cash"
    CLIENTS = "clients", "Clients"
    HEALTH = "health", "Health"


class Privacy(models.TextChoices):
    """What whoever passes by may read. Each level hides what the one before it hides, but for the last two."""

    FULL = "full", "Everything: amounts, counts and the names of clients"
    NO_NAMES = "no_names", "No names: amounts and counts, without the names of clients"
    AMOUNTS_ONLY = "amounts_only", "Amounts only: no names, and no counts of clients or payments"
    INDEX = "index", "Index: the last full month is 100; no amounts and no names"


class Screen(models.Model):
    """A display that nobody touches: what it shows of one account, the digests of its credential, and when it last looked.

    It is no person and never signs in; its credential (walls.credentials) opens its own boards and nothing else.
    """

    class Numbers(models.TextChoices):
        ENGLISH = "en", "English: 1,234.50"
        DANISH = "da", "Danish, German, Dutch, Spanish, Italian: 1.234,50"
        SWEDISH = "sv", "Swedish, Norwegian, Finnish, French, Polish: 1 234,50"
        SWISS = "ch", "Swiss: 1’234.50"

    class Theme(models.TextChoices):
        DARK = "dark", "Dark"
        LIGHT = "light", "Light"

    class Zoom(models.IntegerChoices):
        NORMAL = 100, "100 %"
        LARGE = 110, "110 %"
        LARGER = 120, "120 %"

    LONGEST_NAME = 60
    LONGEST_PLACE = 40
    LEAST_ROTATION, MOST_ROTATION = 5, 3600
    LEAST_DARK, MOST_DARK = 5, 7 * 24 * 60

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="screens")
    name = models.CharField(max_length=LONGEST_NAME)
    place = models.CharField(max_length=LONGEST_PLACE, blank=True)
    # Values of BoardKey, in the order in which they are shown; never empty.
    boards = models.JSONField()
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])
    numbers = models.CharField("language of numbers", max_length=2, choices=Numbers.choices, default=Numbers.ENGLISH)
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.DARK)
    privacy = models.CharField(max_length=12, choices=Privacy.choices, default=Privacy.NO_NAMES)
    rotation_seconds = models.PositiveIntegerField(
        "seconds a board",
        default=30,
        validators=[MinValueValidator(LEAST_ROTATION), MaxValueValidator(MOST_ROTATION)],
    )
    zoom = models.PositiveSmallIntegerField("size of the text", choices=Zoom.choices, default=Zoom.NORMAL)
    drift = models.BooleanField("move the picture by a few pixels now and then, against burn-in", default=True)
    dark_after_minutes = models.PositiveIntegerField(
        "tell admins after so many minutes of silence",
        default=30,
        validators=[MinValueValidator(LEAST_DARK), MaxValueValidator(MOST_DARK)],
    )

    paired_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    paired_at = models.DateTimeField(default=timezone.now)
    # A revoked screen shows a code again; its row stays, as what was once shown where.
    revoked_at = models.DateTimeField(null=True)

    # SHA-256 of the secrets that open it (walls.credentials): the one in use, the one sent last that has not come back yet,
    # and until when (UTC) the one before is taken, too. "" for none.
    digest = models.CharField(max_length=64, blank=True)
    rotated_at = models.DateTimeField(null=True)
    next_digest = models.CharField(max_length=64, blank=True)
    next_at = models.DateTimeField(null=True)
    previous_digest = models.CharField(max_length=64, blank=True)
    previous_until = models.DateTimeField(null=True)

    # To the minute; None: it has not come yet. What it told of itself then: its build, and its size in CSS pixels.
    last_seen_at = models.DateTimeField(null=True)
    build = models.CharField(max_length=16, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    # When admins were told that it is dark; None: it is not, or they were not yet.
    dark_told_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class WatchedScreen(Screen):
    """A screen with what its picture depends on: of its account, and of the latest pull, the only one that can still change.

    walls.credentials.watched finds it.
    """

    account_name: str
    account_edits: int
    account_mode: str
    pull: object

    class Meta:
        proxy = True


class PairingCode(models.Model):
    """A screen that shows a code and waits until an admin claims it.

    The code itself is kept nowhere: it follows from the secret that the screen holds, and is found by a keyed digest.
    """

    secret_digest = models.CharField(max_length=64)
    code_digest = models.CharField(max_length=64, db_index=True)
    # How many codes this screen has shown; each is another one.
    round = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)
    # Where it came from, so that no single place asks for all the codes there are.
    address = models.CharField(max_length=45, blank=True)
    # The screen that it became. The row is gone once that screen has come with its own credential.
    screen = models.OneToOneField(Screen, on_delete=models.CASCADE, null=True, related_name="pairing")

    class Meta:
        indexes = [models.Index(fields=["address", "expires_at"], name="pairings_of_address")]

    def __str__(self) -> str:
        return f"code {self.pk} until {self.expires_at:%Y-%m-%d %H:%M}"
