"""Secrets at rest: sealed with the newest of FIELD_ENCRYPTION_KEYS, readable with any that is still listed."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

# Characters of a secret that may be shown, and how long one of which any are shown is at least.
ENDING = 4
SHORTEST_WITH_ENDING = 12


class UnreadableSecret(Exception):
    """None of the listed keys opens this secret."""

    kind = "unreadable_secret"
    retryable = False


def _fernet_of(key: str) -> Fernet:
    """Any text may be a key: HKDF makes the 32 bytes that Fernet wants."""
    return Fernet(
        urlsafe_b64encode(HKDF(SHA256(), 32, salt=None, info=b"feeboard field encryption").derive(key.encode()))
    )


def _fernets() -> list[Fernet]:
    return [_fernet_of(key) for key in settings.FIELD_ENCRYPTION_KEYS or [settings.SECRET_KEY]]


def _box() -> MultiFernet:
    return MultiFernet(_fernets())


def encrypt(secret: str) -> str:
    """The secret, sealed with the newest key."""
    return _box().encrypt(secret.encode()).decode("ascii")


def decrypt(sealed: str) -> str:
    """The secret again. Raises UnreadableSecret."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecret(
            "The stored API key cannot be opened: FIELD_ENCRYPTION_KEYS (or SECRET_KEY) is not the one it was sealed with. "
            "Add the old key at the end of FIELD_ENCRYPTION_KEYS, or connect the account again with manage.py connect_partner."
        ) from error


def ending(sealed: str) -> str:
    """The last characters of the secret, by which people tell it from others; "" where it is so short that they would give too
    much of it away. Raises UnreadableSecret."""
    secret = decrypt(sealed)
    return secret[-ENDING:] if len(secret) >= SHORTEST_WITH_ENDING else ""


def is_newest(sealed: str) -> bool:
    """Whether the newest key opens it: the older ones are not needed for it."""
    try:
        _fernets()[0].decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True
