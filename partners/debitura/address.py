"""What the key's safety rests on, checked before anything is sent."""

import ipaddress
import re
from urllib.parse import urlsplit

from .errors import InsecureAddress, UnusableKey

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_CASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/\{id\}(/[A-Za-z0-9._~-]+)*")


def checked_base_url(url: str) -> str:
    """The URL without a trailing slash.

    Raises InsecureAddress unless it is https, or http to this very machine. User-info, query and fragment are
    refused too: the first is a secret in the wrong place, the others never apply.
    """
    if not url.isascii() or not url.isprintable() or any(character in url for character in " \\?#@"):
        raise InsecureAddress(
            "The base URL must be a plain address without user name, query or fragment, "
            "such as https://referral-api.debitura.com."
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InsecureAddress("The base URL has no readable host and port.") from None
    if not _HOST.fullmatch(host):
        raise InsecureAddress("The base URL names no host; start it with https://.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise InsecureAddress(
            f"The base URL must start with https://: the key would cross the network to {host} in the open. "
            "http:// is accepted for this machine only (localhost, 127.0.0.1, ::1)."
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether the host is this very machine: localhost, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_case_path(path: str) -> str:
    """The path as it is, with `{id}` where the id of a case belongs; raises InsecureAddress for any other.

    It is put behind the base URL: what does not begin with a slash could make another host of that.
    """
    if not _CASE_PATH.fullmatch(path):
        raise InsecureAddress("The path must begin with / and hold {id} for the case, such as /cases/{id}/lifecycle.")
    return path


def checked_key(key: str) -> str:
    """The key as it is; raises UnusableKey where an HTTP header cannot carry it. The text never quotes it."""
    if not key:
        raise UnusableKey("The API key is empty. Paste the key Debitura gave you.")
    if key != key.strip():
        raise UnusableKey("The API key begins or ends with white space. Paste it without.")
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or ord(character) > 0xFF for character in key):
        raise UnusableKey(
            "The API key holds control characters, a line break or letters outside Latin-1. Paste it again."
        )
    return key
