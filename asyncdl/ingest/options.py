"""What a caller may choose about an ingest, and the bounds that keep hostile or broken sources in check.

Values only. Every bound names its unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """How to ingest. `memory_limit_bytes` bounds the sort, which spills to disk beyond it; the process takes some 150 MB more."""

    memory_limit_bytes: int = 700_000_000
    sort_threads: int = 2
    records_per_batch: int = 5_000
    images_per_batch: int = 20_000
    only_images: bool = True
    """Leave out rows that say they are sound, video or text."""
    reload: bool = False
    """Read a source again that was loaded to its end before."""
    bounds: Bounds = field(default_factory=Bounds)
