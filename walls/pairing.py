"""Pairing: a screen shows a short code, and an admin who stands before it claims it.

The code says which of the waiting screens is meant, and lets nobody in: it is worth nothing without the secret that the screen
holds, and whoever claims it has to be an admin. So what can be guessed is somebody else's screen, and guessing is slow: codes
have 25⁸ values, live for minutes, and wrong ones are counted by person.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from django.core.cache import caches
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import User
from accounts.signing_in.throttle import client_address
from accounts.tokens.rate import count
from walls import credentials
from walls.models import PairingCode, Screen

LIFETIME = timedelta(minutes=15)
# No letter or digit that looks like another one from five metres: no 0 O, 1 I L, 2 Z, 5 S, 8 B.
LETTERS = "ACDEFGHJKMNPQRTUVWXY34679"
LENGTH = 8
# Codes that live at the same time: everywhere, and for one address, behind which a whole office may be.
MOST_WAITING = 5_000
MOST_WAITING_AT_AN_ADDRESS = 700
# Wrong codes that somebody may try in a minute.
MOST_WRONG = 10


class TooManyWaiting(Exception):
    """There are so many codes that no further one is given out; some end within minutes."""


class UnknownCode(Exception):
    """No screen shows this code now."""


class TooManyWrong(Exception):
    """Whoever tries has to wait for a minute."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A screen that waits: its row, and the secret that it holds."""

    row: PairingCode
    secret: str

    @property
    def code(self) -> str:
        return _code(self.secret, self.row.round)

    @property
    def cookie(self) -> str:
        return credentials.cookie_value(self.row.pk, self.secret)


def cookie_name() -> str:
    return f"{credentials.cookie_name()}-pairing"


def waiting_of(request: HttpRequest) -> Waiting | None:
    """The row of a screen that was given a code before, be it expired or claimed by now. One query."""
    found = credentials.split_cookie(request, cookie_name())
    if found is None:
        return None
    key, secret = found
    row = PairingCode.objects.select_related("screen").filter(pk=key).first()
    if row is None or not constant_time_compare(row.secret_digest, credentials.digest_of(secret)):
        return None
    if row.screen is not None and row.screen.revoked_at is not None:
        return None
    return Waiting(row, secret)


def is_claimed(waiting: Waiting) -> bool:
    return waiting.row.screen is not None


def code_for(request: HttpRequest, now: datetime, waiting: Waiting | None) -> Waiting:
    """The screen with a code that lives: the one it has, or another one in the same row. Raises TooManyWaiting."""
    if waiting is not None and now < waiting.row.expires_at:
        return waiting
    if waiting is not None:
        return _renewed(waiting, now)
    return _new(client_address(request) or "", now)


def _renewed(waiting: Waiting, now: datetime) -> Waiting:
    row = waiting.row
    row.round += 1
    row.expires_at = now + LIFETIME
    row.code_digest = code_digest(waiting.code)
    row.save(update_fields=["round", "expires_at", "code_digest"])
    return waiting


def _new(address: str, now: datetime) -> Waiting:
    secret = credentials.new_secret()
    with transaction.atomic():
        # What nobody claimed in time is gone for good with the first code after it: the table holds what is shown now.
        PairingCode.objects.filter(screen=None, expires_at__lte=now).delete()
        waiting = PairingCode.objects.filter(screen=None)
        if waiting.count() >= MOST_WAITING or waiting.filter(address=address).count() >= MOST_WAITING_AT_AN_ADDRESS:
            raise TooManyWaiting
        row = PairingCode.objects.create(
            secret_digest=credentials.digest_of(secret),
            code_digest=code_digest(_code(secret, 0)),
            expires_at=now + LIFETIME,
            address=address,
        )
    return Waiting(row, secret)


def claim(code: str, by: User, now: datetime, make_screen: Callable[[], Screen]) -> Screen:
    """The screen that shows `code` becomes the one that `make_screen` saves. Raises UnknownCode and TooManyWrong."""
    if wrong_codes_of(by) >= MOST_WRONG:
        raise TooManyWrong
    with transaction.atomic():
        # The first to claim it writes, and whoever comes at the same moment waits here and finds it gone.
        live = PairingCode.objects.filter(screen=None, expires_at__gt=now, code_digest=code_digest(typed(code)))
        if live.update(expires_at=now + LIFETIME) != 1:
            count(caches["default"], _wrong_key(by))
            raise UnknownCode
        screen = make_screen()
        live.update(screen=screen)
    return screen


def wrong_codes_of(person: User) -> int:
    """How many wrong codes somebody has tried lately, as this process has counted."""
    tried: int = caches["default"].get(_wrong_key(person), 0)
    return tried


def _wrong_key(person: User) -> str:
    return f"wrong-pairing-codes:{person.pk}"


def typed(text: str) -> str:
    """A code as somebody may write it: small letters, spaces and hyphens make no difference."""
    return "".join(letter for letter in text.upper() if letter.isalnum())


def shown(code: str) -> str:
    """A code as it is read aloud: "ACDE-FGHJ"."""
    half = LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def code_digest(code: str) -> str:
    """Keyed: who has the table alone cannot try all codes."""
    return salted_hmac("walls.pairing.code", code, algorithm="sha256").hexdigest()


def _code(secret: str, number: int) -> str:
    drawn = int.from_bytes(hmac.new(secret.encode(), str(number).encode(), sha256).digest())
    letters = []
    for _ in range(LENGTH):
        drawn, place = divmod(drawn, len(LETTERS))
        letters.append(LETTERS[place])
    return "".join(letters)
