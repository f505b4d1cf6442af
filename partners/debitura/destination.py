"""Which machines the key may be sent to: checked of the very address that a connection is then made to.

A base URL is text that somebody typed, and the name in it answers as its owner likes: with an address of the machines
behind our own firewall, or with a public one today and an inner one tomorrow. So a name is looked up once for each
connection, every address that it has is checked, and the connection goes to one of those and is never looked up again.
"""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .address import is_loopback
from .errors import InsecureAddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
# Addresses that a translator of the network turns into IPv4 ones (RFC 6052).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")

_private_allowed: ContextVar[bool] = ContextVar("private_allowed", default=False)


@contextmanager
def reaching(*, private: bool) -> Iterator[None]:
    """Connections that are made in this block may go inside, or not."""
    token = _private_allowed.set(private)
    try:
        yield
    finally:
        _private_allowed.reset(token)


def addresses_of(host: str, port: int) -> list[str]:
    """Where a connection to `host` may go: every address that it has now.

    Raises InsecureAddress where a single one of them is inside; OSError and UnicodeError where there is no such name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if not _private_allowed.get() and not all(_may_be_reached(host, address) for address in addresses):
        raise InsecureAddress(
            f"{host} leads to a machine that is not on the public Internet, so nothing was sent there. Check the base URL. "
            "Where it is meant to lead to your own network, set ALLOW_PRIVATE_UPSTREAM=on."
        )
    return addresses


def _may_be_reached(host: str, address: str) -> bool:
    """Whoever writes this very machine into the base URL means it; any other name must not lead here."""
    if is_loopback(host):
        return is_loopback(address)
    return is_public(ipaddress.ip_address(address))


def is_public(address: Address) -> bool:
    """Whether the address is one machine of the public Internet: not private, link-local, reserved, multicast, or ours."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    inner = _ipv4_within(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and address in _GLOBAL_V6


def _ipv4_within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end up at, where it is only another way to write that."""
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
