"""What the store hands out and takes in beside the words of `asyncdl.model`: frozen values, no SQL.

Hosts, lanes and error types are named by text here; times are UTC milliseconds; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncdl.lane_records import LaneRecord
from asyncdl.model import FileRole, WorkKind
from asyncdl.status import ImageStatus

QUEUE_START = (-1, -1)
"""The `after` of the first page of `Store.due_work`."""

ROBOTS_LEAVE_KEY = "robots_leave"
"""The pinned fact which robots.txt the last run did not obey: JSON with `hosts` and `note`, or an empty object."""


# ---- sources, runs, events -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source and how far its ingest got. `cursor` is what the reader asked to be remembered.

    `replaces` is the source whose place it takes (0: none; None: not decided, or no addition), `replaced_by` the one that took its own.
    `images_gone` counts the images that are gone since it was added.
    """

    id: int
    name: str
    format: str
    fingerprint: str
    rows: int
    rejected: int
    loaded: bool
    cursor: str | None
    replaces: int | None = None
    replaced_by: int | None = None
    loaded_ms: int | None = None
    images_gone: int = 0

    @property
    def living(self) -> bool:
        """Whether what it names is named: it was read to its end, and no other took its place."""
        return self.loaded and self.replaced_by is None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Who starts a run, where and with which settings (as JSON)."""

    started_ms: int
    host: str
    pid: int
    version: str
    settings_json: str = "{}"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as stored. `ended_ms` of None: it is running, or it was killed."""

    id: int
    info: RunInfo
    ended_ms: int | None
    exit_status: int | None
    counts_json: str | None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something worth telling later: a repair, a pause, a command from the inbox."""

    id: int
    at_ms: int
    kind: str
    subject: str
    detail: str


# ---- reading: figures ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How many images stand in `status` with `error` (None: no error)."""

    status: ImageStatus
    error: str | None
    images: int


@dataclass(frozen=True, slots=True)
class HostCounts:
    """One host in figures. `main_error` is the error most of its images that are not saved stand with."""

    host: str
    lane: str
    by_status: Mapping[str, int]
    size_bytes: int
    main_error: str | None
    lane_record: LaneRecord | None

    @property
    def images(self) -> int:
        """All images whose current host this is."""
        return sum(self.by_status.values())


# ---- reading: rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImageState:
    """Where an image stands now: what a caller needs to build a `Transition`."""

    id: int
    external_id: int | str
    number: int
    host: str
    status: ImageStatus
    due_ms: int | None
    attempts: int
    candidate: int
    error: str | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of an image, with what names it. `sha256` and `recipe` as in `NewFile`."""

    id: int
    image: int
    external_id: int | str
    number: int
    role: FileRole
    path: str
    size_bytes: int
    sha256: bytes
    media_type: str
    width: int | None
    height: int | None
    created_ms: int
    recipe: str | None = None


# ---- upkeep ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RetryFilter:
    """Which rows to re-open. An empty set of error types or hosts means any; `since_ms` looks at the last failure.

    Images that no source names any more are left out unless `withdrawn` is among the error types.
    """

    error_types: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    statuses: frozenset[ImageStatus] = frozenset({ImageStatus.FAILED, ImageStatus.EXHAUSTED})
    since_ms: int | None = None
    kind: WorkKind = WorkKind.IMAGE


@dataclass(frozen=True, slots=True)
class RetryPage:
    """Ids that match, and where to go on; `next_after_id` is None after the last page. A page may be empty."""

    ids: tuple[int, ...]
    next_after_id: int | None


@dataclass(frozen=True, slots=True)
class Discrepancies:
    """Where counters or roll-ups differ from a recount of the rows; all empty when the database is consistent."""

    counters: tuple[str, ...] = ()
    records: tuple[int, ...] = ()
    stranded: tuple[int, ...] = ()
    by_table: Mapping[str, int] = field(default_factory=dict)
