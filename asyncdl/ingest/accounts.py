"""The accounts of an ingest: what was read and what became of it, such that every row and every link is accounted for.

Values, and the one mutable tally that the stages write into. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from asyncdl.ingest.rejects import Reject, RejectReason


class Stage(StrEnum):
    """What an ingest is doing. `COPY` comes only where a source cannot be read where it is."""

    COPY = "copy"
    READ = "read"
    SORT = "sort"
    LOAD = "load"
    COMPARE = "compare"
    INDEX = "index"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What became of the rows and links of a source.

    Two sums hold when a source was read to its end: `rows_read = rows_taken + rows_without_media +
    rows_rejected + rows_filtered`, and `links = candidates + duplicates + links_rejected + links_over_limit + links_known`. Rows cut off
    because their record has too many were taken first, so they count as rows taken; their links are
    `links_over_limit`. `duplicates` are links that add no candidate: the same URL again, and pages of a record that
    belong to no one image of it. `links_known` are those of records that stand just so in another source of the collection: an addition does not look at them.
    """

    rows_read: int = 0
    rows_taken: int = 0
    rows_without_media: int = 0
    rows_rejected: int = 0
    rows_filtered: int = 0
    links: int = 0
    candidates: int = 0
    duplicates: int = 0
    links_rejected: int = 0
    links_over_limit: int = 0
    links_known: int = 0
    records: int = 0
    images: int = 0
    manifests: int = 0

    @property
    def balanced(self) -> bool:
        """Whether both sums hold."""
        rows = self.rows_taken + self.rows_without_media + self.rows_rejected + self.rows_filtered
        links = self.candidates + self.duplicates + self.links_rejected + self.links_over_limit + self.links_known
        return self.rows_read == rows and self.links == links


@dataclass(slots=True)
class Tally:
    """The same figures while they grow; one thread writes at a time."""

    rows_read: int = 0
    rows_taken: int = 0
    rows_without_media: int = 0
    rows_rejected: int = 0
    rows_filtered: int = 0
    links: int = 0
    candidates: int = 0
    duplicates: int = 0
    links_rejected: int = 0
    links_over_limit: int = 0
    links_known: int = 0
    records: int = 0
    images: int = 0
    manifests: int = 0
    bytes_read: int = 0
    rows_folded: int = 0

    def counts(self) -> IngestCounts:
        """The figures as they stand."""
        return IngestCounts(**{name: getattr(self, name) for name in IngestCounts.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Space:
    """What a reading needs on the disk, for a while and to stay, and what is free there."""

    temporary_bytes: int
    kept_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """Where an ingest stands. `total` is None when it cannot be known beforehand (compressed text, standard input).

    `done` and `total` count bytes while copying and reading, rows while sorting, loading and comparing, indexes at the end; while files are adopted
    again (`init --reset`) bytes, and `counts.images` are the files. `space` is told once, at the start of a reading.
    """

    source: str
    stage: Stage
    done: int
    total: int | None
    counts: IngestCounts
    space: Space | None = None


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source. `already_loaded`: it was in the collection, and was not read again."""

    name: str
    format: str
    already_loaded: bool = False
    counts: IngestCounts = field(default_factory=IngestCounts)
    rejects: Mapping[RejectReason, int] = field(default_factory=dict)
    samples: tuple[Reject, ...] = ()
    rejects_path: Path | None = None
    records_new: int = 0
    images_new: int = 0
    images_known: int = 0
    candidates_new: int = 0
    manifests_new: int = 0
    filters: tuple[str, ...] = ()
    """What each choice (`--where` and the like) left out, a line each."""
    citation: str = ""
    """How the source wants to be cited, its DOI included; empty where it does not say."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of all sources, in the order given."""

    sources: tuple[SourceReport, ...]
    seconds: float
