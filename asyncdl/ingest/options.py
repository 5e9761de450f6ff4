"""What a caller may choose about an ingest, and the bounds that keep hostile or broken sources in check.

Values only. Every bound names its unit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from asyncdl.ingest.choices import Choices
from asyncdl.sourcerows import ROWS_PER_GROUP


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large the parts of a source may be. What is larger is rejected with its reason, or refused as a whole."""

    max_cell_chars: int = 1_000_000
    max_row_bytes: int = 4_000_000
    max_row_lines: int = 100
    """How many lines a quoted cell may span before its opening quote is taken for a stray one."""
    max_id_chars: int = 1_000
    max_urls_per_cell: int = 100
    max_metadata_chars: int = 2_000
    """Longer texts (titles, licences) are cut when they are stored; the row itself is kept."""
    max_rows_per_record: int = 20_000
    max_archive_bytes: int = 2_000_000_000_000
    """Of the members that are read, unpacked."""
    max_zip_ratio: int = 200
    """Unpacked to packed, for members over 10 MB. Tables of links reach about 20."""
    max_meta_xml_bytes: int = 10_000_000
    max_rejects_in_file: int = 1_000_000
    """More are counted, but not written out."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How to ingest. `memory_limit_bytes` bounds the sort, which spills to disk beyond it; all processes together take some 400 MB more."""

    memory_limit_bytes: int = 700_000_000
    sort_threads: int = 2
    fold_processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    """How many processes apply the rules: one per core, because the process that inserts needs less than half of the time that rules take."""
    rows_per_range: int = ROWS_PER_GROUP
    """How many rows are folded and committed together."""
    only_images: bool = True
    """Leave out rows that say they are sound, video or text."""
    choices: Choices = field(default_factory=Choices)
    bounds: Bounds = field(default_factory=Bounds)
