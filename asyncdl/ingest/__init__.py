"""Ingest: sources (archives, tables, lists) become images with their candidates in the store.

`detect` recognises a source, `ingest` loads it. It knows the kernel and nothing of requests, lanes or people.
"""

from asyncdl.ingest.accounts import IngestCounts, IngestProgress, IngestReport, SourceReport, Stage
from asyncdl.ingest.choices import Choices, parse_choices
from asyncdl.ingest.load import ingest
from asyncdl.ingest.options import Bounds, IngestOptions
from asyncdl.ingest.rejects import Reject, RejectReason
from asyncdl.ingest.sources import SourceFormat, SourceSpec, detect

__all__ = [
    "Bounds",
    "Choices",
    "IngestCounts",
    "IngestOptions",
    "IngestProgress",
    "IngestReport",
    "Reject",
    "RejectReason",
    "SourceFormat",
    "SourceReport",
    "SourceSpec",
    "Stage",
    "detect",
    "ingest",
    "parse_choices",
]
