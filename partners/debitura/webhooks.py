"""What Debitura's webhooks send: how a delivery is told from a forged one, and what its id is.

Header `X-Debitura-Signature: t=<unix seconds>,v1=<hex>`; v1 is the HMAC-SHA256 of "{t}.{raw body}" with the secret, which is
shown once, as base64, when the webhook is made.
"""

import base64
import binascii
import hashlib
import hmac
import re

from .answers import decode
from .errors import DebituraError, Malformed

SIGNATURE_HEADER = "X-Debitura-Signature"
# Seconds that a signature is good for: into the past, as a delivery travels, and into the future, as clocks differ.
OLDEST = 300
NEWEST = 30
LARGEST_BODY = 256 * 1024
LONGEST_ID = 200
SHORTEST_SECRET = 16

_STAMP = re.compile(r"[0-9]{1,12}")


class UnusableSecret(DebituraError):
    """The secret of a webhook is not the base64 text that Debitura shows."""

    kind = "unusable_secret"


def secret_bytes(secret: str) -> bytes:
    """The secret itself, from its base64 text; raises UnusableSecret, which never quotes it."""
    try:
        found = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) < SHORTEST_SECRET:
        raise UnusableSecret(
            "The webhook's secret is not what Debitura shows: base64 of 16 bytes or more. Paste it again."
        )
    return found


def is_signed(secret: bytes, header: str, body: bytes, *, now: float) -> bool:
    """Whether the body was signed with the secret, lately; now: seconds since 1970, UTC."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not _STAMP.fullmatch(stamps[0]):
        return False
    expected = hmac.new(secret, stamps[0].encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    matches = [hmac.compare_digest(value.encode(), expected) for name, _, value in parts if name == "v1"]
    return any(matches) and -NEWEST <= now - int(stamps[0]) <= OLDEST


def delivery_id(body: bytes) -> str:
    """What tells this delivery from others; the rest of the body is only news of it. Raises Malformed."""
    try:
        found = decode(body).get("id")
    except Malformed:
        found = None
    if not isinstance(found, str) or not 1 <= len(found) <= LONGEST_ID or not found.isprintable():
        raise Malformed(f"A delivery is a JSON object with an id of 1 to {LONGEST_ID} characters.")
    return found
