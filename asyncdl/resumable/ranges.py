"""What an answer means for a file of which a part is there already: RFC 9110 (ranges, conditional requests) as values. Pure.

A part is only continued when what the server has now is what it had then: same validator, same length. Everything else starts over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from asyncdl.addresses import REDIRECTS, redirect_target
from asyncdl.retry_after import parse_retry_after

COME_BACK: Final = frozenset({420, 429, 503})
"""Statuses of a server that wants to be left alone for a while; 420 is GBIF's word for it."""

_CONTENT_RANGE: Final = re.compile(r"bytes\s+(?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of a file this is: its validators (RFC 9110, 8.8), empty where the server gives none, and its length."""

    etag: str = ""
    last_modified: str = ""
    total_bytes: int | None = None

    @property
    def condition(self) -> str:
        """What goes into `If-Range`: a strong validator; empty when there is none."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    @property
    def comparable(self) -> bool:
        """Whether another answer can be held against this one at all."""
        return bool(self.etag or self.last_modified)

    def agrees(self, other: Version) -> bool:
        """Whether both may be the same version: nothing that both name differs."""
        pairs = (
            (self.etag, other.etag), (self.last_modified, other.last_modified), (self.total_bytes, other.total_bytes),
        )  # fmt: skip
        return all(one == two for one, two in pairs if one not in ("", None) and two not in ("", None))


@dataclass(frozen=True, slots=True)
class Begins:
    """The body is the whole file, from its first byte."""

    version: Version


@dataclass(frozen=True, slots=True)
class Continues:
    """The body is what is missing."""

    version: Version


@dataclass(frozen=True, slots=True)
class IsWhole:
    """Nothing is missing."""


@dataclass(frozen=True, slots=True)
class HasChanged:
    """What is there is no part of what the server has now: throw it away and ask for the whole file."""

    why: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The file is at another address."""

    url: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """Passing trouble at the server, which may have said when to come back."""

    status: int
    retry_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will not give the file."""

    status: int


Meaning = Begins | Continues | IsWhole | HasChanged | Elsewhere | NotNow | Refused


def request_headers(have_bytes: int, version: Version, *, immutable: bool) -> dict[str, str]:
    """The headers that ask for what is missing.

    Without anything to compare a part is worth nothing, but for files that are known never to change (`immutable`).
    """
    if have_bytes == 0 or not (version.comparable or immutable):
        return {}
    headers = {"Range": f"bytes={have_bytes}-"}
    return headers | ({"If-Range": version.condition} if version.condition else {})


def meaning_of(status: int, headers: Mapping[str, str], url: str, have_bytes: int, version: Version, now_utc_ms: int) -> Meaning:
    """What an answer to `request_headers` means for a part of `have_bytes` bytes of `version`. `url` is what was asked."""
    if status in REDIRECTS and (location := headers.get("Location")):
        return Elsewhere(redirect_target(url, location))
    if status == 200:
        return Begins(_version(headers, _number(headers.get("Content-Length"))))
    if status == 206:
        return _partial(headers, have_bytes, version)
    if status == 416:
        return _unsatisfied(headers, have_bytes)
    if status in COME_BACK or status in {408, 425} or status >= 500:
        return NotNow(status, parse_retry_after(headers.get("Retry-After"), now_utc_ms))
    return Refused(status)


def _partial(headers: Mapping[str, str], have_bytes: int, version: Version) -> Meaning:
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or found[1] is None or int(found[1]) != have_bytes:
        return HasChanged("the server sent another part than was asked for")
    total = None if found[3] == "*" else int(found[3])
    offered = _version(headers, total)
    if not version.agrees(offered):
        return HasChanged("the file has changed at the server")
    return Continues(offered)  # perhaps not to its end: what is then still missing is asked for next


def _unsatisfied(headers: Mapping[str, str], have_bytes: int) -> Meaning:
    """416: either everything is there, or the file is shorter than what is there (RFC 9110, 15.5.17)."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is not None and found[1] is None and found[3] == str(have_bytes) and have_bytes:
        return IsWhole()
    return HasChanged("the file is shorter at the server")


def _version(headers: Mapping[str, str], total_bytes: int | None) -> Version:
    return Version(headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip(), total_bytes)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
