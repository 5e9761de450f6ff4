"""What the store hands out and takes in beside the words of `asyncdl.model`: frozen values, no SQL.

Hosts, lanes and error types are named by text here; times are UTC milliseconds; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.model import FileRole, WorkKind
from asyncdl.status import ImageStatus, RecordStatus

QUEUE_START = (-1, -1)
"""The `after` of the first page of `Store.due_work`."""

ROBOTS_LEAVE_KEY = "robots_leave"
"""The pinned fact which robots.txt the last run did not obey: JSON with `hosts` and `note`, or an empty object."""


# ---- writing ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """What one `Store.load` changed. A known image counts once per mention, whether or not it gained a URL.

    `images_changed` are known ones that gained a URL, `candidates_gained` those URLs (of `candidates_new`); `images_named_again` had been
    marked as gone.
    """

    records_new: int = 0
    images_new: int = 0
    images_known: int = 0
    candidates_new: int = 0
    manifests_new: int = 0
    images_reopened: int = 0
    images_changed: int = 0
    images_named_again: int = 0
    candidates_gained: int = 0


@dataclass(frozen=True, slots=True)
class AddCounts:
    """What adding a source did to a collection, or to a range of it.

    Records: `records_known` are those of the source in which nothing changed, `records_changed` gained or lost something (some of them,
    `records_changed_elsewhere`, only other living sources name), of `records_gone` nothing is named any more. Images: `images_changed`
    gained links, `images_named_again` had been gone; of the gone ones `images_withdrawn` had no file and are no longer asked.
    """

    records_new: int = 0
    records_changed: int = 0
    records_changed_elsewhere: int = 0
    records_known: int = 0
    records_gone: int = 0
    images_new: int = 0
    images_changed: int = 0
    images_named_again: int = 0
    images_reopened: int = 0
    images_gone: int = 0
    images_withdrawn: int = 0
    links_gained: int = 0
    links_new: int = 0
    manifests_new: int = 0
    manifests_withdrawn: int = 0

    def __add__(self, other: AddCounts) -> AddCounts:
        return AddCounts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(AddCounts)))


@dataclass(frozen=True, slots=True)
class Applied:
    """What one `Store.apply` changed.

    `manifests_waiting_failed` counts images that ended because the manifest they waited for ended. `due`
    names hosts that gained due rows, with the earliest due time gained: a nudge for whoever pages the queue.
    """

    images_moved: int = 0
    images_created: int = 0
    images_merged: int = 0
    manifests_waiting_failed: int = 0
    due: tuple[tuple[str, int], ...] = ()


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
class RecordRow:
    """A record. `id` is its row; `external_id` is what its source calls it."""

    id: int
    external_id: int | str
    images: int
    successes: int
    open_images: int
    status: RecordStatus
    completed_ms: int | None


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


@dataclass(frozen=True, slots=True)
class StoredCandidate:
    """A candidate with its rank, in the order in which it is tried."""

    position: int
    url: str
    rank: int
    kind: int
    spent: str | None


@dataclass(frozen=True, slots=True)
class StoredFailure:
    """A failed request. `page_text` is what the server said, `page_count` how often it said just that."""

    at_ms: int
    error: str
    attempt: int
    host: str
    url: str
    detail: str
    http_status: int | None
    media_type: str
    final_url: str
    page_text: str
    page_count: int


@dataclass(frozen=True, slots=True)
class ImageStory:
    """Everything known of one image. `gone` is the source since whose addition no source names it; None: it is named."""

    state: ImageState
    candidates: tuple[StoredCandidate, ...]
    files: tuple[StoredFile, ...]
    failures: tuple[StoredFailure, ...]
    gone: int | None = None


@dataclass(frozen=True, slots=True)
class ManifestStory:
    """Everything known of one manifest. `canvases` is None until it was expanded."""

    id: int
    url: str
    host: str
    status: ImageStatus
    due_ms: int | None
    attempts: int
    error: str | None
    canvases: int | None
    expanded_ms: int | None
    failures: tuple[StoredFailure, ...]


@dataclass(frozen=True, slots=True)
class RecordStory:
    """A record with its images in the order of their numbers, and its manifests."""

    record: RecordRow
    images: tuple[ImageStory, ...]
    manifests: tuple[ManifestStory, ...]


@dataclass(frozen=True, slots=True)
class HostStory:
    """A host: its figures, its errors, the last failures seen there (newest first), and what the robots.txt files of its lane said."""

    counts: HostCounts
    errors: tuple[ErrorCount, ...]
    failures: tuple[StoredFailure, ...]
    robots: tuple[RobotsRecord, ...] = ()


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


class HostAnswer(NamedTuple):
    """One request and its answer, as far as it was kept. `at_ms`: when it was asked; `final_url`: where redirects had led, or "".

    `error` is None where the answer was what had been asked for; numbers are None where nothing is known of them. Texts are as received.
    """

    at_ms: int
    kind: str
    url: str
    status: int | None
    size_bytes: int | None
    took_ms: int | None
    media_type: str
    error: str | None
    attempt: int | None
    final_url: str
    detail: str


@dataclass(frozen=True, slots=True)
class HostLogPage:
    """Answers of one window of rows, perhaps none; `next_after` is where the next window begins, None at the end."""

    answers: tuple[HostAnswer, ...]
    next_after: int | None
