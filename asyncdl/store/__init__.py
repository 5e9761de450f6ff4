"""The database of a collection: the only package that speaks SQL to SQLite.

It knows rows, counters and the legal moves between statuses; it knows nothing of requests, files on disk
or people. `Store` is the way in; the values it hands out are in `rows`, `changes` and `histories`.
"""

from asyncdl.store.adopting import OwnedImage
from asyncdl.store.changes import AddCounts, Applied, LoadCounts
from asyncdl.store.database import DEFAULT_CACHE_BYTES, INGEST_CACHE_BYTES
from asyncdl.store.histories import (
    HostAnswer,
    HostStory,
    ImageStory,
    ManifestStory,
    RecordRow,
    RecordStory,
    StoredCandidate,
    StoredFailure,
)
from asyncdl.store.holding import HeldCandidate, HeldImage, HeldManifest, HeldRecord
from asyncdl.store.interning import storable
from asyncdl.store.legacydb import LegacyDatabase, LegacyRow
from asyncdl.store.reader import Reader
from asyncdl.store.rekeying import ImageRekey, ManifestRekey, RecordRekey
from asyncdl.store.renumbering import Renumbered
from asyncdl.store.rows import (
    QUEUE_START,
    ROBOTS_LEAVE_KEY,
    Discrepancies,
    ErrorCount,
    HostCounts,
    ImageState,
    RetryFilter,
    RetryPage,
    RunInfo,
    RunRecord,
    SourceState,
    StoredEvent,
    StoredFile,
)
from asyncdl.store.store import Store

__all__ = [
    "DEFAULT_CACHE_BYTES",
    "INGEST_CACHE_BYTES",
    "QUEUE_START",
    "ROBOTS_LEAVE_KEY",
    "AddCounts",
    "Applied",
    "Discrepancies",
    "ErrorCount",
    "HeldCandidate",
    "HeldImage",
    "HeldManifest",
    "HeldRecord",
    "HostAnswer",
    "HostCounts",
    "HostStory",
    "ImageRekey",
    "ImageState",
    "ImageStory",
    "LegacyDatabase",
    "LegacyRow",
    "LoadCounts",
    "ManifestRekey",
    "ManifestStory",
    "OwnedImage",
    "Reader",
    "RecordRekey",
    "RecordRow",
    "RecordStory",
    "Renumbered",
    "RetryFilter",
    "RetryPage",
    "RunInfo",
    "RunRecord",
    "SourceState",
    "Store",
    "StoredCandidate",
    "StoredEvent",
    "StoredFailure",
    "StoredFile",
    "storable",
]
