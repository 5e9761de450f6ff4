"""How a request can fail, and the one table that maps what asyncio, ssl and aiohttp raise to error types.

Known to `web`, which raises, and to the fetch stage, which catches. Nothing here opens a socket; aiohttp is
imported for the names of its exceptions only.
"""

from __future__ import annotations

import errno

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

MAX_DETAIL_CHARACTERS = 300

# Everything the client library is known to raise; whatever else comes up is a fault of our own and is not caught.
FOREIGN: tuple[type[Exception], ...] = (aiohttp.ClientError, HttpProcessingError, OSError, UnicodeError)

# The machine's own troubles come before anything the exception's class says.
_BY_ERRNO: dict[int, str] = {
    errno.EMFILE: "local_io",
    errno.ENFILE: "local_io",
    errno.ENOMEM: "local_io",
    errno.ENOBUFS: "local_io",
    errno.ENETUNREACH: "local_network",
    errno.ENETDOWN: "local_network",
    errno.EADDRNOTAVAIL: "local_network",
}

_PROXY_LOGIN_WANTED = 407  # RFC 9110, 15.5.8

# First match wins: a class stands before its parents.
_BY_CLASS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.InvalidURL, "invalid_url"),
    (aiohttp.NonHttpUrlClientError, "invalid_url"),
    (UnicodeError, "invalid_url"),
    (aiohttp.ClientSSLError, "tls_error"),
    (aiohttp.ClientConnectorDNSError, "dns_error"),
    (aiohttp.ClientProxyConnectionError, "local_network"),
    (aiohttp.ClientConnectorError, "connect_failed"),
    (aiohttp.ClientPayloadError, "connection_broken"),
    (aiohttp.ServerDisconnectedError, "connection_broken"),
    (aiohttp.ClientResponseError, "protocol_error"),
    (HttpProcessingError, "protocol_error"),
    (aiohttp.ClientConnectionError, "connection_broken"),
    (aiohttp.ClientError, "protocol_error"),
    (TimeoutError, "timeout"),
    (OSError, "connection_broken"),
)


class RequestFailure(Exception):
    """A request that did not come to a whole answer: an error type and what was seen. Only `web` raises it. `silent`: our resolver did not answer."""

    def __init__(self, error: str, detail: str, *, silent: bool = False) -> None:
        self.error = error
        self.silent = silent
        self.detail = clean_text(detail)
        super().__init__(f"{error}: {self.detail}")


def failure_of(exc: Exception) -> RequestFailure:
    """The failure that a foreign exception means; what the table does not know counts as `protocol_error`."""
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        error = "local_network" if exc.status == _PROXY_LOGIN_WANTED else "connect_failed"
        return RequestFailure(error, f"the proxy answers {exc.status} {exc.message}")
    cause = exc.os_error if isinstance(exc, aiohttp.ClientConnectorError) else exc
    number = cause.errno if isinstance(cause, OSError) else None
    error = _BY_ERRNO.get(number or 0) or next((name for kind, name in _BY_CLASS if isinstance(exc, kind)), "protocol_error")
    if error == "connect_failed" and number == errno.ETIMEDOUT:
        error = "connect_timeout"
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return RequestFailure(error, text or type(cause).__name__)


def clean_text(text: str) -> str:
    """Text from outside that can be stored: one line, no lone surrogates, at most 300 characters."""
    one_line = " ".join(text[: 4 * MAX_DETAIL_CHARACTERS].split())
    return one_line.encode("utf-8", "backslashreplace").decode()[:MAX_DETAIL_CHARACTERS]
