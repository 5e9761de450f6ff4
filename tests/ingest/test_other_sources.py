"""Sources beside GBIF as they are really published: iNaturalist's open data, iDigBio's archives, EOL's media manifest."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest import Choices, parse_choices
from asyncdl.ingest.inaturalist import with_links
from asyncdl.sourcerows import SourceRows
from tests.ingest.ingesting import OPTIONS, ingested

MakeZip = Callable[..., Path]
NUL_UUID = "00000000-0000-4000-8000-00000000000"
PHOTOS_HEADER = ("photo_uuid", "photo_id", "observation_uuid", "observer_id", "extension", "license", "width", "height", "position")
PHOTOS = (
    ("p1", 101, "o1", 7, "jpg", "CC-BY-NC", 2048, 1536, 0),
    ("p2", 102, "o1", 7, "jpeg", "CC0", 2048, 1536, 1),
    ("p3", 103, "o2", 8, "png", "CC-BY", "", "", 0),
    ("p4", "", "o2", 8, "jpg", "CC-BY", 100, 100, 1),
    ("p5", 105, "o2", 8, "", "CC-BY", 100, 100, 2),
    ("p6", 106, "o2"),
    ("p7", 107, "", 8, "jpg", "CC-BY", 100, 100, 3),
)
OBSERVATIONS = (
    ("observation_uuid", "observer_id", "latitude", "longitude", "positional_accuracy", "taxon_id", "quality_grade", "observed_on"),
    ("o1", 7, "1.5", "2.5", 10, 47126, "research", "2020-01-02"),
    ("o2", 8, "", "", "", 3, "casual", ""),
)
TAXA = (
    ("taxon_id", "ancestry", "rank_level", "rank", "name", "active"),
    (47126, "48460", 70, "kingdom", "Plantae", "true"),
    (3, "48460/1/2", 10, "species", "Aves exempli", "true"),
)
BUCKET = "https://inaturalist-open-data.s3.amazonaws.com/photos"


def tsv(rows: Iterable[Iterable[object]]) -> bytes:
    return "".join("\t".join(map(str, row)) + "\n" for row in rows).encode()


def comma(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def tarred(path: Path, members: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def inaturalist(tmp_path: Path) -> Path:
    """The files of the bucket, in a folder."""
    folder = tmp_path / "inaturalist"
    folder.mkdir()
    tables = {
        "photos": (PHOTOS_HEADER, *PHOTOS),
        "observations": OBSERVATIONS,
        "taxa": TAXA,
        "observers": (("observer_id", "login"),),
    }
    for name, rows in tables.items():
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(tsv(rows)))
    return folder


def all_in_one(folder: Path, path: Path) -> Path:
    """The archive of the bucket: the same files, in a folder."""
    names = {file: file.name.removesuffix(".gz") for file in sorted(folder.iterdir())}
    return tarred(
        path, {f"inaturalist-open-data-20260101/{name}": gzip.decompress(file.read_bytes()) for file, name in names.items()}
    )


async def test_photos_of_inaturalist_get_their_links(inaturalist: Path, tmp_path: Path) -> None:
    found = await ingested(inaturalist / "photos.csv.gz", tmp_path / "job", ["o1", "o2"])
    assert found.images == {
        "o1": [[f"{BUCKET}/101/original.jpg"], [f"{BUCKET}/102/original.jpeg"]],
        "o2": [[f"{BUCKET}/103/original.png"]],
    }
    assert found.rejects == [("", 5, "no_link"), ("", 6, "no_link"), ("", 7, "wrong_field_count"), ("", 8, "missing_id")]
    assert [row.licence for row in found.said["o1"]] == ["CC-BY-NC", "CC0"]
    assert SourceRows(tmp_path / "job" / "sources" / "1").kept("o1") == {
        "taxon_id": "47126", "name": "Plantae", "rank": "kingdom", "quality_grade": "research", "observed_on": "2020-01-02",
    }  # fmt: skip


@pytest.mark.parametrize("shape", ["photos.csv.gz", "folder", "tar"])
@pytest.mark.parametrize(
    ("choices", "photos"),
    [
        pytest.param({"where": ["quality_grade=research"]}, {101, 102}, id="of the observation"),
        pytest.param({"where": ["taxon_id=47126"]}, {101, 102}, id="a taxon"),
        pytest.param({"where": ["taxon_id=1"]}, {103}, id="all below a taxon"),
        pytest.param({"where": ["taxon_id!=1", "name=Plantae"]}, {101, 102}, id="none below it, by name"),
        pytest.param({"where": ["position=0"]}, {101, 103}, id="of the photo"),
        pytest.param({"licence": "open"}, {102, 103}, id="licence"),
    ],
)
async def test_what_observations_and_taxa_say_can_be_asked(
    inaturalist: Path, tmp_path: Path, shape: str, choices: dict[str, str], photos: set[int]
) -> None:
    source = inaturalist if shape == "folder" else inaturalist / "photos.csv.gz"
    if shape == "tar":
        source = all_in_one(inaturalist, tmp_path / "inaturalist-open-data-latest.tar.gz")
    chosen: Choices = parse_choices(**choices)  # type: ignore[arg-type]
    found = await ingested(source, tmp_path / "job", ["o1", "o2"], replace(OPTIONS, choices=chosen))
    links = {link for images in found.images.values() for urls in images for link in urls}
    assert {int(link.split("/")[-2]) for link in links} == photos


def test_other_tables_are_left_as_they_are() -> None:
    for content in (
        b"photo_uuid,photo_id\nx,1\n",
        b"",
        b"photo_id\turl\n1\thttps://example.org/a.jpg\n",
        tsv([(*PHOTOS_HEADER, "url")]),
    ):
        assert b"".join(with_links(iter([content[:5], content[5:]]))) == content


def test_rows_are_linked_whatever_the_chunks_and_line_ends() -> None:
    content = tsv([PHOTOS_HEADER, *PHOTOS])
    whole = b"".join(with_links(iter([content])))
    assert whole.count(b"\n") == len(PHOTOS) + 1
    for size in (1, 7, 100):
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert b"".join(with_links(iter(pieces))) == whole
    assert b"".join(with_links(iter([content.replace(b"\n", b"\r\n")]))) == whole


# As its download worker writes it: no core, the row type in small letters, prefixes in headings, `\r\n` behind a declared `\n`.
IDIGBIO = """
<archive xmlns="http://rs.tdwg.org/dwc/text/">
{tables}
</archive>
"""
IDIGBIO_TABLE = """
  <extension encoding="utf-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="&quot;" ignoreHeaderLines="1" rowType="{row_type}">
    <files>
      <location>{name}</location>
    </files>
    <coreid index="0" />
{fields}
  </extension>
"""
TERMS = {
    "ac": "http://rs.tdwg.org/ac/terms/", "dcterms": "http://purl.org/dc/terms/", "dc": "http://purl.org/dc/elements/1.1/",
    "idigbio": "http://portal.idigbio.org/terms/", "xmpRights": "http://ns.adobe.com/xap/1.0/rights/", "dwc": "http://rs.tdwg.org/dwc/terms/",
}  # fmt: skip
PORTAL = "https://portal.example.org/imglib/srp/SRP-B-0000/SRP-B-0000026"


def idigbio_tables(records: list[str]) -> dict[str, tuple[str, list[tuple[object, ...]]]]:
    one, two, three = records
    occurrence, media = "http://rs.tdwg.org/dwc/terms/Occurrence", "http://rs.tdwg.org/ac/terms/multimedia"
    index = (
        "coreid",
        "ac:accessURI",
        "ac:tag",
        "dc:type",
        "dcterms:format",
        "dcterms:rights",
        "idigbio:uuid",
        "xmpRights:WebStatement",
    )
    raw = (
        "coreid", "ac:accessURI", "ac:goodQualityAccessURI", "ac:providerManagedID", "ac:thumbnailAccessURI", "dc:creator", "dcterms:creator",
        "dcterms:format", "dcterms:identifier", "dcterms:type", "xmpRights:Owner",
    )  # fmt: skip
    cc = "http://creativecommons.org/licenses/by/4.0/"
    return {
        "multimedia.csv": (media, [
            index,
            (one, f"{PORTAL}_lg.jpg", "", "StillImage", "image/jpeg", "CC BY", "m1", cc),
            (one, "https://other.example.org/b.jpg", '["a","b"]', "StillImage", "image/jpeg", "", "m2", ""),
            (two, "/mnt/target-images/CASTYPE/1.jpg", "", "StillImage", "image/jpeg", "", "m3", ""),
            (three, "https://sounds.example.org/c", "", "Sound", "audio/mpeg", "", "m4", ""),
            ("", "https://other.example.org/d.jpg", "", "StillImage", "image/jpeg", "", "m5", ""),
        ]),
        "multimedia_raw.csv": (media, [
            raw,
            (one, f"{PORTAL}_lg.jpg", f"{PORTAL}.JPG", "urn:uuid:1", f"{PORTAL}_tn.jpg", "", "A. Painter", "image/jpeg", "x", "StillImage", "SRP"),
            (one, "", "", "", "", "B. Painter", "", "image/jpeg", "barcode 1", "StillImage", ""),
            (two, "/mnt/target-images/CASTYPE/1.jpg", "", "", "", "", "", "image/jpeg", "", "StillImage", ""),
            (three, "https://sounds.example.org/c", "", "", "", "", "", "audio/mpeg", "", "Sound", ""),
        ]),
        "occurrence_raw.csv": (occurrence, [("coreid", "dwc:genus"), (one, "Parmelia"), (two, "Usnea"), (three, "Corvus")]),
        "occurrence.csv": (occurrence, [("coreid", "dwc:genus", "dwc:typeStatus"), (one, "parmelia", "holotype"), (two, "usnea", "")]),
    }  # fmt: skip


@pytest.fixture
def idigbio(make_zip: MakeZip) -> Path:
    members: dict[str, str | bytes] = {"records.citation.txt": "iDigBio"}
    described = ""
    for name, (row_type, rows) in idigbio_tables([NUL_UUID + end for end in "123"]).items():
        members[name] = comma(rows)
        fields = "".join(
            f'    <field index="{at}" term="{TERMS[str(term).split(":")[0]]}{str(term).split(":")[1]}"/>\n'
            for at, term in enumerate(rows[0])
            if at
        )
        described += IDIGBIO_TABLE.format(row_type=row_type, name=name, fields=fields)
    return make_zip({**members, "meta.xml": IDIGBIO.format(tables=described)}, "idigbio.zip")


async def test_an_archive_of_idigbio(idigbio: Path, tmp_path: Path) -> None:
    """The raw twin adds sizes, creators and owners, and no image; its rows without a link lack nothing."""
    one = NUL_UUID + "1"
    found = await ingested(idigbio, tmp_path / "job", [one])
    assert [set(urls) for urls in found.images[one]] == [
        {"https://other.example.org/b.jpg"}, {f"{PORTAL}_lg.jpg", f"{PORTAL}.JPG", f"{PORTAL}_tn.jpg"},
    ]  # fmt: skip
    assert found.source.images_new == 2
    assert found.rejects == [
        ("multimedia.csv", 4, "unusable_link"), ("multimedia.csv", 5, "not_an_image"), ("multimedia.csv", 6, "missing_id"),
        ("multimedia_raw.csv", 4, "unusable_link"), ("multimedia_raw.csv", 5, "not_an_image"),
    ]  # fmt: skip
    assert found.source.counts.rows_without_media == 1
    said = {(row.member, row.licence, row.creator, row.rights_holder) for row in found.said[one]}
    assert ("multimedia_raw.csv", "", "A. Painter", "SRP") in said
    assert ("multimedia.csv", "http://creativecommons.org/licenses/by/4.0/", "", "") in said


async def test_occurrences_of_idigbio_can_be_asked(idigbio: Path, tmp_path: Path) -> None:
    chosen = parse_choices(where=["typeStatus=holotype"], keep_columns=["genus"])
    found = await ingested(idigbio, tmp_path / "job", [NUL_UUID + "1"], replace(OPTIONS, choices=chosen))
    assert found.source.images_new == 2
    assert SourceRows(tmp_path / "job" / "sources" / "1").kept(NUL_UUID + "1") == {"genus": "parmelia"}


EOL_HEADER = ("EOL content ID", "EOL page ID", "Medium Source URL", "EOL Full-Size Copy URL", "License Name", "Copyright Owner")


def eol_row(content: int, page: int) -> tuple[object, ...]:
    copy = f"https://content.eol.org/data/media/be/4a/08/30.{content}.jpg"
    return content, page, f"https://upload.example.org/{content}.jpg", copy, "cc-by-nc-sa-3.0", 'Doe, "J." John'


@pytest.mark.parametrize("shape", ["media_manifest.csv", "media_manifest.tgz"])
async def test_the_media_manifest_of_eol(tmp_path: Path, shape: str) -> None:
    """The archive holds many files, only the first with headings, below the path they had on the server; ten comes behind two."""
    files = {
        f"app/public/data/media_manifest_{n}.csv": comma([EOL_HEADER, eol_row(1, 70)] if n == 1 else [eol_row(n, 70 + n)])
        for n in range(1, 13)
    }
    path = tmp_path / shape
    if shape.endswith("tgz"):
        tarred(path, files)
    else:
        path.write_bytes(b"".join(files.values()))
    found = await ingested(path, tmp_path / "job", range(1, 13))
    assert found.rejects == []
    for content, images in found.images.items():
        assert images == [
            [f"https://content.eol.org/data/media/be/4a/08/30.{content}.jpg", f"https://upload.example.org/{content}.jpg"]
        ]
    assert (found.said[10][0].licence, found.said[10][0].rights_holder) == ("cc-by-nc-sa-3.0", 'Doe, "J." John')
    assert found.said[10][0].line == (1 if shape.endswith("tgz") else 11)


async def test_pages_of_eol_can_be_asked(tmp_path: Path) -> None:
    path = tarred(
        tmp_path / "media_manifest.tgz", {"m_1.csv": comma([EOL_HEADER, eol_row(1, 70)]), "m_2.csv": comma([eol_row(2, 72)])}
    )
    found = await ingested(path, tmp_path / "job", [1, 2], replace(OPTIONS, choices=parse_choices(where=["EOL page ID=72"])))
    assert [len(images) for images in found.images.values()] == [0, 1]


async def test_tables_that_are_no_parts_of_one_are_refused(tmp_path: Path) -> None:
    path = tarred(tmp_path / "two.tgz", {"a.csv": b"id,url\n", "b.csv": b"id,url\n"})
    with pytest.raises(SourceError, match=r"more than one file that may be the table: a\.csv, b\.csv"):
        await ingested(path, tmp_path / "job")
