"""What the columns of a table mean: terms of a `meta.xml`, or headings of a bare table, become roles.

Sources of the rules: the GBIF extensions Simple Multimedia and Image (https://rs.gbif.org/extensions.html),
Audubon Core (https://ac.tdwg.org/termlist/), the EOL media extension, and what GBIF downloads make of them.
Pure; it sees headings and a few sample cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from asyncdl.errors import SourceError
from asyncdl.ingest.dialect import looks_like_link
from asyncdl.ingest.metaxml import TableMeta
from asyncdl.terms import local_name


@dataclass(frozen=True, slots=True)
class Column:
    """Where a value stands (-1: in no column) and what it is where the cell is empty."""

    index: int
    default: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The roles of a table's columns; where several columns have one role, the first that is not empty speaks.

    `photo` are links to sizes of one photo, the best claimed one first; `fallback` holds a link only where
    `photo` is empty. `optional` tables describe records that need not have media (`associatedMedia`).
    """

    id: Column | None
    photo: tuple[Column, ...]
    fallback: tuple[Column, ...] = ()
    kind: tuple[Column, ...] = ()
    media_format: tuple[Column, ...] = ()
    licence: tuple[Column, ...] = ()
    rights_holder: tuple[Column, ...] = ()
    creator: tuple[Column, ...] = ()
    references: tuple[Column, ...] = ()
    title: tuple[Column, ...] = ()
    optional: bool = False


_MULTIMEDIA = frozenset({"http://rs.gbif.org/terms/1.0/multimedia", "http://rs.gbif.org/terms/1.0/image"})
_AUDUBON = frozenset({"http://rs.tdwg.org/ac/terms/multimedia", "http://eol.org/schema/media/document"})

# In Audubon rows dc:identifier is an id; the file is ac:accessURI. GBIF moves an identifier that it takes for
# a page to references and leaves identifier empty, so real images can stand there only.
_AUDUBON_LINKS = ("bestqualityaccessuri", "accessuri", "goodqualityaccessuri", "thumbnailaccessuri", "thumbnailurl")
_MULTIMEDIA_LINKS = ("bestqualityaccessuri", "accessuri", "identifier", "goodqualityaccessuri", "thumbnailaccessuri")
_KIND = ("type",)
_FORMAT = ("format", "mimetype", "mime_type")
LICENCE_HEADINGS = ("license", "licence", "license name", "license_code", "webstatement", "usageterms", "rights")
_RIGHTS_HOLDER = ("rightsholder", "owner", "copyright owner", "copyright_owner")
_CREATOR = ("creator", "photographer", "author")
_REFERENCES = ("references", "furtherinformationurl", "additionalinformationurl", "source")
_TITLE = ("title", "caption")
ROLE_HEADINGS = (*_KIND, *_FORMAT, *LICENCE_HEADINGS, *_RIGHTS_HOLDER, *_CREATOR, *_REFERENCES, *_TITLE)
ID_HEADINGS = (
    "gbifid",
    "coreid",
    "id",
    "_id",
    "occurrenceid",
    "occurrence_id",
    "recordid",
    "record_id",
    "eol content id",
    "observation_uuid",
)
# Links of one photo in one row, best first; the first set with a column that holds links is taken.
_LINK_HEADINGS = (
    _AUDUBON_LINKS,
    ("identifier",),
    ("eol full-size copy url", "medium source url"),
    *((name,) for name in (
        "url", "image_url", "imageurl", "image url", "photo_url", "media_url", "file_url", "download_url", "uri", "link", "href",
        "image", "photo", "media", "manifest", "iiif_manifest", "associatedmedia",
    )),
)  # fmt: skip
# A link in one of these is a licence, a page or a name, even where no other column has any.
_NO_MEDIA_HEADINGS = frozenset({*LICENCE_HEADINGS, *_RIGHTS_HOLDER, *_REFERENCES, "bibliographiccitation", "informationwithheld"})
_SURE_HEADINGS = frozenset({"accessuri", "identifier", "url", "image_url", "associatedmedia"})
_SHOWN_HEADINGS = 12


def columns_of_table(table: TableMeta, *, gbif_download: bool) -> Columns | None:
    """The roles in a described table; None when it holds no media.

    The core's `associatedMedia` of a GBIF download is left out: GBIF has put those links into `multimedia.txt`.
    """
    places = _places(
        (field.term, Column(-1 if field.index is None else field.index, field.default))
        for field in table.fields
        if field.index is not None or field.default
    )
    row_type = table.row_type.lower().replace("https://", "http://").rstrip("/")
    record = None if table.id_index is None else Column(table.id_index)
    if row_type in _AUDUBON:
        photo, fallback = _pick(places, _AUDUBON_LINKS), _pick(places, ("identifier",))
        return _columns(record, photo, fallback, places) if photo else None
    if row_type in _MULTIMEDIA:
        photo, fallback = _pick(places, _MULTIMEDIA_LINKS), _pick(places, ("references",))
        return _columns(record, photo, fallback, places) if photo else None
    if not gbif_download and (photo := _pick(places, ("associatedmedia",))):
        return Columns(record, photo, optional=True)
    return None


def is_gbif_download(core: TableMeta | None) -> bool:
    """Whether the archive is a download from GBIF and not a publisher's own."""
    return core is not None and any(field.term == "http://rs.gbif.org/terms/1.0/gbifID" for field in core.fields)


def columns_of_header(
    header: Sequence[str],
    sample: Sequence[Sequence[str]],
    id_column: str | None,
    url_column: str | None,
    id_headings: Sequence[str] = ID_HEADINGS,
) -> Columns:
    """The roles in a bare table, from its headings (empty: none) and first rows; the two columns may be named.

    A column is named by its heading (case does not matter) or its number from 1. Raises `SourceError` when
    no column, or more than one, may hold the links.
    """
    names = [local_name(name) for name in header]
    places = _places((heading, Column(index)) for index, heading in enumerate(header) if heading.strip())
    if url_column is not None:
        photo: tuple[Column, ...] = (_named(url_column, names, sample, "--url-column"),)
    else:
        photo = _found_links(places, header, sample)
    record = None
    if id_column is not None:
        record = _named(id_column, names, sample, "--id-column")
    elif header:
        record = next((column for column in _pick(places, id_headings) if column not in photo), None)
    elif sample and photo[0].index != 0:
        record = Column(0)
    first = names[photo[0].index] if header else ""
    if first == "associatedmedia":
        return Columns(record, photo, optional=True)
    return _columns(record, photo, _pick(places, ("references",)) if first == "identifier" else (), places)


def later_links(heading: str) -> tuple[str, ...]:
    """Headings that hold links of the same photo as this one, in rows that have them."""
    return next((names for names in _LINK_HEADINGS if heading in names), ())


def _places(named: Iterable[tuple[str, Column]]) -> dict[str, tuple[Column, ...]]:
    """Columns by local names. `dc:format` beside `dcterms:format` both count, the first that says something; of the same name twice the first only."""
    terms: dict[str, dict[str, Column]] = {}
    for term, column in named:
        terms.setdefault(local_name(term), {}).setdefault(term.strip().strip('"').lower(), column)
    return {name: tuple(columns.values()) for name, columns in terms.items()}


def _columns(
    record: Column | None, photo: tuple[Column, ...], fallback: tuple[Column, ...], places: Mapping[str, tuple[Column, ...]]
) -> Columns:
    return Columns(
        record,
        photo,
        fallback,
        kind=_pick(places, _KIND),
        media_format=_pick(places, _FORMAT),
        licence=_pick(places, LICENCE_HEADINGS),
        rights_holder=_pick(places, _RIGHTS_HOLDER),
        creator=_pick(places, _CREATOR),
        references=_pick(places, _REFERENCES),
        title=_pick(places, _TITLE),
    )


def _pick(places: Mapping[str, tuple[Column, ...]], names: Sequence[str]) -> tuple[Column, ...]:
    return tuple(column for name in names for column in places.get(name, ()))


def _named(wanted: str, names: Sequence[str], sample: Sequence[Sequence[str]], option: str) -> Column:
    """The column a person named. Raises `SourceError` when the table has none of that name or number."""
    if (name := local_name(wanted)) in names:
        return Column(names.index(name))
    width = len(names) or max((len(row) for row in sample), default=0)
    if wanted.strip().isascii() and wanted.strip().isdigit() and 1 <= int(wanted) <= width:
        return Column(int(wanted) - 1)
    raise SourceError(f"the table has no column {wanted!r}", f"name one with {option}: {_listed(names)}")


def _found_links(
    places: Mapping[str, tuple[Column, ...]], header: Sequence[str], sample: Sequence[Sequence[str]]
) -> tuple[Column, ...]:
    """The columns with links: by heading and content, else by content alone, else by a heading that can mean nothing else."""
    linked = [
        index for index in range(max((len(row) for row in sample), default=0)) if any(_has_link(row, index) for row in sample)
    ]
    if not header and linked:
        return (Column(linked[0]),)  # headerless GBIF tables: identifier stands before references
    for names in _LINK_HEADINGS:
        found = _pick(places, names)
        if any(column.index in linked for column in found):
            return found
    if "identifier" in places and any(column.index in linked for column in _pick(places, ("references",))):
        return places["identifier"]
    linked = [index for index in linked if not header or _may_be_media(header, index)]
    if len(linked) == 1:
        return (Column(linked[0]),)
    if len(linked) > 1:
        choice = ", ".join(header[index] if index < len(header) else str(index + 1) for index in linked[:_SHOWN_HEADINGS])
        raise SourceError(f"more than one column holds links: {choice}", "name the right one with --url-column")
    if sure := _pick(places, [name for name in places if name in _SURE_HEADINGS]):
        return sure[:1]
    raise SourceError(f"no column holds links to media: {_listed(header)}", "name the right one with --url-column")


def _may_be_media(header: Sequence[str], index: int) -> bool:
    name = local_name(header[index]) if index < len(header) else ""
    return name not in _NO_MEDIA_HEADINGS and name not in ID_HEADINGS and not name.endswith("id")


def _has_link(row: Sequence[str], index: int) -> bool:
    return index < len(row) and looks_like_link(row[index])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_HEADINGS} more" if len(names) > _SHOWN_HEADINGS else ""
    return (", ".join(names[:_SHOWN_HEADINGS]) or "its columns have no headings, use a number from 1") + more
