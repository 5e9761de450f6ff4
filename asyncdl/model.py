"""The words of the project as frozen values: what crosses the border between two stages.

Nothing here decides or does anything. Times are UTC milliseconds (`*_ms`); hosts and lanes are named by
text everywhere outside `store/`, which alone knows their row numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.limits import Stop
from asyncdl.status import ImageStatus


class CandidateKind(IntEnum):
    """What a candidate URL is expected to answer with. The numbers are stored."""

    IMAGE = 0
    MANIFEST = 1
    PAGE = 2  # a landing page or viewer: tried only when nothing else is there


class WorkKind(StrEnum):
    """The two kinds of row that wait for a request."""

    IMAGE = "image"
    MANIFEST = "manifest"


class FileRole(StrEnum):
    """What a file is to its image."""

    ORIGINAL = "original"
    JPEG = "jpeg"
    DEVELOPED = "developed"


# ---- ingest -> store -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewCandidate:
    """A URL that may yield an image. `rank` 1 is the largest picture; `host` is the URL's host (and port)."""

    url: str
    rank: int
    kind: CandidateKind
    host: str


@dataclass(frozen=True, slots=True)
class NewManifest:
    """A IIIF Presentation manifest of a record: work of its own. `key` is the key of its base."""

    url: str
    key: str
    key_hash: int
    host: str


@dataclass(frozen=True, slots=True)
class NewImage:
    """One distinct photo of a record: its canonical key, its candidates best first."""

    key: str
    key_hash: int
    candidates: tuple[NewCandidate, ...]


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record and its images in key order. An integer id is its own row number; any other id is text."""

    external_id: int | str
    images: tuple[NewImage, ...]
    manifests: tuple[NewManifest, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedRecord:
    """A record that a replaced source named: what the living sources name of it now, each folded by itself; nothing when none does.

    `in_source`: the source that is being added has usable links for it.
    """

    external_id: int | str
    living: tuple[NewRecord, ...] = ()
    in_source: bool = False


# ---- store -> download -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored candidate. `spent` names the permanent failure that rules it out, if there was one."""

    position: int
    url: str
    kind: CandidateKind
    spent: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A row that is due: an image or a manifest, with all that a fetch needs to know of it."""

    kind: WorkKind
    id: int
    host: str
    lane: str
    external_id: int | str
    number: int
    attempts: int
    status: ImageStatus
    candidate: int
    candidates: tuple[Candidate, ...]
    due_ms: int = 0


@dataclass(frozen=True, slots=True)
class HostDue:
    """A host that has work: its row, its lane, and the earliest due time among its rows.

    `given_up`: nothing is asked of it any more, so all its rows are due, to be ended.
    `stop` and `not_before_ms` are what is remembered of its lane: a person's stop, and until when nothing of it may be asked (None: nobody knows).
    """

    host_id: int
    host: str
    lane: str
    next_due_ms: int
    given_up: bool = False
    stop: Stop | None = None
    not_before_ms: int | None = 0


# ---- fetch -> inspect -> record --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen when a request failed; every text is as received and must be escaped before a terminal."""

    detail: str = ""
    http_status: int | None = None
    media_type: str = ""
    page_text: str = ""
    final_url: str = ""
    took_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What inspection found in a body that is a whole image (or a raw file): type by content, pixels, flag."""

    extension: str
    media_type: str
    width: int | None
    height: int | None
    flag: str | None = None


class Asked(NamedTuple):
    """The request that an answer came of: when it began (UTC milliseconds), how long it took to the last byte, and where redirects had led ("": nowhere)."""

    at_ms: int
    took_ms: int
    final_url: str = ""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that lies (or, inside a batch, will lie) at `path`, relative to the collection.

    An empty `sha256` means that nobody has read it as a whole yet. `recipe` says where it comes from, if not from a request.
    `created_ms` is when it was made, where that was not just now.
    """

    role: FileRole
    path: str
    size_bytes: int
    sha256: bytes
    media_type: str
    width: int | None
    height: int | None
    recipe: str | None = None
    created_ms: int | None = None
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed request, as it is stored. `work_id` is an image or a manifest, by `kind`."""

    kind: WorkKind
    work_id: int
    at_ms: int
    error: str
    url: str
    host: str
    attempt: int
    evidence: Evidence = field(default_factory=Evidence)


# ---- -> store.apply --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transition:
    """A move of one image. `due_ms` is None for terminal statuses and while waiting for a manifest.

    `error` is the error type (or, on success, the flag). `candidate` and `host` say what is tried next or
    what won. `spent` marks candidates by position that failed for good. `reset_spent` clears such marks.
    """

    image: int
    to: ImageStatus
    due_ms: int | None
    attempts: int
    error: str | None = None
    candidate: int | None = None
    host: str | None = None
    file: NewFile | None = None
    spent: tuple[tuple[int, str], ...] = ()
    reset_spent: bool = False


@dataclass(frozen=True, slots=True)
class Canvas:
    """One painted picture of a manifest, ready to be matched with the images of the record by key."""

    key: str
    key_hash: int
    candidates: tuple[NewCandidate, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class ManifestTransition:
    """A move of one manifest. `canvases` is given when it was expanded (then `to` is SUCCESS)."""

    manifest: int
    to: ImageStatus
    due_ms: int | None
    attempts: int
    error: str | None = None
    canvases: tuple[Canvas, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one commit changes. Order inside: transitions, manifests, failures, lanes, robots."""

    transitions: tuple[Transition, ...] = ()
    manifests: tuple[ManifestTransition, ...] = ()
    failures: tuple[Failure, ...] = ()
    lanes: tuple[LaneRecord, ...] = ()
    robots: tuple[RobotsRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Images by status label, with their total."""

    total: int = 0
    by_status: Mapping[str, int] = field(default_factory=dict)
