"""What a request came to, as values: the only thing the scheduler learns of the world."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from asyncdl.blobs import Spool
from asyncdl.clock import Instant
from asyncdl.model import Asked, Canvas, Evidence, Failure, ImageFacts, Work
from asyncdl.status import ImageStatus


class TicketKind(StrEnum):
    """What the answer to a request is for."""

    IMAGE = "image"
    MANIFEST = "manifest"
    ROBOTS = "robots"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Permission to make one request now, in one lane, at so many bits per second together with the others of the lane (0: no ceiling).

    `hop` 0 is the candidate itself, 1 its first redirect; `first_url` is where that chain began.
    """

    id: int
    kind: TicketKind
    lane: str
    url: str
    hop: int
    issued: Instant
    work: Work | None = None
    candidate: int = 0
    first_url: str = ""
    bandwidth_bits_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Saved:
    """A whole image lies in the spool. Whoever receives this owns the spool."""

    facts: ImageFacts
    spool: Spool
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Redirected:
    """The server points elsewhere; `url` is absolute."""

    url: str


@dataclass(frozen=True, slots=True)
class ManifestRead:
    """A IIIF manifest was read; at least one canvas."""

    canvases: tuple[Canvas, ...]


@dataclass(frozen=True, slots=True)
class RobotsRead:
    """An answer to a robots.txt request: its status and (for 2xx) its body, bounded."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """No success. `error` is a name of the error table; `retry_after_seconds` what the server asked for. `silent`: it was our resolver that did not answer."""

    error: str
    evidence: Evidence = field(default_factory=Evidence)
    retry_after_seconds: float | None = None
    silent: bool = False


Outcome = Saved | Redirected | ManifestRead | RobotsRead | Failed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a row: the move, and what is left to do for it (place a file, add canvases).

    `due_ms` None with status PENDING means: wait for the manifest named by `candidate`.
    """

    work: Work
    to: ImageStatus
    due_ms: int | None
    attempts: int
    error: str | None
    candidate: int
    spent: tuple[tuple[int, str], ...] = ()
    saved: Saved | None = None
    canvases: tuple[Canvas, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer of the scheduler to an outcome. Without a verdict the job goes on: a hop, a next candidate, a wait."""

    verdict: Verdict | None = None
    failure: Failure | None = None
    work: Work | None = None
    note: str = ""
    local_fault: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may start now. Ask again at `until` (monotonic seconds), or, when None, after the next change."""

    until: float | None
