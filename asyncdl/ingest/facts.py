"""Tables that say things about records beside their links: the occurrences of an archive, and the other columns of a media table.

Finds the table and its columns; reading is `intake.take_columns`'s business. Columns go by the local name of their term in lower case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import Archive, FolderArchive, ZipArchive, check_member_name, file_chunks, peeked
from asyncdl.ingest.columns import ID_HEADINGS, Column, Columns
from asyncdl.ingest.dialect import encoding_of, guess_dialect, terminator_of
from asyncdl.ingest.metaxml import FieldMeta, TableMeta, parse_meta
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.sources import SourceFormat, SourceSpec
from asyncdl.ingest.tables import Table
from asyncdl.ingest.tabular import TableReader
from asyncdl.terms import local_name

META: Final = "meta.xml"
OCCURRENCE_FILES: Final = ("occurrence.txt", "occurrence.csv", "occurrences.csv", "occurrences.txt")
_SYNONYMS: Final = {"licence": "license", "rightsholder": "rightsholder", "rights_holder": "rightsholder"}


@dataclass(frozen=True, slots=True)
class FactColumn:
    """A column as the table names it (`shown`), and where it stands."""

    shown: str
    column: Column


@dataclass(frozen=True, slots=True)
class FactTable:
    """A table with the columns that can be read of it, by `key_of` their names."""

    table: Table
    columns: Mapping[str, FactColumn]


def key_of(name: str) -> str:
    """The name by which a column is known, however a person or a table writes it: `dwc:countryCode`, `COUNTRYCODE`, `licence`."""
    local = local_name(name)
    return _SYNONYMS.get(local, local)


def archive_of(spec: SourceSpec, bounds: Bounds) -> Archive | None:
    """The archive that a source is; None for bare tables and lists."""
    place = Path(spec.path)
    if spec.format is not SourceFormat.DWCA:
        return None
    return FolderArchive(place) if place.is_dir() else ZipArchive(place, bounds)


def occurrences_of(spec: SourceSpec, bounds: Bounds, named: str | None = None) -> FactTable | None:
    """The table of occurrences that belongs to a source; `named`: a file given for it. None when there is none.

    Of an archive it is the core that `meta.xml` describes (what GBIF interpreted, not `verbatim.txt`), whatever its row type: the media
    rows name its records. Beside a bare `multimedia.txt` it is the `occurrence.txt` in the same folder. Raises `SourceError` when a file
    that should hold it cannot be read or has no column of ids.
    """
    if named is not None:
        if not Path(named).is_file():
            raise SourceError(f"{named} does not exist", "name the table of occurrences with --occurrences FILE")
        return bare_table(spec, named, partial(file_chunks, named), None, bounds)
    archive = archive_of(spec, bounds)
    if archive is None:
        return _beside(spec, bounds)
    members = archive.members()
    if META in members:
        meta = parse_meta(b"".join(archive.chunks(META)))
        return None if meta.core is None else _described(archive, members, meta.core, spec)
    for name in members:
        if name.lower() in OCCURRENCE_FILES:
            return bare_table(spec, name, partial(archive.chunks, name), members[name], bounds)
    return None


def media_facts(spec: SourceSpec, table: Table, bounds: Bounds) -> FactTable:
    """All the columns of a media table, not only those whose role is known."""
    archive = archive_of(spec, bounds)
    if archive is not None and META in (members := archive.members()):
        meta = parse_meta(b"".join(archive.chunks(META)))
        for described in meta.tables:
            if table.member in {location.removeprefix("./") for location in described.locations}:
                return FactTable(replace(table, size_bytes=members[table.member]), _columns_of_fields(described.fields))
    if table.spec.format is SourceFormat.URLS:
        return FactTable(table, {})
    head, _ = peeked(table.chunks())
    dialect = guess_dialect(head, "\t" if table.spec.format is SourceFormat.TSV else None)
    reader = TableReader([head], dialect, terminator_of(head, dialect.terminator), bounds)
    return FactTable(table, _columns_of_names(reader.header))


def bare_table(
    spec: SourceSpec, name: str, chunks: Callable[[], Iterator[bytes]], size_bytes: int | None, bounds: Bounds
) -> FactTable:
    """A table known by its headings. Raises `SourceError` when none of its columns holds ids."""
    head, _ = peeked(chunks())
    dialect = replace(guess_dialect(head), encoding=encoding_of(head))
    reader = TableReader([head], dialect, terminator_of(head, dialect.terminator), bounds)
    columns = _columns_of_names(reader.header)
    found = next((columns[heading].column for heading in ID_HEADINGS if heading in columns), None)
    if found is None:
        raise SourceError(f"{name} has no column of ids", "its first line must name one: gbifID, id or occurrenceID")
    table = Table(name, chunks, size_bytes, dialect, Columns(found, ()), spec)
    return FactTable(table, columns)


def _beside(spec: SourceSpec, bounds: Bounds) -> FactTable | None:
    """The `occurrence.txt` in the folder of a bare `multimedia.txt`. Other tables do not get a neighbour's word."""
    place = Path(spec.path)
    if spec.path == "-" or not place.name.lower().startswith("multimedia"):
        return None
    for name in OCCURRENCE_FILES:
        if (neighbour := place.parent / name).is_file():
            return bare_table(spec, str(neighbour), partial(file_chunks, str(neighbour)), neighbour.stat().st_size, bounds)
    return None


def _described(archive: Archive, members: Mapping[str, int], core: TableMeta, spec: SourceSpec) -> FactTable | None:
    """The core as `meta.xml` describes it; a core without ids or of several files says nothing that could be joined."""
    location = core.locations[0]
    check_member_name(location)
    member = location.removeprefix("./")
    if core.id_index is None or len(core.locations) != 1 or member not in members:
        return None
    table = Table(member, partial(archive.chunks, member), members[member], core.dialect, Columns(Column(core.id_index), ()), spec)
    return FactTable(table, _columns_of_fields(core.fields))


def _columns_of_fields(fields: Sequence[FieldMeta]) -> dict[str, FactColumn]:
    columns: dict[str, FactColumn] = {}
    for field in fields:
        if field.term and (field.index is not None or field.default):
            shown = field.term.rstrip("/").rpartition("/")[2].rpartition("#")[2]
            place = Column(-1 if field.index is None else field.index, field.default)
            columns.setdefault(key_of(field.term), FactColumn(shown, place))
    return columns


def _columns_of_names(header: Sequence[str]) -> dict[str, FactColumn]:
    columns: dict[str, FactColumn] = {}
    for index, name in enumerate(header):
        if name.strip():
            columns.setdefault(key_of(name), FactColumn(name.strip().strip('"'), Column(index)))
    return columns
