"""Every cause of failure, once: the table of error types, and the one tree of exceptions.

An *error type* is a value: what a request came to, stored with the image it concerns. *Blame* decides what
it costs: a host-blamed failure slows the host and costs the image nothing, an image-blamed one costs the
image an attempt, a local one costs nobody anything and pauses the run. Names and codes are stored; they are
never reused or renumbered.

An *exception* ends a command. Its class says which exit status the process ends with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Blame(StrEnum):
    """Who pays for a failure."""

    HOST = "host"
    IMAGE = "image"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class ErrorType:
    """One cause of failure. `transient` means that asking again later may help."""

    code: int
    name: str
    blame: Blame
    transient: bool
    meaning: str
    remedy: str


_H, _I, _L = Blame.HOST, Blame.IMAGE, Blame.LOCAL
_NEW_SOURCE = "ask the publisher, or take a newer source that has a working link"
_WAIT = "nothing: the run comes back when the host allows it"

_TABLE = (
    ErrorType(1, "rate_limited", _H, True, "the host asked us to slow down (429)", _WAIT),
    ErrorType(2, "unavailable", _H, True, "the host says it is overloaded or closed for now (503)", _WAIT),
    ErrorType(3, "connect_failed", _H, True, "no connection to the host could be made", _WAIT),
    ErrorType(4, "connect_timeout", _H, True, "the host did not accept a connection in time", _WAIT),
    ErrorType(5, "dns_error", _H, True, "the host's name could not be resolved", _WAIT),
    ErrorType(6, "tls_error", _H, True, "the host's certificate or TLS handshake is not acceptable",
              "tell the host; if you trust it all the same, --insecure-host HOST"),
    ErrorType(7, "banned", _H, True, "the host refuses us altogether (a burst of 401 or 403, or a challenge made to keep programs out)",
              "write to the host before you go on"),
    ErrorType(8, "robots_unreachable", _H, True, "the host's robots.txt could not be read, so nothing may be asked", _WAIT),
    ErrorType(20, "timeout", _I, True, "the answer did not come, stalled or was too slow", "retry, or a longer --timeout"),
    ErrorType(21, "server_error", _I, True, "the host failed while answering (5xx)", "retry later"),
    ErrorType(22, "connection_broken", _I, True, "the connection broke before the answer was whole", "retry later"),
    ErrorType(23, "truncated", _I, True, "the body is shorter than announced, or ends in the middle of the picture", "retry later"),
    ErrorType(24, "manifest_error", _I, True, "the IIIF manifest could not be read or holds no picture", _NEW_SOURCE),
    ErrorType(25, "protocol_error", _I, True, "the answer is not valid HTTP", "retry later"),
    ErrorType(26, "damaged", _I, True, "the file decodes with errors", "retry later; if it stays, tell the publisher"),
    ErrorType(27, "decode_crashed", _I, False, "the decoder crashed or ran out of time or memory on this file",
              "keep it with --validate structure"),
    ErrorType(40, "invalid_content_type", _I, False, "a web page, JSON or XML came instead of an image", _NEW_SOURCE),
    ErrorType(41, "not_an_image", _I, False, "the bytes are no image format we know", _NEW_SOURCE),
    ErrorType(42, "no_url", _I, False, "no usable link is known", _NEW_SOURCE),
    ErrorType(43, "robots_disallowed", _H, True, "the host's robots.txt forbids this address",
              "nothing: asked again when the rules may have changed; with the host's leave, --robots ignore:HOST after "
              "`asyncdl retry --error-type robots_disallowed --all`"),
    ErrorType(44, "too_large", _I, False, "the file is larger than --max-bytes", "a larger --max-bytes, then `asyncdl retry`"),
    ErrorType(45, "too_many_pixels", _I, False, "the picture has more pixels than --max-pixels",
              "a larger --max-pixels, then `asyncdl retry`"),
    ErrorType(46, "too_many_redirects", _I, False, "the chain of redirects is too long or a loop", _NEW_SOURCE),
    ErrorType(47, "forbidden_address", _I, False, "the link leads to a private or reserved address",
              "if the address is yours, --allow-private CIDR"),
    ErrorType(48, "invalid_url", _I, False, "the link is not a usable http(s) address", _NEW_SOURCE),
    ErrorType(49, "placeholder", _I, False, 'a stand-in picture ("no image available") came instead of the photo', _NEW_SOURCE),
    ErrorType(50, "damaged_at_source", _I, False, "the same damaged file came every time", "tell the publisher"),
    ErrorType(51, "noai", _I, False, "the host asks that this file is not used for machine learning (X-Robots-Tag)",
              "respect it; where your use is another, --noai ignore, then `asyncdl retry`"),
    ErrorType(52, "empty_body", _I, True, "the answer has no bytes", "retry later"),
    ErrorType(53, "withdrawn", _I, False, "the newest source no longer names it",
              "add a source that names it, or `asyncdl retry --error-type withdrawn`"),
    ErrorType(60, "lane_given_up", _H, True, "the host was given up: it stayed down, or a person said so", "`asyncdl retry --host HOST`"),
    ErrorType(80, "disk_full", _L, True, "no space (or no inodes, or no quota) left", "free space; the run goes on by itself"),
    ErrorType(81, "local_io", _L, True, "this machine could not write or read a file", "look at the disk"),
    ErrorType(82, "local_network", _L, True, "this machine's own network or resolver failed", "look at the network"),
    ErrorType(83, "cancelled", _L, True, "the run was stopped before the answer was whole", "run again"),
    ErrorType(84, "address_busy", _L, True, "the server at this address is busy with images of other hosts (--address-connections)",
              "nothing: it is asked again in a moment"),
    # flags: they stand on success rows
    ErrorType(200, "raw_unprocessed", _I, False, "a raw file (or one no decoder here knows), kept bit-exact", "nothing: it is kept as it came"),
    ErrorType(201, "legacy_unverified_index", _I, False, "adopted from an earlier tool; which photo of its record it is was never checked (certain where the record has only one)",
              "none"),
    # a mark on candidates only
    ErrorType(202, "manifest_expanded", _I, False, "the manifest was read; its pictures are candidates or images of their own", "none"),
)  # fmt: skip

_BY_NAME = {row.name: row for row in _TABLE}
_BY_CODE = {row.code: row for row in _TABLE}
_HTTP_CODES_FROM = 1000
_TRANSIENT_HTTP = {408, 425}


def all_error_types() -> tuple[ErrorType, ...]:
    """The whole table, without the `http_<code>` family, which is made on demand."""
    return _TABLE


def error_type(name: str) -> ErrorType:
    """The row of a name; `http_<code>` rows are made on demand, an unknown name is image-blamed and permanent."""
    if known := _BY_NAME.get(name):
        return known
    if name.startswith("http_") and name[5:].isascii() and name[5:].isdigit() and 100 <= (status := int(name[5:])) <= 999:
        return ErrorType(_HTTP_CODES_FROM + status, name, Blame.IMAGE, status in _TRANSIENT_HTTP,
                         f"the host answered with status {status}", _NEW_SOURCE)  # fmt: skip
    return ErrorType(0, name, Blame.IMAGE, False, "an unknown cause", "look at `asyncdl explain`")


def error_type_of_code(code: int) -> ErrorType:
    """The row of a stored code; the inverse of `error_type(name).code`."""
    if known := _BY_CODE.get(code):
        return known
    if code > _HTTP_CODES_FROM:
        return error_type(f"http_{code - _HTTP_CODES_FROM}")
    return error_type("other")


def error_of_http_status(status: int) -> str:
    """The error type of an HTTP status that is neither success nor redirect (RFC 9110)."""
    if status == 429:
        return "rate_limited"
    if status == 503:
        return "unavailable"
    if status == 408:
        return "timeout"
    return "server_error" if status >= 500 else f"http_{status}"


class AsyncdlError(Exception):
    """Something ended the command. `what` says what and where, `todo` what to do about it."""

    exit_status = 1

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.what}\n{self.todo}" if self.todo else self.what


class UsageError(AsyncdlError):
    """The command line or a setting asks for something that cannot be."""

    exit_status = 2


class SourceError(UsageError):
    """A source cannot be read, or is not what it was said to be."""


class StillWaiting(AsyncdlError):
    """What is waited for did not come within the time that was given: typed again, the command goes on waiting."""

    exit_status = 3


class CollectionLocked(AsyncdlError):
    """Another run holds the collection."""

    exit_status = 4


class CollectionError(AsyncdlError):
    """The collection is missing, damaged, or not one of ours."""

    exit_status = 5


class WrittenByNewer(CollectionError):
    """A newer asyncdl wrote the collection: what that means cannot be told from here."""


class EnvironmentStops(AsyncdlError):
    """Disk, quota, handles, proxy, or a missing contact address: the machine or its set-up stops us."""

    exit_status = 6


class IllegalMove(AsyncdlError):
    """A batch asks for a move of a row that does not exist, or one that is not legal: a fault of ours, nothing was changed."""
