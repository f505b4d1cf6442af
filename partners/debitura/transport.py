"""One request over a kept-alive connection, bounded in time and size by construction: no caller can forget it."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import requests
import urllib3

from .deadline import BoundedAdapter, within
from .destination import reaching
from .errors import RETRY_LATER, Malformed, NotSent, Unreachable
from .filters import Parameters

USER_AGENT = "Feeboard/0.1.0"
MAX_BODY = 64 * 1024 * 1024
CHUNK = 64 * 1024

_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
_TIMEOUTS = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
# Without a connection nothing was sent. A connection that failed later may have delivered the request.
_NOT_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.LocationValueError,
    ssl.SSLCertVerificationError,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two bytes of an answer, and for the whole of one request."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 60.0


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask: `path` is percent-encoded and follows the base URL, `body` is JSON.

    fine: the statuses of an answer that is worth reading. unknown: what a 404 means here, a sentence for people.
    """

    path: str
    query: Parameters = field(default_factory=list)
    method: str = "GET"
    body: bytes | None = None
    fine: frozenset[int] = frozenset({200})
    unknown: str = "Debitura knows no such address. Check the base URL."

    @property
    def is_repeatable(self) -> bool:
        """Whether asking again changes nothing."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `headers` ignore case, `body` is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A kept-alive connection that holds the key. Use it from one thread.

    It speaks through the adapter alone, without a session of requests around it: that one would take proxies and
    .netrc from the environment, which would see the key or replace it, keep cookies, and read redirects whole.
    """

    def __init__(self, base_url: str, api_key: str, timeouts: Timeouts, *, allow_private: bool = False) -> None:
        self._base_url = base_url
        self._allow_private = allow_private
        self._timeouts = timeouts
        self._adapter = BoundedAdapter(pool_connections=1, pool_maxsize=1)
        # Without an address yet: one that cannot be used is for send() to tell.
        self._request = requests.PreparedRequest()
        self._request.prepare_method("GET")
        self._request.prepare_headers(
            {
                "XApiKey": api_key,
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "Connection": "keep-alive",
            }
        )

    def send(self, request: Request, *, seconds: float) -> Answer:
        """The answer, whatever its status; raises Unreachable where none came whole within the time-outs, and
        InsecureAddress where the base URL leads inside.

        seconds: what is left of the logical call; the smaller of it and the time-outs counts.
        """
        bound = min(self._timeouts.total, seconds)
        connect, read = min(self._timeouts.connect, bound), min(self._timeouts.read, bound)
        prepared = self._prepared(request)
        try:
            with (
                within(bound),
                reaching(private=self._allow_private),
                self._adapter.send(prepared, stream=True, timeout=(connect, read)) as response,
            ):
                return Answer(response.status_code, response.headers, _body(response))
        except _FAILURES as failure:
            raise _explained(failure) from None

    def _prepared(self, request: Request) -> requests.PreparedRequest:
        prepared = self._request.copy()
        prepared.method = request.method
        prepared.url = f"{self._base_url}{request.path}" + (f"?{urlencode(request.query)}" if request.query else "")
        if request.body is not None:
            prepared.body = request.body
            prepared.headers.update({"Content-Type": "application/json", "Content-Length": str(len(request.body))})
        return prepared

    def close(self) -> None:
        """Close the kept-alive connection."""
        self._adapter.close()


def _body(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.raw.stream(CHUNK, decode_content=True):
        body += chunk
        if len(body) > MAX_BODY:
            raise Malformed(
                f"Debitura's answer is larger than {MAX_BODY // 2**20} MiB. {RETRY_LATER}",
                status=response.status_code,
            )
    return bytes(body)


def _explained(failure: BaseException) -> Unreachable:
    """The error, its sentence from the chain of causes: the libraries' own texts hold addresses of objects, not advice."""
    chain = _chain(failure)
    make = NotSent if any(isinstance(link, _NOT_CONNECTED) for link in chain) else Unreachable
    told = next((link.strerror for link in chain if isinstance(link, OSError) and link.strerror), "")
    if not told and any(isinstance(link, _TIMEOUTS) for link in chain):
        return make(f"Debitura did not answer in time. Check the network. {RETRY_LATER}")
    cause = told or type(chain[-1]).__name__
    return make(f"The connection to Debitura failed ({cause}). Check the network and the base URL.")


def _chain(failure: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while failure is not None and failure not in found:
        found.append(failure)
        failure = failure.__cause__ or failure.__context__
    return found
