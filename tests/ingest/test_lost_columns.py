"""Links and words that stand elsewhere than where one looks for them: in GBIF's downloads, and in what publishers make of the extensions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest.metaxml import parse_meta
from tests.ingest.conftest import AUDUBON, CORE_XML, GBIF_HEADER, MULTIMEDIA, OCCURRENCE, gbif_row, meta_xml, table_xml
from tests.ingest.ingesting import Ingested, ingested

MakeZip = Callable[..., Path]
AC, DC, DCTERMS = "http://rs.tdwg.org/ac/terms/", "http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/"
GBIF_ID = "http://rs.gbif.org/terms/1.0/gbifID"
LINK = "https://example.org/a.jpg"
MANIFEST = "https://iiif.example.org/iiif/2/sheet1/manifest"
FULL = "https://iiif.example.org/iiif/2/sheet1/full/300,/0/default.jpg"

ROWS = [
    pytest.param([gbif_row(1, LINK)], [[LINK]], "", id="as it should be"),
    pytest.param([gbif_row(1, "", references=LINK)], [[LINK]], "", id="moved to references"),
    pytest.param([gbif_row(1, "", references=LINK, media_format="text/html", kind="")], [[LINK]], "", id="moved, and called a page"),
    pytest.param([gbif_row(1, LINK, references="https://example.org/page")], [[LINK]], "", id="references is the page it should be"),
    pytest.param([gbif_row(1, "", references="no link")], [], "no_link", id="nothing anywhere"),
    pytest.param([gbif_row(1, LINK, kind="", media_format="")], [[LINK]], "", id="neither type nor format"),
    pytest.param([gbif_row(1, MANIFEST, kind="", media_format="application/ld+json")], [[MANIFEST]], "", id="manifest without a type"),
    pytest.param(
        [gbif_row(1, MANIFEST, kind="InteractiveResource", media_format="application/ld+json")], [[MANIFEST]], "", id="interactive"
    ),
    pytest.param([gbif_row(1, MANIFEST, kind="", media_format=""), gbif_row(1, FULL)], [[MANIFEST, FULL]], "", id="a twin that is a manifest"),
    pytest.param([gbif_row(1, LINK, kind="image/jpeg", media_format="StillImage")], [[LINK]], "", id="type and format swapped"),
    pytest.param(
        [gbif_row(1, "https://example.org/a", kind="audio/mpeg", media_format="Sound")], [], "not_an_image", id="swapped, of a sound"
    ),
    pytest.param([gbif_row(1, "https://example.org/a", kind="", media_format="Sound")], [], "not_an_image", id="sound as a format"),
    pytest.param([gbif_row(1, LINK, media_format="tiff, jpeg, jpeg, jpeg, jpeg")], [[LINK]], "", id="several formats"),
    pytest.param([gbif_row(1, LINK, kind="", media_format="jpeg")], [[LINK]], "", id="a format that is an ending"),
    pytest.param([gbif_row(1, LINK, kind="MovingImage", media_format="")], [[LINK]], "", id="the link shows a picture after all"),
    pytest.param([gbif_row(1, "http://654355.jpg")], [], "unusable_link", id="a file name with a scheme before it"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "images", "reject"), ROWS)
async def test_rows_of_a_gbif_download(tmp_path: Path, rows: list[str], images: list[list[str]], reject: str) -> None:
    """A good row more, so that a reject alone does not refuse the source."""
    path = tmp_path / "multimedia.txt"
    path.write_text("\n".join([GBIF_HEADER, *rows, gbif_row(2, "https://example.org/other.jpg")]) + "\n")
    found = await ingested(path, tmp_path / "job", [1, 2])
    assert found.images == {1: images, 2: [["https://example.org/other.jpg"]]}
    assert [reason for *_, reason in found.rejects] == ([reject] if reject else [])


async def test_verbatim_extensions_of_a_gbif_download(make_zip: MakeZip, tmp_path: Path) -> None:
    """The as-published Audubon rows fold into GBIF's own, bring other sizes, and photos that GBIF lost; `verbatim.txt` stays out of it."""
    core = table_xml("core", OCCURRENCE, "occurrence.txt", {0: GBIF_ID, 1: "http://rs.tdwg.org/dwc/terms/associatedMedia"})
    verbatim = table_xml("extension", OCCURRENCE, "verbatim.txt", {0: GBIF_ID, 1: "http://rs.tdwg.org/dwc/terms/associatedMedia"})
    media = table_xml("extension", MULTIMEDIA, "multimedia.txt", {0: GBIF_ID, 1: DCTERMS + "type", 2: DCTERMS + "identifier"})
    terms = [
        GBIF_ID, "http://rs.gbif.org/terms/1.0/datasetKey", DCTERMS + "identifier", DC + "type", DCTERMS + "type", AC + "variant",
        AC + "accessURI", AC + "goodQualityAccessURI", AC + "thumbnailAccessURI", AC + "providerManagedID", DC + "creator",
        DCTERMS + "creator", "http://ns.adobe.com/xap/1.0/rights/UsageTerms",
    ]  # fmt: skip
    extra = table_xml("extension", AUDUBON, "verbatim/multimedia.txt", dict(enumerate(terms)))
    big, web, thumb = (f"https://portal.example.org/imglib/x/1{end}.jpg" for end in ("", "_web", "_tn"))
    lost = "https://portal.example.org/imglib/x/2.jpg"
    row = ["7", "d", "barcode 1", "", "StillImage", "Best Quality", big, web, thumb, "urn:uuid:1", "", "A. Painter", "CC BY"]
    other = ["7", "d", "barcode 2", "StillImage", "", "", lost, "", "", "urn:uuid:2", "B. Painter", "", ""]
    sound = ["7", "d", "song", "", "Sound", "", "https://example.org/song", "", "", "", "", "", ""]
    path = make_zip({
        "meta.xml": meta_xml(core, verbatim, media, extra),
        "occurrence.txt": "gbifID\tassociatedMedia\n7\thttps://example.org/left/out\n",
        "verbatim.txt": "gbifID\tassociatedMedia\n7\thttps://example.org/left/out\n",
        "multimedia.txt": f"gbifID\ttype\tidentifier\n7\tStillImage\t{big.replace('https', 'http')}\n",
        "verbatim/multimedia.txt": "\n".join("\t".join(cells) for cells in (terms, row, other, sound)) + "\n",
    })  # fmt: skip
    found = await ingested(path, tmp_path / "job", [7])
    assert sorted(map(set, found.images[7]), key=len) == [{lost}, {big, big.replace("https", "http"), web, thumb}]
    assert found.rejects == [("verbatim/multimedia.txt", 4, "not_an_image")]
    assert {row.creator for row in found.said[7]} == {"", "A. Painter", "B. Painter"}
    assert found.said[7][1].licence == "CC BY"


async def of_extension(make_zip: MakeZip, tmp_path: Path, extension: str, text: str, records: list[int | str]) -> Ingested:
    path = make_zip({"meta.xml": meta_xml(CORE_XML, extension), "occurrence.txt": "id\tc\n", "media.txt": text})
    return await ingested(path, tmp_path / "job", records)


async def test_a_table_without_headings(make_zip: MakeZip, tmp_path: Path) -> None:
    """As the Atlas of Living Australia writes it: everything quoted, Windows line ends, a field for the id whose term is `id`."""
    media = table_xml(
        "extension", MULTIMEDIA, "media.txt", {0: "id", 1: DCTERMS + "identifier", 2: DCTERMS + "license"},
        'encoding="UTF-8" linesTerminatedBy="\\r\\n" fieldsTerminatedBy="," fieldsEnclosedBy="&quot;" ignoreHeaderLines="0"',
    )  # fmt: skip
    found = await of_extension(make_zip, tmp_path, media, f'"u-1","{LINK}","CC0, or so"\r\n"u-2","{LINK}",""\r\n', ["u-1", "u-2"])
    assert found.images == {"u-1": [[LINK]], "u-2": [[LINK]]}
    assert found.said["u-1"][0].licence == "CC0, or so"


async def test_a_real_archive_without_headings(tmp_path: Path) -> None:
    found = await ingested(Path(__file__).parents[1] / "data" / "dwca" / "ala-image-service", tmp_path / "job", ["not-an-uuid-1"])
    assert [[url.rpartition("/")[2] for url in urls] for urls in found.images["not-an-uuid-1"]] == [
        ["fakeImage2.jpg"],
        ["fakeImage.jpg"],
    ]
    assert found.source.counts.images == 5


async def test_defaults_stand_where_cells_are_empty_or_no_column_is(make_zip: MakeZip, tmp_path: Path) -> None:
    media = table_xml("extension", MULTIMEDIA, "media.txt", {1: DCTERMS + "identifier", 2: DCTERMS + "creator"})
    media = media.replace(
        "</extension>",
        f'<field term="{DCTERMS}license" default="CC0"/><field term="{DCTERMS}title" index="2" default="untitled"/></extension>',
    )
    found = await of_extension(make_zip, tmp_path, media, f"id\tlink\ttitle\n1\t{LINK}\t\n2\t{LINK}\tsheet\n", [1, 2])
    assert [(said.licence, said.title) for record in (1, 2) for said in found.said[record]] == [
        ("CC0", "untitled"),
        ("CC0", "sheet"),
    ]


async def test_a_default_that_says_what_all_of_it_is(make_zip: MakeZip, tmp_path: Path) -> None:
    media = table_xml("extension", MULTIMEDIA, "media.txt", {1: DCTERMS + "identifier"})
    media = media.replace("</extension>", f'<field term="{DCTERMS}type" default="Sound"/></extension>')
    with pytest.raises(SourceError, match="says it is sound"):
        await of_extension(make_zip, tmp_path, media, "id\tlink\n1\thttps://example.org/a\n", [])


async def test_a_table_in_several_files(make_zip: MakeZip, tmp_path: Path) -> None:
    media = table_xml("extension", MULTIMEDIA, "media1.txt", {1: DCTERMS + "identifier"})
    media = media.replace("</location>", "</location><location>media2.txt</location>")
    path = make_zip({
        "meta.xml": meta_xml(CORE_XML, media), "occurrence.txt": "id\tc\n",
        "media1.txt": f"id\tlink\n1\t{LINK}\n", "media2.txt": "id\tlink\n1\thttps://example.org/b.jpg\n2\n",
    })  # fmt: skip
    found = await ingested(path, tmp_path / "job", [1])
    assert found.images[1] == [[LINK], ["https://example.org/b.jpg"]]
    assert found.rejects == [("media2.txt", 3, "wrong_field_count")]


async def test_rows_of_the_encyclopedia_of_life(make_zip: MakeZip, tmp_path: Path) -> None:
    """Texts are media too; `identifier` is an id, and a picture in its place is taken only where `accessURI` is empty."""
    terms = {
        0: DCTERMS + "identifier", 1: "http://rs.tdwg.org/dwc/terms/taxonID", 2: DCTERMS + "type", 3: AC + "accessURI",
        4: "http://eol.org/schema/media/thumbnailURL", 5: AC + "furtherInformationURL",
    }  # fmt: skip
    media = table_xml("extension", "http://eol.org/schema/media/Document", "media.txt", terms).replace(
        '<coreid index="0"/>', '<coreid index="1"/>'
    )
    still, text = "http://purl.org/dc/dcmitype/StillImage", "http://purl.org/dc/dcmitype/Text"
    rows = [
        ("m1", "t1", still, LINK, "https://example.org/thumbs/a.jpg", "https://example.org/page"),
        ("m2", "t1", text, "", "", "https://example.org/page"),
        (LINK, "t2", still, "", "", ""),
        ("m4", "t2", still, "", "", "https://example.org/page"),
    ]
    table = "".join("\t".join(row) + "\n" for row in [("h",) * 6, *rows])
    found = await of_extension(make_zip, tmp_path, media, table, ["t1", "t2"])
    assert found.images == {"t1": [[LINK, "https://example.org/thumbs/a.jpg"]], "t2": [[LINK]]}
    assert found.rejects == [("media.txt", 3, "not_an_image"), ("media.txt", 5, "no_link")]
    assert found.said["t1"][0].reference == "https://example.org/page"


async def test_a_portal_that_names_three_sizes_of_each_photo(make_zip: MakeZip, tmp_path: Path) -> None:
    """Symbiota; and the same photo in `associatedMedia` of its core is one more link, not one more image."""
    core = table_xml("core", OCCURRENCE, "occurrences.csv", {1: "http://rs.tdwg.org/dwc/terms/associatedMedia"},
                     'fieldsTerminatedBy="," fieldsEnclosedBy="&quot;" linesTerminatedBy="\\n" ignoreHeaderLines="1" encoding="UTF-8"')  # fmt: skip
    terms = {
        1: DCTERMS + "identifier", 2: AC + "accessURI", 3: AC + "thumbnailAccessURI", 4: AC + "goodQualityAccessURI",
        5: "http://ns.adobe.com/xap/1.0/rights/Owner", 6: "http://ns.adobe.com/xap/1.0/rights/WebStatement",
    }  # fmt: skip
    media = table_xml("extension", AUDUBON, "multimedia.csv", terms,
                      'fieldsTerminatedBy="," fieldsEnclosedBy="&quot;" linesTerminatedBy="\\n" ignoreHeaderLines="1" encoding="UTF-8"')  # fmt: skip
    large, web, small = (f"https://portal.example.org/imglib/HERB/1/HERB1_1514760468{end}.jpg" for end in ("_lg", "", "_tn"))
    path = make_zip({
        "meta.xml": meta_xml(core, media),
        "occurrences.csv": f'id,associatedMedia\n5,"{web} | https://other.example.org/x.jpg"\n6,\n',
        "multimedia.csv": f'coreid,identifier,access,thumb,good,owner,web\n5,"{large}",{large},{small},{web},"Herbarium, the",CC0\n',
    })  # fmt: skip
    found = await ingested(path, tmp_path / "job", [5])
    assert [set(urls) for urls in found.images[5]] == [{"https://other.example.org/x.jpg"}, {large, web, small}]
    assert (found.source.counts.rows_without_media, found.source.counts.duplicates) == (1, 1)
    assert found.said[5][1].rights_holder == "Herbarium, the"


@pytest.mark.parametrize(("core", "record"), [("Taxon", "t-1"), ("Event", 12)])
async def test_a_core_that_is_no_occurrence(make_zip: MakeZip, tmp_path: Path, core: str, record: int | str) -> None:
    """The extension is joined by its own coreid, whatever it points to, and whether the core has that row or not."""
    described = CORE_XML.replace("Occurrence", core)
    media = table_xml("extension", MULTIMEDIA, "media.txt", {1: DCTERMS + "identifier"})
    path = make_zip(
        {"meta.xml": meta_xml(described, media), "occurrence.txt": "id\tc\n", "media.txt": f"id\tlink\n{record}\t{LINK}\n"}
    )
    assert (await ingested(path, tmp_path / "job", [record])).images == {record: [[LINK]]}


async def test_media_as_the_core(make_zip: MakeZip, tmp_path: Path) -> None:
    core = table_xml("core", MULTIMEDIA, "media.txt", {1: DCTERMS + "identifier"})
    path = make_zip({"meta.xml": meta_xml(core), "media.txt": f"id\tlink\n3\t{LINK}\n"})
    assert (await ingested(path, tmp_path / "job", [3])).images == {3: [[LINK]]}


def test_an_extension_without_files_is_no_trouble_unless_it_is_the_media() -> None:
    words = "<extension rowType='http://rs.gbif.org/terms/1.0/VernacularName'><coreid index='0'/></extension>"
    assert parse_meta(meta_xml(CORE_XML, words).encode()).extensions[0].locations == ()
