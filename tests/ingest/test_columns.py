"""Which column means what."""

from __future__ import annotations

import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest.columns import Column, columns_of_header, columns_of_table
from asyncdl.ingest.dialect import Dialect
from asyncdl.ingest.metaxml import FieldMeta, TableMeta

LINK = "https://example.org/a.jpg"
GBIF = [
    "gbifID",
    "type",
    "format",
    "identifier",
    "references",
    "title",
    "description",
    "source",
    "audience",
    "created",
    "creator",
    "contributor",
    "publisher",
    "license",
    "rightsHolder",
]


def table(row_type: str, *terms: str, core: bool = False) -> TableMeta:
    fields = tuple(FieldMeta(term, index + 1, "") for index, term in enumerate(terms))
    return TableMeta(core, row_type, ("t.txt",), Dialect("\t"), 0, fields)


def test_gbif_headings() -> None:
    found = columns_of_header(GBIF, [["1", "StillImage", "image/jpeg", LINK, *[""] * 11]], None, None)
    assert (found.id, found.photo, found.fallback) == (Column(0), (Column(3),), (Column(4),))
    assert (found.licence, found.rights_holder, found.creator) == ((Column(13),), (Column(14),), (Column(10),))


def test_gbif_headings_when_all_links_were_moved_to_references() -> None:
    found = columns_of_header(GBIF, [["1", "", "", "", LINK, *[""] * 10]], None, None)
    assert (found.photo, found.fallback) == ((Column(3),), (Column(4),))


@pytest.mark.parametrize("row_type", ["http://rs.gbif.org/terms/1.0/Multimedia", "http://rs.gbif.org/terms/1.0/Image"])
def test_the_identifier_of_gbif_extensions_is_the_link(row_type: str) -> None:
    found = columns_of_table(table(row_type, "http://purl.org/dc/terms/identifier"), gbif_download=False)
    assert found is not None
    assert found.photo == (Column(1),)


def test_the_identifier_of_audubon_rows_is_none() -> None:
    terms = ("dc:identifier", "http://rs.tdwg.org/ac/terms/thumbnailAccessURI", "http://rs.tdwg.org/ac/terms/accessURI",
             "http://rs.tdwg.org/ac/terms/goodQualityAccessURI")  # fmt: skip
    found = columns_of_table(table("http://rs.tdwg.org/ac/terms/Multimedia", *terms), gbif_download=True)
    assert found is not None
    assert found.photo == (Column(3), Column(4), Column(2))
    assert found.fallback == (Column(1),)


def test_associated_media_of_a_publisher_but_not_of_a_gbif_download() -> None:
    core = table("http://rs.tdwg.org/dwc/terms/Occurrence", "http://rs.tdwg.org/dwc/terms/associatedMedia", core=True)
    found = columns_of_table(core, gbif_download=False)
    assert found is not None
    assert found.optional
    assert columns_of_table(core, gbif_download=True) is None


def test_tables_without_media() -> None:
    assert (
        columns_of_table(
            table("http://rs.gbif.org/terms/1.0/Description", "http://purl.org/dc/terms/identifier"), gbif_download=False
        )
        is None
    )
    assert (
        columns_of_table(table("http://eol.org/schema/media/Document", "http://purl.org/dc/terms/identifier"), gbif_download=False)
        is None
    )


@pytest.mark.parametrize(
    ("header", "row", "id_column", "url_column", "expected"),
    [
        pytest.param(["name", "picture"], ["x", LINK], None, None, (None, 1), id="by content"),
        pytest.param(["id", "page", "url"], ["x", LINK, LINK], None, None, (0, 2), id="by heading"),
        pytest.param(["a", "b", "c"], ["x", LINK, LINK], "A", "3", (0, 2), id="named, by heading and number"),
        pytest.param([], ["x", LINK], None, None, (0, 1), id="no headings"),
        pytest.param([], [LINK, "x"], None, None, (None, 0), id="no headings, link first"),
        pytest.param(["url"], ["example.org/a.jpg"], None, None, (None, 0), id="no scheme, but a sure heading"),
        pytest.param(["identifier", "url"], ["urn:uuid:1", LINK], None, None, (None, 1), id="an identifier that is no link"),
    ],
)
def test_bare_tables(
    header: list[str], row: list[str], id_column: str | None, url_column: str | None, expected: tuple[int | None, int]
) -> None:
    found = columns_of_header(header, [row], id_column, url_column)
    assert (found.id.index if found.id else None, found.photo[0].index) == expected


@pytest.mark.parametrize(
    ("header", "row", "named", "says"),
    [
        (["a", "b"], ["x", "y"], None, "no column holds links"),
        (["a", "b"], [LINK, LINK], None, "more than one column"),
        (["a", "b"], ["x", LINK], "c", "no column 'c'"),
        (["a", "b"], ["x", LINK], "3", "no column '3'"),
    ],
)
def test_bare_tables_refused(header: list[str], row: list[str], named: str | None, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        columns_of_header(header, [row], None, named)
