"""Ingest: sources (archives, tables, lists) become images with their candidates in the store.

`detect` recognises a source, `ingest` loads it. It knows the kernel and nothing of requests, lanes or people.
"""

from asyncdl.ingest.accounts import IngestCounts, IngestProgress, IngestReport, SourceReport, Stage
from asyncdl.ingest.addaccounts import AddedSource, AddReport
from asyncdl.ingest.adding import add
from asyncdl.ingest.choices import Choices, as_options, parse_choices
from asyncdl.ingest.load import ingest
from asyncdl.ingest.options import Bounds, IngestOptions
from asyncdl.ingest.rejects import Reject, RejectReason
from asyncdl.ingest.rekeying import RekeyCounts, Rekeying, RekeyProgress
from asyncdl.ingest.sources import SourceFormat, SourceSpec, detect
from asyncdl.ingest.succession import Living, Replaced, Replaces, earlier_lists, living_sources, unfinished_addition
from asyncdl.ingest.tables import has_columns

__all__ = [
    "AddReport",
    "AddedSource",
    "Bounds",
    "Choices",
    "IngestCounts",
    "IngestOptions",
    "IngestProgress",
    "IngestReport",
    "Living",
    "Reject",
    "RejectReason",
    "RekeyCounts",
    "RekeyProgress",
    "Rekeying",
    "Replaced",
    "Replaces",
    "SourceFormat",
    "SourceReport",
    "SourceSpec",
    "Stage",
    "add",
    "as_options",
    "detect",
    "earlier_lists",
    "has_columns",
    "ingest",
    "living_sources",
    "parse_choices",
    "unfinished_addition",
]
