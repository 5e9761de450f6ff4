"""What a request brought home, before anybody has looked at it."""

from __future__ import annotations

from dataclasses import dataclass

from asyncdl.blobs import Spool
from asyncdl.model import Asked


@dataclass(frozen=True, slots=True)
class Body:
    """A whole answer with status 200 in its spool. Whoever receives this owns the spool.

    `media_type` and `charset` are what the server claims, which is evidence of nothing but a page. `latency_seconds`: from the
    request to the first byte of the answer.
    """

    spool: Spool
    url: str
    media_type: str
    charset: str | None
    latency_seconds: float | None = None
    asked: Asked | None = None
