"""From an answer that is not 200 to the error which says so, with the key cut out of whatever is quoted."""

import html
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, quote_plus

from .answers import decode
from .errors import (
    RETRY_LATER,
    BadRequest,
    DebituraError,
    Malformed,
    NotFound,
    RateLimited,
    Redirected,
    ServerFailed,
    Unauthorized,
)
from .limits import retry_after
from .transport import Answer

LONGEST_QUOTE = 200

_ADVICE: dict[int, tuple[Callable[..., DebituraError], str]] = {
    401: (Unauthorized, "Debitura rejected the API key. Connect the account again with a valid key."),
    403: (
        Unauthorized,
        "Debitura does not allow this API key to do this. Ask Debitura what the key may do.",
    ),
}


def refusal(answer: Answer, key: str, now: datetime, unknown: str) -> DebituraError:
    """The error for a status that is not fine; `now` is aware and dates a Retry-After header, `unknown` explains a 404."""
    body = _decoded(answer.body)
    error = NotFound(unknown, status=404) if answer.status == 404 else _error(answer, body, now)
    said = quoted(body, answer.body, key)
    if said:
        error.add_reason(f'Debitura said: "{said}"')
    return error


def _error(answer: Answer, body: Any, now: datetime) -> DebituraError:
    status = answer.status
    if status in _ADVICE:
        make, advice = _ADVICE[status]
        return make(advice, status=status)
    if status == 429:
        wait = retry_after(body, answer.headers, now)
        asked = "" if wait is None else f" and asks to wait {wait:g} seconds"
        return RateLimited(f"Debitura's rate limit is used up{asked}.", status=status, retry_after=wait)
    if status >= 500:
        return ServerFailed(f"Debitura's server failed with status {status}. {RETRY_LATER}", status=status)
    if status >= 400:
        return BadRequest(f"Debitura refused the request with status {status}.", status=status)
    if status >= 300:
        return Redirected(
            f"Debitura redirected the request with status {status}, which is not followed because the key "
            "would travel along. Check the base URL.",
            status=status,
        )
    return Malformed(f"Debitura answered with the unexpected status {status}. {RETRY_LATER}", status=status)


def _decoded(body: bytes) -> Any:
    try:
        return decode(body)
    except Malformed:
        return None


def quoted(body: Any, raw: bytes, key: str) -> str:
    """At most 200 characters of what the other side said, on one line, without the key."""
    said = redacted(_spoken(body) if isinstance(body, dict) else raw.decode("utf-8", "replace"), key)
    without_markup = said if isinstance(body, dict) else re.sub(r"<[^>]*>", " ", said)
    return shortened(" ".join(without_markup.split()))


def _spoken(body: dict[str, Any]) -> str:
    errors = body.get("businessErrors")
    business = [each.get("message") for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    return " ".join(part for part in (body.get("message") or body.get("error"), *business) if isinstance(part, str))


def redacted(said: str, key: str) -> str:
    """The text without the key, also where it stands percent-encoded or escaped for HTML."""
    for written in {key, quote(key, safe=""), quote_plus(key), html.escape(key)}:
        said = re.sub(re.escape(written), "[key]", said, flags=re.IGNORECASE)
    return said


def shortened(said: str) -> str:
    """The text cut to 200 characters, with only printable ones left."""
    printable = "".join(character if character.isprintable() else "\ufffd" for character in said)
    return printable if len(printable) <= LONGEST_QUOTE else f"{printable[: LONGEST_QUOTE - 1]}…"
