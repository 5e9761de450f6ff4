"""The history of one record, image, manifest or host, as `stories` and `hostlog` gather it for a person: frozen values, no SQL.

Hosts, lanes and error types are named by text here; times are UTC milliseconds; sizes are bytes. Texts of servers are as received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from asyncdl.lane_records import RobotsRecord
from asyncdl.status import ImageStatus, RecordStatus
from asyncdl.store.rows import ErrorCount, HostCounts, ImageState, StoredFile


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
