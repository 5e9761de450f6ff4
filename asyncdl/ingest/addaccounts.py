"""The accounts of an addition: what each source brought, what it changed, and what it no longer names. Values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from asyncdl.ingest.accounts import IngestCounts
from asyncdl.ingest.rejects import Reject, RejectReason
from asyncdl.ingest.succession import Replaced
from asyncdl.store import AddCounts


@dataclass(frozen=True, slots=True)
class AddedSource:
    """What became of one source. `already_there`: a living source is just this one, and it was not read again.

    `images_known` are the images of the collection that stay as they were and that a living source names. Of the source's own records
    `records_unusable` have no usable link.
    """

    name: str
    format: str
    number: int = 0
    already_there: bool = False
    replaces: Replaced | None = None
    counts: IngestCounts = field(default_factory=IngestCounts)
    added: AddCounts = field(default_factory=AddCounts)
    records_unusable: int = 0
    images_known: int = 0
    rejects: dict[RejectReason, int] = field(default_factory=dict)
    samples: tuple[Reject, ...] = ()
    rejects_path: Path | None = None
    filters: tuple[str, ...] = ()
    citation: str = ""


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of all sources, in the order given. `dry_run`: what would have become of them."""

    sources: tuple[AddedSource, ...]
    seconds: float
    dry_run: bool = False
