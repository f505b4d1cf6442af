"""What can go wrong between us and Debitura, and whether trying again can help.

DebituraError
├── InsecureAddress   the base URL would let the key travel in the open         at construction
│                     or to a machine that is not on the public Internet       at every connection
├── UnusableKey       the key cannot be sent in a header                        at construction
├── Unauthorized      401, 403
├── BadRequest        400 and every other 4xx without a class of its own
├── NotFound          404
├── Redirected        3xx: never followed, because the key must not travel
├── RateLimited       429                                                       retryable
├── ServerFailed      5xx                                                       retryable: 500, 502, 503, 504
├── Unreachable       connection reset, time-out, truncated body                retryable
│   └── NotSent       no connection came about: refused, unknown host           retryable
└── Malformed         HTML, broken JSON, or a page that contradicts itself      retryable

After ServerFailed, Unreachable (but NotSent) and Malformed nobody here knows whether a request that changes something
was carried out: `unclear` says so.

No error ever holds the API key: texts of the other side are redacted before they are quoted.
"""

from typing import ClassVar

RETRY_LATER = "If it lasts, ask Debitura's support."
RETRYABLE_STATUSES = frozenset({500, 502, 503, 504})


class DebituraError(Exception):
    """The root: `str(error)` is one clear text which says what happened and what to do.

    Attributes:
        kind: a stable snake_case word for the kind of failure.
        message: the same text as `str(error)`.
        status: the HTTP status, None where no answer came.
        retryable: True where the same call may succeed later without anybody changing anything.
        unclear: True where what was asked for may have been carried out all the same.
    """

    kind: ClassVar[str] = "error"
    retryable: bool = False
    unclear: ClassVar[bool] = False

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return self.message

    def add_reason(self, reason: str) -> None:
        """Append why no further try was made."""
        self.message = f"{self.message} {reason}"


class InsecureAddress(DebituraError):
    """The base URL is neither https nor a loopback address, carries what it must not, or leads inside."""

    kind = "insecure_address"


class UnusableKey(DebituraError):
    """The API key is empty or holds characters that no HTTP header can carry."""

    kind = "unusable_key"


class Unauthorized(DebituraError):
    """401 or 403: the key is wrong, revoked or not allowed to do this."""

    kind = "unauthorized"


class BadRequest(DebituraError):
    """400, or a 4xx without a class of its own: what we asked is not acceptable as it stands."""

    kind = "bad_request"


class NotFound(DebituraError):
    """404: the address does not exist, most often a wrong base URL."""

    kind = "not_found"


class Redirected(DebituraError):
    """3xx: the base URL is not the API's own address."""

    kind = "redirected"


class RateLimited(DebituraError):
    """429: `retry_after` is the wait Debitura asked for in seconds, None where it named none."""

    kind = "rate_limited"
    retryable = True

    def __init__(self, message: str, *, status: int | None = 429, retry_after: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class ServerFailed(DebituraError):
    """5xx: the fault is on Debitura's side; `retryable` for the statuses that pass by themselves."""

    kind = "server_error"
    unclear = True

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.retryable = status in RETRYABLE_STATUSES


class Unreachable(DebituraError):
    """No whole answer came: connection refused or reset, time-out, truncated body."""

    kind = "unreachable"
    retryable = True
    unclear = True


class NotSent(Unreachable):
    """No connection came about, so that nothing was sent."""

    unclear = False


class Malformed(DebituraError):
    """An answer came, but it cannot be read or contradicts itself."""

    kind = "malformed"
    retryable = True
    unclear = True
