"""`meta.xml`, the description of a Darwin Core Archive: bytes in, frozen values out.

Rules: https://dwc.tdwg.org/text/ and its XML schema (defaults of attributes). Parsed by expat with document
types and entities forbidden, so nothing can expand or reach out. It knows nothing of files or of columns' meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Never
from xml.parsers import expat

from asyncdl.errors import SourceError
from asyncdl.ingest.dialect import Dialect, known_encoding

_SIMPLE_RECORD = "http://rs.tdwg.org/dwc/xsd/simpledarwincore/SimpleDarwinRecord"
_ESCAPES = (("\\t", "\t"), ("\\n", "\n"), ("\\r", "\r"), ("\\f", "\f"), ("\\\\", "\\"))
_NOT_SENSIBLE = "ask the publisher for a valid archive, or unpack it and name the table with links"
_MAX_FIELDS = 10_000


@dataclass(frozen=True, slots=True)
class FieldMeta:
    """One `field`: its term, where it stands (None: nowhere, only `default` speaks) and what empty cells mean."""

    term: str
    index: int | None
    default: str


@dataclass(frozen=True, slots=True)
class TableMeta:
    """One `core` or `extension`: its files (relative to `meta.xml`; an extension may be described without any), their dialect and their fields."""

    core: bool
    row_type: str
    locations: tuple[str, ...]
    dialect: Dialect
    id_index: int | None
    fields: tuple[FieldMeta, ...]


@dataclass(frozen=True, slots=True)
class ArchiveMeta:
    """The tables of an archive; some publishers have extensions and no core."""

    core: TableMeta | None
    extensions: tuple[TableMeta, ...]

    @property
    def tables(self) -> tuple[TableMeta, ...]:
        """All of them, the core first."""
        return (self.core, *self.extensions) if self.core else self.extensions


def parse_meta(data: bytes) -> ArchiveMeta:
    """Read a `meta.xml`. Raises `SourceError` when it is no well-formed, sensible description."""
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _forbid
    parser.EntityDeclHandler = _forbid
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, UnicodeError, ValueError) as error:
        raise SourceError(f"the archive's meta.xml is broken: {error}", _NOT_SENSIBLE) from error
    return builder.result()


def _forbid(*_: object) -> Never:
    raise SourceError("the archive's meta.xml has a document type or entities, which no archive needs", _NOT_SENSIBLE)


class _Builder:
    """Collects elements as expat meets them."""

    def __init__(self) -> None:
        self._is_archive = False
        self._tables: list[TableMeta] = []
        self._table: dict[str, str] | None = None
        self._core = False
        self._id: int | None = None
        self._fields: list[FieldMeta] = []
        self._locations: list[str] = []
        self._location: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(" ")[2]:
            case "archive":
                self._is_archive = True
            case "core" | "extension" as local if self._table is None:
                self._table, self._core = attributes, local == "core"
                self._id, self._fields, self._locations = None, [], []
            case "location":
                self._location = []
            case "id" | "coreid" if self._table is not None:
                self._id = _index(attributes)
            case "field" if self._table is not None:
                if len(self._fields) >= _MAX_FIELDS:
                    raise SourceError("the archive's meta.xml describes too many fields", _NOT_SENSIBLE)
                term = attributes.get("term", "").strip()
                self._fields.append(FieldMeta(term, _index(attributes), attributes.get("default", "").strip()))

    def text(self, text: str) -> None:
        if self._location is not None:
            self._location.append(text)

    def end(self, name: str) -> None:
        match name.rpartition(" ")[2]:
            case "location" if self._location is not None:
                if location := "".join(self._location).strip():
                    self._locations.append(location)
                self._location = None
            case "core" | "extension" if self._table is not None:
                self._tables.append(self._finished(self._table))
                self._table = None

    def result(self) -> ArchiveMeta:
        cores = [table for table in self._tables if table.core]
        if not self._is_archive or not self._tables:
            raise SourceError("the archive's meta.xml describes no table", _NOT_SENSIBLE)
        if len(cores) > 1:
            raise SourceError("the archive's meta.xml has more than one core", _NOT_SENSIBLE)
        return ArchiveMeta(cores[0] if cores else None, tuple(table for table in self._tables if not table.core))

    def _finished(self, attributes: dict[str, str]) -> TableMeta:
        row_type = attributes.get("rowType", _SIMPLE_RECORD).strip()
        if not self._locations and self._core:
            raise SourceError(f"the archive's meta.xml names no file for {row_type}", _NOT_SENSIBLE)
        return TableMeta(self._core, row_type, tuple(self._locations), _dialect(attributes), self._id, tuple(self._fields))


def _dialect(attributes: dict[str, str]) -> Dialect:
    """The dialect with the schema's defaults: comma, double quote, newline, UTF-8, no header."""
    delimiter = _unescaped(attributes.get("fieldsTerminatedBy", ","))
    if delimiter in {"", " "}:
        delimiter = "\t"  # an XML parser turns a literal tab in an attribute into a space
    quote = _unescaped(attributes.get("fieldsEnclosedBy", '"')).strip()[:1]
    terminator = _unescaped(attributes.get("linesTerminatedBy", "\n"))
    encoding = attributes.get("encoding", "").strip() or "utf-8"
    if not known_encoding(encoding):
        raise SourceError(f"the archive's meta.xml names an unknown encoding: {encoding!r}", _NOT_SENSIBLE)
    headers = attributes.get("ignoreHeaderLines", "").strip() or "0"
    if not headers.isascii() or not headers.isdigit() or len(headers) > 6:
        raise SourceError(f"the archive's meta.xml has ignoreHeaderLines={headers!r}", _NOT_SENSIBLE)
    return Dialect(delimiter, quote, encoding, terminator.strip(" "), int(headers))


def _index(attributes: dict[str, str]) -> int | None:
    """The `index`, a count from 0. Raises `SourceError` when it is none."""
    value: Any = attributes.get("index")
    if value is None or not value.strip():
        return None
    if not value.strip().isascii() or not value.strip().isdigit() or len(value) > 6:
        raise SourceError(f"the archive's meta.xml has a field at index {value!r}", _NOT_SENSIBLE)
    return int(value)


def _unescaped(value: str) -> str:
    for written, meant in _ESCAPES:
        value = value.replace(written, meant)
    return value
