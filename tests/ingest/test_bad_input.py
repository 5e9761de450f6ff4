"""What goes wrong with tables and archives, one by one: each ends in a reject with its line and reason, or in an error that says what to do.

Every ingest here is a whole one, and its accounts balance (`ingesting.ingested` looks).
"""

from __future__ import annotations

import csv
import io
import random
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.errors import SourceError
from asyncdl.ingest import Bounds, RejectReason, detect
from asyncdl.ingest.tables import open_tables
from tests.ingest.conftest import CORE_XML, GBIF_HEADER, MEDIA_XML, gbif_row, meta_xml
from tests.ingest.ingesting import ingested

MakeZip = Callable[..., Path]
LINK = "https://example.org/a.jpg"
GOOD = gbif_row(1, LINK)
NEXT = gbif_row(2, "https://example.org/b.jpg")


def gbif(*rows: str | bytes, end: bytes = b"\n", encoding: str = "utf-8") -> bytes:
    """A `multimedia.txt` with these rows between two good ones: lines 3 and on."""
    return end.join(row if isinstance(row, bytes) else row.encode(encoding) for row in (GBIF_HEADER, GOOD, *rows, NEXT)) + end


def comma(*rows: tuple[object, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("id", "url", "title", "license"), *rows])
    return text.getvalue().encode()


URLS = [f"https://example.org/{n}.jpg" for n in range(101)]
BIG_CELL = gbif_row(9, "https://example.org/x.jpg", title="x" * 10_000_000)

# The content, how many images come of it, and the rejects.
CONTENTS = [
    pytest.param(gbif("\t".join(GOOD.split("\t")[:14])), 2, [(3, "wrong_field_count")], id="14 fields"),
    pytest.param(gbif(GOOD + "\tmore"), 2, [(3, "wrong_field_count")], id="16 fields"),
    pytest.param(gbif("half", "", "   "), 2, [(3, "wrong_field_count")], id="half a row, and empty lines that are none"),
    pytest.param(gbif(gbif_row(3, "https://example.org/\0c.jpg")), 2, [(3, "nul_byte")], id="NUL"),
    pytest.param(gbif(BIG_CELL), 2, [(3, "row_too_long")], id="a cell of 10 MB"),
    pytest.param(gbif(gbif_row(3, "https://example.org/c.jpg", title="y" * 1_200_000)), 2, [(3, "cell_too_long")], id="a cell of 1.2 MB"),
    pytest.param(gbif(gbif_row(3, "https://example.org/c.jpg", title="a\rb")), 3, [], id="a carriage return inside a row"),
    pytest.param(gbif(gbif_row(3, "https://example.org/c.jpg"), end=b"\r"), 3, [], id="carriage returns for line ends"),
    pytest.param(gbif(gbif_row(3, "https://example.org/c.jpg"), end=b"\r\n"), 3, [], id="line ends of Windows"),
    pytest.param(b"\xef\xbb\xbf" + gbif(), 2, [], id="a byte order mark"),
    pytest.param(gbif("short").decode().encode("utf-16"), 2, [(3, "wrong_field_count")], id="UTF-16"),
    pytest.param(gbif("short").decode().encode("utf-16-be"), 2, [(3, "wrong_field_count")], id="UTF-16 without a mark"),
    pytest.param(gbif(gbif_row(3, LINK, title="Müller").encode("latin-1")), 2, [(3, "undecodable")], id="a row in another encoding"),
    pytest.param(gbif(gbif_row(3, " ".join(URLS[:100]))), 102, [], id="100 links in a cell"),
    pytest.param(gbif(gbif_row(3, "|".join(URLS))), 2, [(3, "too_many_links")], id="101 links in a cell"),
    pytest.param(gbif(gbif_row(3, f"{LINK}|https://example.org/b.jpg")), 4, [], id="links with bars between"),
    pytest.param(gbif(gbif_row(1, LINK), gbif_row(1, LINK)), 2, [], id="ids and rows repeated"),
    pytest.param(gbif(gbif_row("", LINK), gbif_row("  ", LINK)), 2, [(3, "missing_id"), (4, "missing_id")], id="ids missing"),
    pytest.param(gbif(gbif_row("x" * 1_001, LINK)), 2, [(3, "id_too_long")], id="an id of a thousand characters"),
    pytest.param(gbif(gbif_row(3, "data:image/png;base64,iVBORw0KGgo=")), 2, [(3, "unusable_link")], id="a picture in the link"),
    pytest.param(gbif(gbif_row(3, "/mnt/target-images/x.jpg"), gbif_row(4, "C:\\x.jpg")), 2, [(3, "unusable_link"), (4, "unusable_link")], id="paths"),
    pytest.param(gbif(gbif_row(3, "file:///etc/passwd"), gbif_row(4, "javascript:x")), 2, [(3, "unusable_link"), (4, "unusable_link")], id="schemes"),
    pytest.param(gbif(gbif_row(3, LINK, title='"NSG Chemnitzaue')), 3, [], id="a quote in a table where quotes mean nothing"),
    pytest.param(gbif(gbif_row(3, LINK, title="\x1b[31m")), 3, [], id="control characters"),
    pytest.param(gbif(GBIF_HEADER), 2, [(3, "unusable_link")], id="the headings once more"),
    pytest.param(gbif()[:-1] + b"\tcut", 1, [(3, "wrong_field_count")], id="the last row cut, without a newline"),
    pytest.param(comma((1, LINK, "two\nlines", ""), (2, LINK, 'a "quoted" word', "CC0")), 2, [], id="cells over two lines"),
    pytest.param(
        comma(*((n, f"https://example.org/{n}.jpg", "x", "") for n in range(50))).replace(b"7.jpg,x", b'7.jpg,"x'), 45,
        [(n, "stray_quote") for n in (9, 19, 29, 39, 49)], id="stray quotes that would swallow the file",
    ),
    pytest.param(
        comma(*((n, f"https://example.org/{n}.jpg", "x", "") for n in range(3))).replace(b"1.jpg,x", b'1.jpg,"x'), 2, [(3, "stray_quote")],
        id="one that is never closed",
    ),
    pytest.param(b'id;url\n1;"https://example.org/a;b.jpg"\n2;https://example.org/c;d.jpg\n', 1, [(3, "wrong_field_count")], id="semicolons"),
    pytest.param(b"".join(b"https://example.org/%d.jpg\n" % n for n in range(5)) + b"# mine\n\nnot a link\n", 5, [(8, "unusable_link")], id="a list with something else in it"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "images", "rejects"), CONTENTS)
async def test_a_table(tmp_path: Path, content: bytes, images: int, rejects: list[tuple[int, str]]) -> None:
    path = tmp_path / "multimedia.txt"
    path.write_bytes(content)
    found = await ingested(path, tmp_path / "job", format_hint=None)
    assert [(line, reason) for _, line, reason in found.rejects] == rejects
    assert found.source.counts.images == images
    for sample in found.source.samples:
        assert sample.shown.isprintable()


ROWS = st.sampled_from([
    GOOD, NEXT, gbif_row(3, "https://example.org/c.jpg | https://example.org/d.jpg"), gbif_row(3, ""), gbif_row("", LINK), gbif_row(4, "http://654355.jpg"),
    gbif_row(5, "https://example.org/e", kind="Sound", media_format="audio/mpeg"), "half a row", gbif_row(6, "https://example.org/\0.jpg"),
    gbif_row(7, "", references="https://example.org/f.jpg"), gbif_row(8, LINK, title="y" * 1_100_000), GBIF_HEADER, gbif_row(2, LINK),
])  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(st.lists(ROWS, max_size=20), st.randoms(use_true_random=False))
async def test_every_row_is_accounted_for_and_their_order_does_not_matter(rows: list[str], chance: random.Random) -> None:
    lines = [GOOD, *rows]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("as it is", "shuffled"):
            path = Path(folder) / f"{name}.txt"
            path.write_text("\n".join([GBIF_HEADER, *lines]) + "\n")
            one = await ingested(path, Path(folder) / name, range(1, 9))
            assert one.source.counts.rows_read == len(lines)
            assert len({line for _, line, _ in one.rejects}) == len(one.rejects)
            found.append((one.images, one.source.rejects, one.source.counts))
            chance.shuffle(lines)
    assert found[0] == found[1]


def test_every_reason_to_reject_is_met_by_a_test() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert not [reason for reason in RejectReason if f'"{reason}"' not in text and f"RejectReason.{reason.name}" not in text]


WHOLE: dict[str, str | bytes] = {
    "meta.xml": meta_xml(CORE_XML, MEDIA_XML),
    "occurrence.txt": "id\tc\n1\tx\n",
    "multimedia.txt": "id\tidentifier\n" + "".join(f"{n}\thttps://example.org/{n * 7919 % 10007}.jpg\n" for n in range(9_000)),
}


@pytest.mark.parametrize("cut", [0.001, 0.3, 0.5, 0.99])
async def test_a_zip_that_is_cut(make_zip: MakeZip, tmp_path: Path, cut: float) -> None:
    data = make_zip(WHOLE).read_bytes()
    path = tmp_path / "cut.zip"
    path.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(SourceError, match="breaks off in the middle"):
        await ingested(path, tmp_path / "job")


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/passwd", "a/../../b.txt", "..\\evil.txt", "C:\\evil.txt", "a/..\\..\\b"])
def test_names_that_lead_out_of_a_zip(make_zip: MakeZip, name: str) -> None:
    with pytest.raises(SourceError, match="names a file outside itself"):
        open_tables(detect(make_zip({**WHOLE, name: "x"})), Bounds())


def test_backslashes_that_stay_inside_are_slashes(make_zip: MakeZip) -> None:
    (table,) = open_tables(detect(make_zip({f"\\{name}": content for name, content in WHOLE.items()})), Bounds())
    assert table.member == "multimedia.txt"


def test_a_member_without_a_name(make_zip: MakeZip) -> None:
    data = make_zip({**WHOLE, "x": ""}).read_bytes()
    at = data.rindex(b"PK\x01\x02")
    directory = data[at : at + 28] + struct.pack("<H", 0) + data[at + 30 : at + 46]
    end = bytearray(data[data.rindex(b"PK\x05\x06") :])
    end[12:16] = struct.pack("<I", struct.unpack("<I", end[12:16])[0] - 1)
    path = make_zip(WHOLE)
    path.write_bytes(data[:at] + directory + bytes(end))
    assert [table.member for table in open_tables(detect(path), Bounds())] == ["multimedia.txt"]


async def test_zip_bombs(make_zip: MakeZip, tmp_path: Path) -> None:
    """One that says how much it holds, one that lies, and one inside another."""
    bomb = {**WHOLE, "multimedia.txt": b"1\thttps://example.org/a.jpg\n" * 2_000_000}
    with pytest.raises(SourceError, match="times its packed size"):
        await ingested(make_zip(bomb), tmp_path / "job")
    lying = bytearray(make_zip(bomb).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = lying.rfind(signature)
        lying[at + offset : at + offset + 4] = struct.pack("<I", 1_000)
    path = tmp_path / "lying.zip"
    path.write_bytes(lying)
    with pytest.raises(SourceError):
        await ingested(path, tmp_path / "job 2")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("t.csv", bytes(20_000_000))
    with pytest.raises(SourceError, match="is a zip file inside an archive"):
        await ingested(make_zip({"inner.zip": inner.getvalue()}), tmp_path / "job 3")


@pytest.mark.parametrize(
    ("members", "says"),
    [
        pytest.param({"meta.xml": "", "multimedia.txt": "x"}, "meta.xml is broken", id="an empty meta.xml"),
        pytest.param({**WHOLE, "meta.xml": meta_xml()}, "describes no table", id="a meta.xml without tables"),
        pytest.param({**WHOLE, "meta.xml": '<!DOCTYPE a [<!ENTITY x "y">]>' + meta_xml(CORE_XML)}, "document type or entities", id="entities"),
        pytest.param({**WHOLE, "meta.xml": meta_xml(CORE_XML, CORE_XML, MEDIA_XML)}, "more than one core", id="two cores"),
        pytest.param({"meta.xml": meta_xml(CORE_XML, MEDIA_XML), "occurrence.txt": "id\tc\n"}, "does not hold", id="a table that is missing"),
        pytest.param({**WHOLE, "multimedia.txt": "id\tidentifier\n"}, "it has no rows", id="headings alone"),
        pytest.param({**WHOLE, "multimedia.txt": ""}, "it has no rows", id="nothing in it"),
        pytest.param({**WHOLE, "multimedia.txt": "id\tidentifier\n1\t\n2\t\n"}, "no row of it has a link to an image; 2 times", id="no link"),
        pytest.param({**WHOLE, "meta.xml": meta_xml(CORE_XML, MEDIA_XML.replace('index="1"', 'index="40"'))}, "no row of it", id="a field beyond"),
        pytest.param({**WHOLE, "meta.xml": meta_xml(CORE_XML, MEDIA_XML.replace("UTF-8", "EBCDIC-9"))}, "unknown encoding", id="an encoding"),
        pytest.param({"page.html": "<html>not found</html>"}, "is a web page", id="a page"),
        pytest.param({"a.csv": "id,url\n", "b.csv": "id,url\n"}, "more than one file that may be the table", id="two tables"),
        pytest.param({}, "is an archive without any table", id="an empty zip"),
    ],
)  # fmt: skip
async def test_an_archive(make_zip: MakeZip, tmp_path: Path, members: dict[str, str | bytes], says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        await ingested(make_zip(members), tmp_path / "job")
    assert caught.value.todo
