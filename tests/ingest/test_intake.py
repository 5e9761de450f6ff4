"""Rows that SQL takes and rows that Python takes are the same rows: the careful reader with `RowRules` is the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.intake import take
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rejects import RejectsFile
from asyncdl.ingest.rows import Identified, RowRules
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.sources import SourceFormat, SourceSpec, detect
from asyncdl.ingest.tables import open_tables
from asyncdl.ingest.tabular import BadRow
from asyncdl.ingest.texts import SaidTexts
from asyncdl.model import CandidateKind
from asyncdl.saidfiles import TEXTS, texts_of
from asyncdl.sourcerows import PHOTO_BORDER, URL_BORDER
from asyncdl.urls import resolve

OPTIONS = IngestOptions()
HEADER = ["gbifID", "type", "format", "identifier", "references", "title", "creator", "license", "rightsHolder"]
MEMORY_BYTES = 200_000_000


def taken(spec: SourceSpec, folder: Path) -> tuple[list[Any], list[Any], Tally]:
    """What the fast way makes of a source: its rows, its rejects, its account."""
    tally = Tally()
    parts = folder / "parts"
    parts.mkdir()
    with RowTable(folder / "rows", MEMORY_BYTES, 2) as rows, RejectsFile(folder / "rejects.tsv", 10_000) as rejects:
        said = SaidTexts(rows, parts)
        for number, table in enumerate(open_tables(spec, OPTIONS.bounds)):
            for _ in take(rows, said, table, number, OPTIONS, rejects, tally):
                pass
        taken = rows.execute(
            "SELECT member, line, nth, coalesce(CAST(record AS VARCHAR), name), record IS NULL, photos, coalesce(media_format, '') FROM rows"
        ).fetchall()
        texts = texts_of(rows.connection, parts, [row[:3] for row in taken])
        found = [(*row, *texts.get(row[:3], ("",) * len(TEXTS))) for row in taken]
        plain = [url for (url,) in rows.execute("SELECT photos FROM rows WHERE plain").fetchall()]
        rejects.flush()
        kept = rejects.path.read_text().splitlines()[1:] if rejects.path.exists() else []
    for url in plain:
        link = resolve(url)
        assert (link.url, link.host) == (url, url.split("/")[2])
        assert link.key
        assert link.kind is not CandidateKind.MANIFEST
    return sorted(found), sorted(line.split("\t")[:3] for line in kept), tally


def expected(spec: SourceSpec) -> tuple[list[Any], list[Any], Tally]:
    """What the reference makes of it."""
    rows: list[Any] = []
    rejects: list[Any] = []
    tally = Tally()
    for number, table in enumerate(open_tables(spec, OPTIONS.bounds)):
        reader, columns = table.open(OPTIONS.bounds)
        rules = RowRules(number, columns, OPTIONS.bounds, only_images=True, id_prefix=table.spec.id_prefix)
        for row in reader.rows():
            if table.spec.format is SourceFormat.URLS and not isinstance(row, BadRow) and row.cells[0].lstrip().startswith("#"):
                continue
            tally.rows_read += 1
            found = row.reason if isinstance(row, BadRow) else rules.interpret(row.line, row.cells)
            if isinstance(found, Identified):
                said = found.row
                photos = PHOTO_BORDER.join(URL_BORDER.join(photo) for photo in said.photos)
                texts = (said.licence, said.rights_holder, said.creator, said.references, said.title)
                rows.append(
                    (number, row.line, 0, str(found.record), isinstance(found.record, str), photos, said.media_format, *texts)
                )
                tally.rows_taken += 1
                tally.links += said.links
            elif found is None:
                tally.rows_without_media += 1
            else:
                tally.rows_rejected += 1
                rejects.append([table.member, str(row.line), str(found)])
    return sorted(rows), sorted(rejects), tally


def agree(spec: SourceSpec, folder: Path) -> None:
    rows, rejects, tally = taken(spec, folder)
    reference = expected(spec)
    assert rows == reference[0]
    assert rejects == reference[1]
    assert tally.counts() == reference[2].counts()


CELLS = st.sampled_from([
    "", " ", "a", " a", "a ", "Ä\u00a0b", "b\u00a0", "\u3000x", "O\u2019Neil", "tab\x0bin", "é" * 30, "x" * 2500, "pipe | pipe", "|", '"quoted"', 'in"side',
    "null", "NULL", "\\N", "CC0", "a,b", "a;b", "\u2028", "\x7f", "\x1f", "\ufeff",
])  # fmt: skip
LINKS = st.sampled_from([
    "", "https://example.org/a.jpg", "http://www.example.org/b.jpg?x=1&y=2", "https://example.org/c d.jpg", "https://example.org/%41.jpg",
    "https://iiif.example.org/iiif/2/x/full/max/0/default.jpg", "https://iiif.rbge.org.uk/herb/iiif/E1/manifest", "HTTPS://EXAMPLE.ORG/d.jpg",
    "https://example.org/a.jpg|https://example.org/b.jpg", "654355.jpg", "http://654355.jpg", "https://example.org:8080/e.jpg", "ftp://example.org/f.jpg",
    "https://inaturalist-open-data.s3.amazonaws.com/photos/1/original.jpg", "https://example.org/", "https://example.org/x.jpg?iiif=/y", "data:,x",
    " https://example.org/g.jpg", "https://example.org/manifest.json", "https://user@example.org/h.jpg", "https://exam_ple.org/i.jpg", "www.example.org/j.jpg",
])  # fmt: skip
IDS = st.sampled_from(
    [
        "1",
        "2",
        "0",
        "007",
        "-1",
        "+5",
        " 6",
        "1.0",
        "1e3",
        "1152921504606846975",
        "1152921504606846976",
        "9" * 19,
        "9" * 25,
        "",
        "urn:x:1",
        "é",
        "x" * 1500,
    ]
)
KINDS = st.sampled_from(
    [
        "",
        "StillImage",
        "Sound",
        "MovingImage",
        "InteractiveResource",
        "http://purl.org/dc/dcmitype/StillImage",
        "Text",
        "audio/mpeg",
        "image/jpeg",
        "stillimage ",
    ]
)
FORMATS = st.sampled_from(
    [
        "",
        "image/jpeg",
        "audio/mpeg",
        "application/ld+json",
        "jpeg",
        "video/mp4",
        "Image/PNG",
        "text/html",
        "Sound",
        "StillImage",
        "tiff, jpeg",
    ]
)
ROWS = st.tuples(IDS, KINDS, FORMATS, LINKS, LINKS, CELLS, CELLS, CELLS, CELLS)


@settings(max_examples=25)
@given(st.lists(ROWS, min_size=1, max_size=25), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_a_tab_separated_table(
    tmp_path_factory: pytest.TempPathFactory, rows: Sequence[tuple[str, ...]], end: str, headings: bool
) -> None:
    folder = tmp_path_factory.mktemp("intake")
    lines = ["\t".join(cells) for cells in rows]
    lines.insert(0, "1\tStillImage\timage/jpeg\thttps://example.org/first.jpg\t\t\t\t\t")
    text = end.join([*(["\t".join(HEADER)] if headings else []), *lines]) + end
    path = folder / "multimedia.txt"
    path.write_bytes(text.encode())
    agree(detect(path, id_column=None if headings else "1", url_column=None if headings else "4"), folder)


@settings(max_examples=25)
@given(st.lists(ROWS, min_size=1, max_size=25), st.sampled_from([",", ";"]), st.booleans())
def test_a_quoted_table(tmp_path_factory: pytest.TempPathFactory, rows: Sequence[tuple[str, ...]], mark: str, always: bool) -> None:
    folder = tmp_path_factory.mktemp("intake")

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if always or mark in cell or '"' in cell else cell

    first = ("1", "StillImage", "image/jpeg", "https://example.org/first.jpg", "", "two\nlines", "", "", "")
    lines = [mark.join(map(quoted, cells)) for cells in [HEADER, first, *rows]]
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", newline="")
    agree(detect(path), folder)


DAMAGE = [
    b"1\tStillImage\timage/jpeg\thttps://example.org/a.jpg\t\t\t\t\t",
    b"2\tStillImage\timage/jpeg\thttps://example.org/b.jpg\t\t\t\t",
    b"3\tStillImage\timage/jpeg\thttps://example.org/c.jpg\t\t\t\t\t\tmore",
    b"4\tStillImage\timage/jpeg\thttps://example.org/d.jpg\t\t\x00\t\t\t",
    b"5\tStillImage\timage/jpeg\thttps://example.org/e.jpg\t\t\xff\xfe\t\t\t",
    b"6\tStillImage\timage/jpeg\thttps://example.org/f.jpg\t\ta\rb\t\t\t",
    b"7\tStillImage\timage/jpeg\thttps://example.org/g.jpg\t\t" + b"x" * 1_500_000 + b"\t\t\t",
    b"8\tStillImage\timage/jpeg\thttps://example.org/h.jpg\t\t" + b"y" * 10_000_000 + b"\t\t\t",
    b"\x01\tStillImage\timage/jpeg\thttps://example.org/i.jpg\t\t\t\t\t",
    b"",
    b"9\tStillImage\timage/jpeg\t" + b"|".join(b"https://example.org/%d.jpg" % n for n in range(101)) + b"\t\t\t\t\t",
    b'10\tStillImage\timage/jpeg\thttps://example.org/j.jpg\t\t"open\t\t\t',
    b"11\tStillImage\timage/jpeg\thttps://example.org/k.jpg\t\tlast without a newline\t\t\t",
]


def test_damaged_rows_are_set_aside_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "multimedia.txt"
    path.write_bytes("\t".join(HEADER).encode() + b"\n" + b"\n".join(DAMAGE))
    agree(detect(path), tmp_path)
    rejects = [line.split("\t")[1:3] for line in (tmp_path / "rejects.tsv").read_text().splitlines()[1:]]
    assert ["3", "wrong_field_count"] in rejects
    assert ["9", "row_too_long"] in rejects
    assert ["12", "too_many_links"] in rejects


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "multimedia.txt"
    lines = ["\t".join(HEADER), *(f"{n}\tStillImage\t\thttps://example.org/{n}.jpg\t\tÄ{n}\t\t\t" for n in range(50)), "1\tshort"]
    path.write_text("\n".join(lines), encoding=encoding)
    agree(detect(path), tmp_path)


def test_a_list_of_links(tmp_path: Path) -> None:
    path = tmp_path / "links.txt"
    path.write_text(
        "https://example.org/a.jpg\n# a comment\n\n  \nhttps://example.org/b.jpg \nnot a link\n\thttps://example.org/c.jpg\n"
    )
    agree(detect(path, SourceFormat.URLS), tmp_path)


def test_a_real_archive(tmp_path: Path) -> None:
    agree(detect(Path(__file__).parents[1] / "data" / "dwca" / "nhm-escaped-quotes"), tmp_path)
