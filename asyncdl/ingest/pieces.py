"""Which reader a table needs. Both give rows in pieces: chunk files of clean lines, or rows that were read with care."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.blocks import LineShape
from asyncdl.ingest.chunks import CarefulRows, Chunk, ChunkReader
from asyncdl.ingest.columns import Columns
from asyncdl.ingest.jsonlines import JsonLines
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.sources import SourceFormat
from asyncdl.ingest.table import Table


class PieceReader(Protocol):
    """A table that was opened: its headings (empty: none), the roles of its columns, and its rows."""

    columns: Columns
    shape: LineShape
    """Of its chunk files; means nothing where it makes none."""

    @property
    def header(self) -> tuple[str, ...]: ...  # noqa: D102

    def pieces(self) -> Iterator[Chunk | CarefulRows]: ...  # noqa: D102


def reader_of(table: Table, bounds: Bounds, folder: Path, tally: Tally) -> PieceReader:
    """Open a table; chunk files are made in `folder`. Raises `SourceError` when it cannot be read or has no links."""
    if table.spec.format is SourceFormat.JSONL:
        return JsonLines(table, bounds, tally)
    return ChunkReader(table, bounds, folder, tally)
