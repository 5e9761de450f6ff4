"""From a source to its tables: which files are read, in which dialect, and which columns mean what.

Opens beginnings; rows are read by whoever is given a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import (
    Archive,
    FolderArchive,
    ZipArchive,
    check_member_name,
    file_chunks,
    member_chunks,
    peeked,
    read_head,
)
from asyncdl.ingest.columns import Columns, columns_of_table, is_gbif_download
from asyncdl.ingest.dialect import HEAD_BYTES
from asyncdl.ingest.inaturalist import with_links
from asyncdl.ingest.magic import is_parquet, is_tar, is_zip, packing_of
from asyncdl.ingest.metaxml import ArchiveMeta, TableMeta, parse_meta
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.packed import without_packing
from asyncdl.ingest.parquet import parquet_tables
from asyncdl.ingest.sources import SourceFormat, SourceSpec, text_format
from asyncdl.ingest.table import Chunks, Table
from asyncdl.ingest.tabular import TableReader
from asyncdl.ingest.tarballs import TarArchive

__all__ = ["META", "Table", "archive_of", "open_tables"]

META: Final = "meta.xml"
_NO_MEDIA: Final = "take a download that has media: GBIF's format \"Darwin Core Archive\", or the publisher's archive with images"
_DOCUMENTS: Final = frozenset(
    {"eml.xml", "metadata.xml", "rights.txt", "citations.txt", "license.txt", "readme.txt", "readme.md", "datapackage.json"}
)
_NO_TABLES: Final = (".xml", ".rels", ".pdf")
_TABLES_OF_MEDIA: Final = frozenset({"multimedia.txt", "multimedia.csv", "photos.csv"})


def archive_of(spec: SourceSpec, bounds: Bounds) -> Archive | None:
    """The archive that a source is; None for bare tables and lists. Raises `SourceError` when it cannot be read."""
    if spec.format is not SourceFormat.DWCA:
        return None
    _refuse_uncopied(spec)
    place = Path(spec.path)
    if place.is_dir():
        return FolderArchive(place)
    return ZipArchive(place, bounds, spec.name) if is_zip(read_head(spec.path, 4)) else TarArchive(place, bounds, spec.name)


def _refuse_uncopied(spec: SourceSpec) -> None:
    """An ingest has copied it by now; a list of records to leave out, say, is read where it is."""
    if spec.needs_copy:
        raise SourceError(f"{spec.name} is packed once more than can be read in place", "unpack it, and name what comes out")


def open_tables(spec: SourceSpec, bounds: Bounds) -> tuple[Table, ...]:
    """The files of a source that hold media, in reading order. Raises `SourceError` when there are none, or one is missing."""
    if spec.format is SourceFormat.PARQUET:
        _refuse_uncopied(spec)
        return parquet_tables(spec)
    archive = archive_of(spec, bounds)
    if archive is None:
        return (_bare(spec, "", partial(file_chunks, spec.path, bounds, head=spec.head), _plain_size(spec.path)),)
    members = archive.members()
    if META not in members:
        return _undescribed(archive, members, spec, bounds)
    if members[META] > bounds.max_meta_xml_bytes:
        raise SourceError(f"the meta.xml of {spec.name} has {members[META]} bytes", "no real one is that large; do not trust it")
    meta = parse_meta(b"".join(archive.chunks(META)))
    tables = _described_tables(archive, members, meta, spec, bounds)
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


def _described_tables(
    archive: Archive, members: Mapping[str, int], meta: ArchiveMeta, spec: SourceSpec, bounds: Bounds
) -> tuple[Table, ...]:
    gbif = is_gbif_download(meta.core)
    tables: list[Table] = []
    for table in meta.tables:
        columns = columns_of_table(table, gbif_download=gbif)
        if columns is None and not table.core:
            continue
        if not table.locations:
            raise SourceError(
                f"the meta.xml of {spec.name} names no file for {table.row_type}", "ask the publisher for a valid archive"
            )
        if columns is not None and _is_raw_twin(table, meta):
            columns = replace(columns, optional=True)
        for location in table.locations:
            check_member_name(location)
            member = location.removeprefix("./")
            if member not in members:
                raise SourceError(
                    f"the meta.xml of {spec.name} names {location}, which the archive does not hold", "fetch it again"
                )
            if columns is not None:
                _check_id(table, columns, spec)
                chunks = partial(member_chunks, archive, member, bounds)
                tables.append(Table(member, chunks, members[member], table.dialect, columns, spec))
    if not tables:
        raise SourceError(f"{spec.name} holds no media: {_described(meta)}", _NO_MEDIA)
    return tuple(tables)


def _is_raw_twin(table: TableMeta, meta: ArchiveMeta) -> bool:
    """Whether a table says once more, as the publisher wrote it, what another says: `multimedia_raw.csv` of iDigBio beside `multimedia.csv`.

    Its links are those of its twin (`accessuri` there is `ac:accessURI` here, or what serves where that is missing), so its rows fold into the
    same images, and add other sizes, creators and licences. A row of it without a link lacks nothing: the twin has it or has been counted.
    """
    twins = {location for other in meta.tables if other.row_type.lower() == table.row_type.lower() for location in other.locations}
    return all("_raw." in location and location.replace("_raw.", ".") in twins for location in table.locations)


def _check_id(table: TableMeta, columns: Columns, spec: SourceSpec) -> None:
    """An extension's rows must say which record they belong to."""
    if columns.id is None and not table.core:
        raise SourceError(f"the meta.xml of {spec.name} does not say which column of {table.locations[0]} is the coreid", _NO_MEDIA)


def _undescribed(archive: Archive, members: Mapping[str, int], spec: SourceSpec, bounds: Bounds) -> tuple[Table, ...]:
    """The one table of an archive without `meta.xml`, which may come in several numbered files."""
    data = [name for name in members if name.rpartition("/")[2].lower() not in _DOCUMENTS and not name.lower().endswith(_NO_TABLES)]
    top = [name for name in data if "/" not in name] or data
    chosen = [name for name in top if without_packing(name).lower() in _TABLES_OF_MEDIA] or top
    if not chosen:
        raise SourceError(f"{spec.name} is an archive without any table", _NO_MEDIA)
    if len({re.sub(r"[0-9]+", "#", name) for name in chosen}) > 1:
        listed = ", ".join(sorted(chosen)[:5])
        raise SourceError(
            f"{spec.name} has no meta.xml, and more than one file that may be the table: {listed}", "name that file instead"
        )
    tables = [_member_table(archive, name, members[name], spec, bounds) for name in sorted(chosen, key=_by_number)]
    return _parts(tables, bounds) if len(tables) > 1 else tuple(tables)


def _member_table(archive: Archive, member: str, size_bytes: int, spec: SourceSpec, bounds: Bounds) -> Table:
    """A bare table in an archive. Raises `SourceError` when it is none."""
    shown = f"{spec.name}:{member}"
    chunks = partial(member_chunks, archive, member, bounds)
    head = peeked(chunks())[0]
    what = "a zip file" if is_zip(head) else "a tar file" if is_tar(head) else "a Parquet file" if is_parquet(head) else ""
    if what:
        raise SourceError(f"{shown} is {what} inside an archive or a folder", "name that file itself")
    hint = SourceFormat.TSV if member.lower() == "multimedia.txt" else None
    kind = text_format(shown, head[:HEAD_BYTES], spec.table_format or hint, spec.url_column)
    packed = packing_of(next(archive.chunks(member), b"")) is not None
    return _bare(replace(spec, format=kind), member, chunks, None if packed else size_bytes)


def _parts(tables: Sequence[Table], bounds: Bounds) -> tuple[Table, ...]:
    """Files that make up one table. Where only the first has a line of headings, it counts for all of them (EOL's media manifest).

    The rows of the later ones, where they have no ids, are numbered apart.
    """
    apart = [
        replace(one.spec, id_prefix=f"{one.spec.id_prefix}{one.member}:" if place else one.spec.id_prefix)
        for place, one in enumerate(tables)
    ]
    found = [replace(one, spec=spec) for one, spec in zip(tables, apart, strict=True)]
    if tables[0].spec.format not in {SourceFormat.CSV, SourceFormat.TSV}:
        return tuple(found)
    reader, columns = tables[0].open(bounds)
    if not reader.header:
        return tuple(found)
    dialect, header = reader.dialect, reader.header
    described = []
    for one in found:
        first = TableReader([peeked(one.chunks())[0]], dialect, reader.terminator, bounds)
        own = dialect if first.header == header else replace(dialect, header_lines=0)
        described.append(replace(one, dialect=own, columns=columns, header=header))
    return tuple(described)


def _bare(spec: SourceSpec, member: str, chunks: Chunks, size_bytes: int | None) -> Table:
    """A table that only its own headings describe, or a list."""
    tabular = spec.format in {SourceFormat.CSV, SourceFormat.TSV}
    return Table(member, partial(_linked, chunks) if tabular else chunks, size_bytes, None, None, spec)


def _linked(chunks: Chunks) -> Iterator[bytes]:
    return with_links(chunks())


def _by_number(name: str) -> list[str | int]:
    """`part_2` before `part_10`."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"([0-9]{1,18})", name))]


def _described(meta: ArchiveMeta) -> str:
    """What is there instead, in words."""
    extensions: Sequence[str] = [table.row_type.rpartition("/")[2] for table in meta.extensions]
    core = meta.core.row_type.rpartition("/")[2] if meta.core else "missing"
    return f"its core is {core}, its extensions are {', '.join(extensions) or 'none'}, and no column has links to media"


def _plain_size(path: str) -> int | None:
    """The size of a text file; None for standard input and what is packed."""
    if path == "-" or packing_of(read_head(path, HEAD_BYTES)) is not None:
        return None
    return Path(path).stat().st_size
