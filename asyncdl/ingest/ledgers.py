"""Records that others hold: `--exclude-ledger` names a collection, an archive, a table or a list of ids, and their records are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from asyncdl.errors import SourceError
from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.archive import file_chunks, peeked
from asyncdl.ingest.columns import ID_HEADINGS, Column, Columns
from asyncdl.ingest.dialect import encoding_of, guess_dialect, sample_lines
from asyncdl.ingest.facts import key_of, occurrences_of
from asyncdl.ingest.intake import take_columns
from asyncdl.ingest.magic import is_parquet, is_tar, is_zip
from asyncdl.ingest.matching import delete_records
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.parquet import id_table
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.sources import SourceFormat, SourceSpec, detect
from asyncdl.ingest.table import Table
from asyncdl.ingest.tables import open_tables
from asyncdl.sourcerows import NAMED, NUMBERED, SourceRows, folders

_TABLE: Final = "ledger"


def take_ledger(rows: RowTable, ledger: str, options: IngestOptions) -> Iterator[None]:
    """Delete the rows of the records that a ledger holds. Yields between steps. Raises `SourceError` when it cannot be read."""
    place = Path(ledger)
    if not place.exists():
        raise SourceError(f"--exclude-ledger: {ledger} does not exist", "look at its name")
    if place.is_dir() and (parts := _parts(place)) is not None:
        for kind, files in parts.items():
            if files:
                files_of = [str(file) for file in files]
                ids = "record, NULL::VARCHAR AS name" if kind == NUMBERED else "NULL::BIGINT AS record, record AS name"
                both = f"(SELECT {ids} FROM read_parquet($files))"
                delete_records(rows, both, {"files": files_of}, listed=True)
            yield
        return
    for table in _tables(place, options):
        rows.execute(f"DROP TABLE IF EXISTS {_TABLE}")
        yield from take_columns(rows, table, _TABLE, {}, options, Tally())
        delete_records(rows, _TABLE, listed=True)
        rows.execute(f"DROP TABLE {_TABLE}")
        yield


def _parts(place: Path) -> dict[str, list[Path]] | None:
    """The parts of a collection's sources; None when the folder is no collection. One without any source holds no record."""
    sources = place / "sources"
    if not (place / "asyncdl.sqlite").is_file() and not sources.is_dir():
        return None
    read = [SourceRows(folder) for folder in folders(sources)]
    return {kind: [part for one in read for part in one.parts(kind)] for kind in (NUMBERED, NAMED)}


def _tables(place: Path, options: IngestOptions) -> Sequence[Table]:
    """The tables whose ids count: of an archive those of its media, or the core where it has none."""
    path = str(place)
    head = peeked(file_chunks(path, options.bounds))[0] if place.is_file() else b""
    if is_parquet(head):
        return (id_table(detect(path)),)
    if place.is_dir() or is_zip(head) or is_tar(head):
        spec = detect(path)
        try:
            tables: Sequence[Table] = open_tables(spec, options.bounds)
        except SourceError:
            facts = occurrences_of(spec, options.bounds)
            if facts is None:
                raise
            return (facts.table,)
        return tuple(replace(table, columns=Columns(table.columns.id, ())) if table.columns else table for table in tables)
    return (_bare(path, head, options),)


def _bare(path: str, head: bytes, options: IngestOptions) -> Table:
    """A table with a column of ids by its heading, or a plain list of ids, with or without a heading."""
    spec = SourceSpec(path, SourceFormat.TSV, Path(path).name, "")
    lines = sample_lines(head)
    if not lines:
        raise SourceError(f"--exclude-ledger: {path} is empty", "it should hold ids, one per line, or a table with a column of ids")
    dialect = replace(guess_dialect(head), encoding=encoding_of(head))
    names = [key_of(cell.strip().strip('"')) for cell in lines[0].split(dialect.delimiter)]
    found = next((names.index(heading) for heading in ID_HEADINGS if heading in names), None)
    if found is None and any(len(line.split(dialect.delimiter)) > 1 for line in lines):
        raise SourceError(
            f"--exclude-ledger: {path} has no column of ids", "its first line must name one: gbifID, id or occurrenceID"
        )
    dialect = replace(dialect, header_lines=0 if found is None else 1)
    return Table(path, partial(file_chunks, path, options.bounds), None, dialect, Columns(Column(found or 0), ()), spec)
