"""Tables that say things about records beside their links: the occurrences of an archive, and the other columns of a media table.

Finds the table and its columns; reading is `intake.take_columns`'s business. Columns go by the local name of their term in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from asyncdl.errors import SourceError
from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.archive import Archive, check_member_name, file_chunks, member_chunks, peeked
from asyncdl.ingest.columns import ID_HEADINGS, Column, Columns
from asyncdl.ingest.dialect import encoding_of, guess_dialect, terminator_of
from asyncdl.ingest.jsonlines import JsonLines
from asyncdl.ingest.metaxml import ArchiveMeta, FieldMeta, TableMeta, parse_meta
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.packed import without_packing
from asyncdl.ingest.sources import SourceFormat, SourceSpec
from asyncdl.ingest.table import Chunks, Table
from asyncdl.ingest.tables import META, archive_of
from asyncdl.ingest.tabular import TableReader
from asyncdl.terms import local_name

OCCURRENCE_FILES: Final = ("occurrence.txt", "occurrence.csv", "occurrences.csv", "occurrences.txt", "observations.csv")
_BESIDE: Final = ("multimedia", "photos")
TAXON: Final = "taxon_id"
TAXA_FILE: Final = "taxa.csv"
"""What iNaturalist says of the taxa that its observations name by `TAXON`."""
_OCCURRENCE: Final = "http://rs.tdwg.org/dwc/terms/occurrence"
_SYNONYMS: Final = {"licence": "license", "rightsholder": "rightsholder", "rights_holder": "rightsholder"}


@dataclass(frozen=True, slots=True)
class FactColumn:
    """A column as the table names it (`shown`), and where it stands."""

    shown: str
    column: Column


@dataclass(frozen=True, slots=True)
class FactTable:
    """A table with the columns that can be read of it, by `key_of` their names.

    `more` is a second table whose records are what the column `by` of this one names; its columns are among `columns` too.
    """

    table: Table
    columns: Mapping[str, FactColumn]
    more: FactTable | None = None
    by: str = ""


def key_of(name: str) -> str:
    """The name by which a column is known, however a person or a table writes it: `dwc:countryCode`, `COUNTRYCODE`, `licence`."""
    local = local_name(name)
    return _SYNONYMS.get(local, local)


def occurrences_of(spec: SourceSpec, bounds: Bounds, named: str | None = None) -> FactTable | None:
    """The table of occurrences that belongs to a source; `named`: a file given for it. None when there is none.

    Of an archive it is the core that `meta.xml` describes (what GBIF interpreted, not `verbatim.txt`), whatever its row type: the media
    rows name its records; without a core, as iDigBio has none, the first table of occurrences. Beside a bare `multimedia.txt` it is the
    `occurrence.txt` in the same folder, beside `photos.csv` of iNaturalist `observations.csv`. Raises `SourceError` when a file that should
    hold it cannot be read or has no column of ids.
    """
    if named is not None:
        if not Path(named).is_file():
            raise SourceError(f"{named} does not exist", "name the table of occurrences with --occurrences FILE")
        return _of_file(spec, Path(named), bounds)
    archive = archive_of(spec, bounds)
    if archive is None:
        return _beside(spec, bounds)
    members = archive.members()
    if META in members:
        core = _core_of(parse_meta(b"".join(archive.chunks(META))))
        return None if core is None else _described(archive, members, core, spec, bounds)
    plain = {without_packing(name).lower(): name for name in members}
    tables = {key: partial(member_chunks, archive, name, bounds) for key, name in plain.items()}
    for key in OCCURRENCE_FILES:
        if key in plain:
            facts = bare_table(spec, plain[key], tables[key], members[plain[key]], bounds)
            return _with_taxa(facts, plain.get(TAXA_FILE), tables.get(TAXA_FILE), bounds)
    return None


def _core_of(meta: ArchiveMeta) -> TableMeta | None:
    """The core, or what stands for one."""
    of_occurrences = (table for table in meta.extensions if table.row_type.lower().rstrip("/") == _OCCURRENCE)
    return meta.core or next((table for table in of_occurrences if table.locations and "_raw." not in table.locations[0]), None)


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
    if table.spec.format is SourceFormat.JSONL:
        return FactTable(table, _columns_of_names(JsonLines(table, bounds, Tally()).header))
    if table.wide is not None:
        table = table.wide()
    if table.header:
        return FactTable(table, _columns_of_names(table.header))
    head, _ = peeked(table.chunks())
    dialect = guess_dialect(head, "\t" if table.spec.format is SourceFormat.TSV else None)
    reader = TableReader([head], dialect, terminator_of(head, dialect.terminator), bounds)
    return FactTable(table, _columns_of_names(reader.header))


def bare_table(
    spec: SourceSpec,
    name: str,
    chunks: Chunks,
    size_bytes: int | None,
    bounds: Bounds,
    id_headings: Sequence[str] = ID_HEADINGS,
) -> FactTable:
    """A table known by its headings. Raises `SourceError` when none of its columns holds ids."""
    head, _ = peeked(chunks())
    dialect = replace(guess_dialect(head), encoding=encoding_of(head))
    reader = TableReader([head], dialect, terminator_of(head, dialect.terminator), bounds)
    columns = _columns_of_names(reader.header)
    found = next((columns[heading].column for heading in id_headings if heading in columns), None)
    if found is None:
        raise SourceError(f"{name} has no column of ids", "its first line must name one: gbifID, id or occurrenceID")
    table = Table(name, chunks, size_bytes, dialect, Columns(found, ()), spec)
    return FactTable(table, columns)


def _beside(spec: SourceSpec, bounds: Bounds) -> FactTable | None:
    """The `occurrence.txt` in the folder of a bare `multimedia.txt`. Other tables do not get a neighbour's word."""
    place = Path(spec.path)
    if spec.path == "-" or not place.name.lower().startswith(_BESIDE):
        return None
    for neighbour in sorted(place.parent.iterdir()):
        if without_packing(neighbour.name).lower() in OCCURRENCE_FILES and neighbour.is_file():
            return _of_file(spec, neighbour, bounds)
    return None


def _of_file(spec: SourceSpec, path: Path, bounds: Bounds) -> FactTable:
    """A table of occurrences, with the taxa in the same folder where it names them as iNaturalist does."""
    facts = bare_table(spec, str(path), partial(file_chunks, str(path), bounds), None, bounds)
    taxa = next((str(one) for one in sorted(path.parent.iterdir()) if without_packing(one.name).lower() == TAXA_FILE), None)
    return _with_taxa(facts, taxa, None if taxa is None else partial(file_chunks, taxa, bounds), bounds)


def _with_taxa(facts: FactTable, name: str | None, chunks: Chunks | None, bounds: Bounds) -> FactTable:
    if name is None or chunks is None or TAXON not in facts.columns:
        return facts
    taxa = bare_table(facts.table.spec, name, chunks, None, bounds, (TAXON,))
    return replace(facts, columns={**taxa.columns, **facts.columns}, more=taxa, by=TAXON)


def _described(archive: Archive, members: Mapping[str, int], core: TableMeta, spec: SourceSpec, bounds: Bounds) -> FactTable | None:
    """A table as `meta.xml` describes it; one without ids or of several files says nothing that could be joined."""
    location = core.locations[0]
    check_member_name(location)
    member = location.removeprefix("./")
    if core.id_index is None or len(core.locations) != 1 or member not in members:
        return None
    chunks = partial(member_chunks, archive, member, bounds)
    table = Table(member, chunks, members[member], core.dialect, Columns(Column(core.id_index), ()), spec)
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
