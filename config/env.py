"""Typed readers of the environment. A value that is missing or makes no sense stops the start and says what to do."""

import os
from datetime import datetime, time
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
# The demo points elsewhere, so that nobody's real key or database gets into it.
env.read_env(os.environ.get("FEEBOARD_ENV_FILE", BASE_DIR / ".env"))


def secret_key() -> str:
    """The signing key; there is no default, because a published default is no secret."""
    value: str = env.str("SECRET_KEY", default="")
    if not value:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Put a long random text into the environment or into .env, "
            "for example the output of: openssl rand -base64 48"
        )
    return value


def switch(name: str, *, default: bool) -> bool:
    """An on/off value: on, true, yes, 1 or off, false, no, 0."""
    value = env.str(name, default="on" if default else "off").strip().lower()
    if value in {"on", "true", "yes", "1"}:
        return True
    if value in {"off", "false", "no", "0", ""}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; write on or off.")


def seconds(name: str, *, default: int, least: int) -> int:
    """A whole number of seconds, not below `least`."""
    return _whole(name, "a whole number of seconds", default=default, least=least)


def number(name: str, *, default: int, least: int) -> int:
    """A whole number, not below `least`."""
    return _whole(name, "a whole number", default=default, least=least)


def _whole(name: str, what: str, *, default: int, least: int) -> int:
    value = env.str(name, default=str(default))
    if not (value.isascii() and value.isdecimal()) or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; write {what}, {least} or more.")
    return int(value)


def time_of_day(name: str, *, default: str) -> time:
    """Hours and minutes on a clock."""
    value = env.str(name, default=default)
    try:
        return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 a time on any clock
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}; write hours and minutes such as 02:00.") from error


def time_zone(name: str, *, default: str) -> str:
    """The IANA name of a time zone that this machine knows."""
    value: str = env.str(name, default=default)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} is {value!r}; write an IANA name such as Europe/Copenhagen.") from error
    return value


def secure_address(name: str) -> str:
    """An address that begins with https://, or one on this very machine; empty where there is none."""
    value: str = env.str(name, default="").rstrip("/")
    address = urlsplit(value)
    here = address.hostname in {"localhost", "127.0.0.1", "::1"}
    if value and not (address.hostname and (address.scheme == "https" or (address.scheme == "http" and here))):
        raise ImproperlyConfigured(f"{name} is {value!r}; write an address that begins with https://")
    return value


def words(name: str, *, default: str = "") -> list[str]:
    """A comma-separated list, without empty items."""
    return [word.strip() for word in env.str(name, default=default).split(",") if word.strip()]
