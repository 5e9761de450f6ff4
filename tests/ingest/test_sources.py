"""Recognising sources, and refusing what is none with a sentence that helps."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.sources import SourceFormat, detect
from asyncdl.ingest.tables import open_tables
from tests.ingest.conftest import CORE_XML, GBIF_HEADER, MEDIA_XML, OCCURRENCE, gbif_row, meta_xml, table_xml

DWCA = Path(__file__).parents[1] / "data" / "dwca"
LINK = "https://example.org/a.jpg"
MakeZip = Callable[..., Path]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"{LINK}\nhttps://example.org/b.jpg\n", SourceFormat.URLS),
        (f"# my list\n{LINK}\n", SourceFormat.URLS),
        ("https://example.org/a,b.jpg\n", SourceFormat.URLS),
        (f"{GBIF_HEADER}\n{gbif_row(1, LINK)}\n", SourceFormat.TSV),
        (f"id\turl\n1\t{LINK}\n", SourceFormat.TSV),
        (f"id,url\n1,{LINK}\n", SourceFormat.CSV),
        (f'"id";"url"\n"1";"{LINK}"\n', SourceFormat.CSV),
        (f"url\n{LINK}\n", SourceFormat.CSV),
    ],
)
def test_text_is_recognised_by_its_content(tmp_path: Path, content: str, expected: SourceFormat) -> None:
    path = tmp_path / "source"
    for data in (content.encode(), gzip.compress(content.encode()), b"\xef\xbb\xbf" + content.encode(), content.encode("utf-16")):
        path.write_bytes(data)
        assert detect(path).format is expected


def test_a_hint_settles_what_content_leaves_open(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_text("example.org/a.jpg\nexample.org/b.jpg\n")
    assert detect(path).format is SourceFormat.CSV
    assert detect(path, SourceFormat.URLS).format is SourceFormat.URLS


def test_the_fingerprint_is_of_content_and_of_how_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(f"{LINK}\n")
    first = detect(path).fingerprint
    assert detect(path).fingerprint == first
    assert detect(path, url_column="1").fingerprint != first
    path.write_text(f"{LINK}?b\n")
    assert detect(path).fingerprint != first


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"https://example.org/{n}.jpg\n" for n in range(10_000)).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    spec = detect("-")
    assert (spec.path, spec.format) == ("-", SourceFormat.URLS)
    (table,) = open_tables(spec, Bounds())
    assert b"".join(table.chunks()) == text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n\n", "is empty"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "a JPEG picture"),
        (b"PAR1" + bytes(100), "Parquet file but breaks off in the middle"),
        (bytes(range(256)) * 10, "no text"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "a web page"),
        (b'[{"url": "https://example.org/a.jpg"}]\n', "one JSON array"),
        (b'{\n "results": [\n  {"key": 1}\n ]\n}\n', "JSON object over several lines"),
        (b"PK\x03\x04 and nothing more", "breaks off in the middle"),
    ],
)
def test_foreign_files_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says) as caught:
        detect(path)
    assert caught.value.exit_status == 2
    assert caught.value.todo


def test_a_pipe_with_a_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="is a pipe") as caught:
        detect(tmp_path / "pipe")
    assert "init COLLECTION -" in str(caught.value)


def test_a_list_may_hold_something_else(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("".join(f"https://example.org/{n}.jpg\n" for n in range(9)) + "not a link\n")
    assert detect(path).format is SourceFormat.URLS
    path.write_text("not a link\nhttps://example.org/a.jpg\n")
    assert detect(path).format is SourceFormat.CSV


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        detect(tmp_path / "missing.zip")
    with pytest.raises(SourceError, match="is an address"):
        detect("https://example.org/archive.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="without any table"):
        open_tables(detect(tmp_path / "empty"), Bounds())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dwca-2extensions.zip", "no media: its core is Taxon, its extensions are Description, VernacularName"),
        ("dwca-invalid-simple-two.zip", "no meta.xml, and more than one file"),
        ("dwca-noheaders-1.zip", "no media: its core is Occurrence"),
        ("dwca-partial-default.zip", "no media: its core is Occurrence"),
        ("dwca-simple-csv-notenclosed.zip", "no column holds links to media: gbifid"),
        ("dwca-utf8-eol-test.zip", "no media: its core is Occurrence"),
        ("gbif-results.zip", "no media: its core is Occurrence"),
        ("plazi-eol-media.zip", "no media: its core is Taxon"),
        ("checklist_980.zip", 740),
        ("multifile-psv", 6),
        ("dwca-missing-extension-details", "no media: its core is Taxon, its extensions are VernacularName"),
        ("dwca-with-backslashes.zip", "no media: its core is Occurrence"),
        ("dwca-simple-test-archive.tgz", "no media: its core is Occurrence"),
        ("ala-image-service", 5),
        ("nhm-escaped-quotes", 4),
    ],
)
def test_real_archives_are_read_or_refused(name: str, expected: str | int) -> None:
    def rows() -> int:
        found = 0
        for table in open_tables(detect(DWCA / name), Bounds()):
            reader, _ = table.open(Bounds())
            found += sum(1 for _ in reader.rows())
        return found

    if isinstance(expected, int):
        assert rows() == expected
    else:
        with pytest.raises(SourceError, match=expected):
            rows()


def test_every_real_archive_is_in_the_table() -> None:
    listed = test_real_archives_are_read_or_refused.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {name for name, _ in listed} == {path.name for path in DWCA.iterdir() if path.name != "README.md"}


def test_a_folder_and_a_zip_with_a_folder_in_it(tmp_path: Path, make_zip: MakeZip) -> None:
    members = {
        "meta.xml": meta_xml(CORE_XML, MEDIA_XML),
        "occurrence.txt": "id\tc\n",
        "multimedia.txt": f"id\tidentifier\n1\t{LINK}\n",
    }
    path = make_zip({f"dwca/{name}": content for name, content in members.items()} | {"__MACOSX/dwca/._meta.xml": b"\0"})
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "out")
    for source in (path, tmp_path / "out" / "dwca"):
        assert [table.member for table in open_tables(detect(source), Bounds())] == ["multimedia.txt"]


def test_a_table_of_several_files(make_zip: MakeZip) -> None:
    media = MEDIA_XML.replace("</location>", "</location><location>more.txt</location>")
    path = make_zip({"meta.xml": meta_xml(CORE_XML, media), "occurrence.txt": "x", "multimedia.txt": "x", "more.txt": "x"})
    assert [table.member for table in open_tables(detect(path), Bounds())] == ["multimedia.txt", "more.txt"]


def test_an_archive_without_meta_but_with_multimedia(make_zip: MakeZip) -> None:
    path = make_zip(
        {"multimedia.txt": f"{GBIF_HEADER}\n{gbif_row(1, LINK)}\n", "occurrence.txt": "gbifID\n1\n", "rights.txt": "none"}
    )
    (table,) = open_tables(detect(path), Bounds())
    _, columns = table.open(Bounds())
    assert columns.photo[0].index == 3


def test_bad_archives_are_refused(make_zip: MakeZip, tmp_path: Path) -> None:
    core, media = {"occurrence.txt": "id\tc\n"}, {"multimedia.txt": f"id\tidentifier\n1\t{LINK}\n"}
    whole = {"meta.xml": meta_xml(CORE_XML, MEDIA_XML), **core, **media}
    no_coreid = MEDIA_XML.replace('<coreid index="0"/>', "<coreid/>")
    cases: list[tuple[dict[str, str | bytes], str]] = [
        ({**core, "meta.xml": meta_xml(CORE_XML, MEDIA_XML)}, "names multimedia.txt, which the archive does not hold"),
        ({**media, "meta.xml": meta_xml(CORE_XML, MEDIA_XML)}, "names occurrence.txt, which the archive does not hold"),
        ({**core, "meta.xml": meta_xml(CORE_XML)}, "holds no media"),
        ({**core, "meta.xml": "<archive"}, "meta.xml is broken"),
        ({**whole, "../evil.txt": "x"}, "names a file outside itself"),
        (
            {**whole, "meta.xml": meta_xml(CORE_XML, MEDIA_XML.replace("multimedia.txt", "../../etc/passwd"))},
            "names a file outside itself",
        ),
        ({**whole, "meta.xml": meta_xml(CORE_XML, no_coreid)}, "which column of multimedia.txt is the coreid"),
        ({"readme.txt": "nothing"}, "without any table"),
    ]
    for members, says in cases:
        with pytest.raises(SourceError, match=says):
            open_tables(detect(make_zip(members)), Bounds())
    whole_path = make_zip(whole)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole_path.read_bytes()[:-60])
    with pytest.raises(SourceError, match="breaks off in the middle"):
        detect(cut)


def test_a_damaged_member_is_noticed_while_reading(make_zip: MakeZip) -> None:
    rows = "".join(f"{n}\thttps://example.org/{n * 7919 % 10007}.jpg\n" for n in range(20_000))
    path = make_zip({"meta.xml": meta_xml(CORE_XML, MEDIA_XML), "occurrence.txt": "x", "multimedia.txt": rows})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 50] = bytes(50)
    path.write_bytes(data)
    (table,) = open_tables(detect(path), Bounds())
    with pytest.raises(SourceError, match="cut or damaged"):
        b"".join(table.chunks())


def test_a_cut_gzip_is_noticed_while_reading(tmp_path: Path) -> None:
    path = tmp_path / "list.gz"
    path.write_bytes(gzip.compress("".join(f"https://example.org/{n * 7919 % 10007}.jpg\n" for n in range(20_000)).encode())[:-500])
    with pytest.raises(SourceError, match="cut or damaged"):
        b"".join(open_tables(detect(path), Bounds())[0].chunks())


def test_a_zip_bomb_is_refused(make_zip: MakeZip) -> None:
    path = make_zip({"meta.xml": meta_xml(CORE_XML, MEDIA_XML), "occurrence.txt": "x", "multimedia.txt": b"\n" * 20_000_000})
    (table,) = open_tables(detect(path), Bounds())
    with pytest.raises(SourceError, match="times its packed size"):
        table.chunks()


def test_an_encrypted_member_is_refused(make_zip: MakeZip) -> None:
    path = make_zip({"meta.xml": meta_xml(CORE_XML, MEDIA_XML), "occurrence.txt": "x", "multimedia.txt": "x"})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot be unpacked"):
        open_tables(detect(path), Bounds())


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "dwca"
    shutil.copytree(DWCA / "nhm-escaped-quotes", folder)
    (tmp_path / "secret.csv").write_text("x")
    (folder / "multimedia.csv").unlink()
    (folder / "multimedia.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(SourceError, match="does not hold"):
        open_tables(detect(folder), Bounds())


def test_media_in_the_core(make_zip: MakeZip) -> None:
    core = table_xml("core", OCCURRENCE, "occurrence.txt", {1: "http://rs.tdwg.org/dwc/terms/associatedMedia"})
    path = make_zip({"meta.xml": meta_xml(core), "occurrence.txt": f"id\tassociatedMedia\n1\t{LINK}\n"})
    (table,) = open_tables(detect(path), Bounds())
    assert table.columns is not None
    assert table.columns.optional
