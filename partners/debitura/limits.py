"""How long a 429 asks us to wait. The wait stands in the body; a Retry-After header is the exception."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any


def retry_after(body: Any, headers: Mapping[str, str], now: datetime) -> float | None:
    """The wait in seconds that a 429 names: the body's `retryAfter`, else the header.

    The header may hold seconds or an HTTP date, which the aware `now` is taken from. None where neither holds
    a wait that makes sense.
    """
    named = _seconds(body.get("retryAfter")) if isinstance(body, dict) else None
    if named is not None:
        return named
    header = headers.get("Retry-After", "")
    named = _seconds(header)
    return named if named is not None else _until(header, now)


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(header: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
