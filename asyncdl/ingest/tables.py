"""From a source to its tables: which files are read, in which dialect, and which columns mean what.

Opens beginnings; rows are read by whoever is given a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import Archive, FolderArchive, ZipArchive, check_member_name, file_chunks, peeked
from asyncdl.ingest.columns import Column, Columns, columns_of_header, columns_of_table, is_gbif_download
from asyncdl.ingest.dialect import Dialect, encoding_of, guess_dialect, terminator_of
from asyncdl.ingest.metaxml import ArchiveMeta, TableMeta, parse_meta
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.sources import SourceFormat, SourceSpec
from asyncdl.ingest.tabular import TableReader

_META = "meta.xml"
_NO_MEDIA = "take a download that has media: GBIF's format \"Darwin Core Archive\", or the publisher's archive with images"
_DOCUMENTS = frozenset({"eml.xml", "metadata.xml", "rights.txt", "citations.txt", "license.txt", "readme.txt", "readme.md"})


class _Chunks(Protocol):
    def __call__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Table:
    """One file to read. `size_bytes` is unpacked, None where it cannot be known. `columns` None: a list of links, one per line."""

    member: str
    chunks: _Chunks
    size_bytes: int | None
    dialect: Dialect | None
    columns: Columns | None
    spec: SourceSpec

    def open(self, bounds: Bounds) -> tuple[TableReader, Columns]:
        """The reader of the rows, and the roles of their cells; a bare table's are found out now.

        Raises `SourceError` when no column holds links, or the file cannot be read.
        """
        head, chunks = peeked(self.chunks())
        if self.dialect is not None and self.columns is not None:
            dialect = replace(self.dialect, encoding=encoding_of(head, self.dialect.encoding))
            return TableReader(chunks, dialect, self._terminator(head, dialect), bounds), self.columns
        if self.spec.format is SourceFormat.URLS:
            dialect = Dialect("\x1f", encoding=encoding_of(head))
            return TableReader(chunks, dialect, self._terminator(head, dialect), bounds), Columns(None, (Column(0),))
        dialect = guess_dialect(head, "\t" if self.spec.format is SourceFormat.TSV else None)
        reader = TableReader(chunks, dialect, self._terminator(head, dialect), bounds)
        return reader, columns_of_header(reader.header, reader.sample, self.spec.id_column, self.spec.url_column)

    def _terminator(self, head: bytes, dialect: Dialect) -> bytes:
        return b"\n" if dialect.encoding.startswith(("utf-16", "utf-32")) else terminator_of(head, dialect.terminator)


def open_tables(spec: SourceSpec, bounds: Bounds) -> tuple[Table, ...]:
    """The files of a source that hold media, in reading order. Raises `SourceError` when there are none, or one is missing."""
    if spec.format is not SourceFormat.DWCA:
        return (Table("", partial(file_chunks, spec.path, head=spec.head), _plain_size(spec.path), None, None, spec),)
    place = Path(spec.path)
    archive: Archive = FolderArchive(place) if place.is_dir() else ZipArchive(place, bounds)
    members = archive.members()
    if _META not in members:
        return (_only_table(archive, members, spec),)
    if members[_META] > bounds.max_meta_xml_bytes:
        raise SourceError(f"the meta.xml of {spec.name} has {members[_META]} bytes", "no real one is that large; do not trust it")
    meta = parse_meta(b"".join(archive.chunks(_META)))
    tables = _described_tables(archive, members, meta, spec)
    if (total := sum(table.size_bytes or 0 for table in tables)) > bounds.max_archive_bytes:
        raise SourceError(f"{spec.name} would unpack to {total} bytes", "raise the bound if that is meant")
    return tables


def has_columns(spec: SourceSpec, bounds: Bounds) -> bool:
    """Whether a bare table has the columns that the spec names. Opens its beginning."""
    try:
        for table in open_tables(spec, bounds):
            table.open(bounds)
    except SourceError:
        return False
    return True


def _described_tables(archive: Archive, members: dict[str, int], meta: ArchiveMeta, spec: SourceSpec) -> tuple[Table, ...]:
    gbif = is_gbif_download(meta.core)
    tables: list[Table] = []
    for table in meta.tables:
        columns = columns_of_table(table, gbif_download=gbif)
        if columns is None and not table.core:
            continue
        for location in table.locations:
            check_member_name(location)
            member = location.removeprefix("./")
            if member not in members:
                raise SourceError(
                    f"the meta.xml of {spec.name} names {location}, which the archive does not hold", "fetch it again"
                )
            if columns is not None:
                _check_id(table, columns, spec)
                tables.append(Table(member, partial(archive.chunks, member), members[member], table.dialect, columns, spec))
    if not tables:
        raise SourceError(f"{spec.name} holds no media: {_described(meta)}", _NO_MEDIA)
    return tuple(tables)


def _check_id(table: TableMeta, columns: Columns, spec: SourceSpec) -> None:
    """An extension's rows must say which record they belong to."""
    if columns.id is None and not table.core:
        raise SourceError(f"the meta.xml of {spec.name} does not say which column of {table.locations[0]} is the coreid", _NO_MEDIA)


def _only_table(archive: Archive, members: dict[str, int], spec: SourceSpec) -> Table:
    """The one table of an archive without `meta.xml`: `multimedia.txt`, or the only file that is no document."""
    data = [name for name in members if name.lower() not in _DOCUMENTS and "/" not in name]
    chosen = [name for name in data if name.lower() in {"multimedia.txt", "multimedia.csv"}] or data
    if not chosen:
        raise SourceError(f"{spec.name} is an archive without any table", _NO_MEDIA)
    if len(chosen) > 1:
        listed = ", ".join(sorted(chosen)[:5])
        raise SourceError(
            f"{spec.name} has no meta.xml, and more than one file that may be the table: {listed}", "name that file instead"
        )
    member = chosen[0]
    tabular = replace(spec, format=SourceFormat.TSV if member.lower() == "multimedia.txt" else SourceFormat.CSV)
    return Table(member, partial(archive.chunks, member), members[member], None, None, tabular)


def _described(meta: ArchiveMeta) -> str:
    """What is there instead, in words."""
    extensions: Sequence[str] = [table.row_type.rpartition("/")[2] for table in meta.extensions]
    core = meta.core.row_type.rpartition("/")[2] if meta.core else "missing"
    return f"its core is {core}, its extensions are {', '.join(extensions) or 'none'}, and no column has links to media"


def _plain_size(path: str) -> int | None:
    """The size of a text file; None for standard input and gzip."""
    if path == "-":
        return None
    with Path(path).open("rb") as file:
        return None if file.read(2) == b"\x1f\x8b" else Path(path).stat().st_size
