from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from asyncdl.demo.archive import MULTIMEDIA_COLUMNS, ArchiveSummary, write_archive
from asyncdl.demo.catalogue import Catalogue
from asyncdl.demo.rooms import build_catalogue

DWC_TEXT = "{http://rs.tdwg.org/dwc/text/}"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(42, 0.3)


@pytest.fixture(scope="module")
def summary(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> ArchiveSummary:
    path = tmp_path_factory.mktemp("archive") / "museum.zip"
    return write_archive(path, catalogue, lambda place: f"http://{place.host}.example{place.path}")


def table(summary: ArchiveSummary, name: str) -> tuple[list[str], list[list[str]]]:
    with zipfile.ZipFile(summary.path) as archive:
        text = archive.read(name).decode()
    assert text.endswith("\n")
    assert "\r" not in text
    header, *lines = (line.split("\t") for line in text[:-1].split("\n"))
    return header, lines


def test_its_members_are_those_of_a_gbif_download(summary: ArchiveSummary) -> None:
    with zipfile.ZipFile(summary.path) as archive:
        names = set(archive.namelist())
        ET.fromstring(archive.read("metadata.xml"))
    assert names == {"occurrence.txt", "multimedia.txt", "meta.xml", "metadata.xml", "rights.txt", "citations.txt"}


def test_meta_xml_describes_both_tables(summary: ArchiveSummary) -> None:
    with zipfile.ZipFile(summary.path) as archive:
        meta = ET.fromstring(archive.read("meta.xml"))
    for element, key in (("core", "id"), ("extension", "coreid")):
        part = meta.find(DWC_TEXT + element)
        assert part is not None
        attributes = (part.get("fieldsTerminatedBy"), part.get("linesTerminatedBy"), part.get("fieldsEnclosedBy"))
        assert (*attributes, part.get("ignoreHeaderLines")) == ("\\t", "\\n", "", "1")
        key_element = part.find(DWC_TEXT + key)
        assert key_element is not None
        assert key_element.get("index") == "0"
        header, _ = table(summary, part.findtext(f"{DWC_TEXT}files/{DWC_TEXT}location", ""))
        terms = [(field.get("term") or "").rpartition("/")[2] for field in part.findall(DWC_TEXT + "field")]
        assert terms == header


def test_rows_and_rejects_add_up(summary: ArchiveSummary, catalogue: Catalogue) -> None:
    header, rows = table(summary, "multimedia.txt")
    assert header == list(MULTIMEDIA_COLUMNS)
    widths = Counter(len(row) for row in rows)
    assert widths == {15: len(catalogue.rows), 16: 1, 9: 1}
    assert (summary.rows, summary.rejects_expected) == (len(rows), 2)
    assert Counter((int(row[0]), row[3]) for row in rows if len(row) == 15) == Counter(
        (row.gbif_id, f"http://{row.place.host}.example{row.place.path}") for row in catalogue.rows
    )


def test_records_add_up(summary: ArchiveSummary) -> None:
    _, occurrences = table(summary, "occurrence.txt")
    _, rows = table(summary, "multimedia.txt")
    ids = {row[0] for row in occurrences}
    assert len(ids) == len(occurrences) == summary.records + summary.records_without_media
    assert {row[0] for row in rows} <= ids
    assert len({row[0] for row in rows}) == summary.records


def test_manifest_rows_have_no_type(summary: ArchiveSummary) -> None:
    _, rows = table(summary, "multimedia.txt")
    untyped = [row for row in rows if not row[1]]
    assert len(untyped) == summary.manifests
    assert all("manifest" in row[3] for row in untyped)


def test_quotes_are_literal_and_names_keep_their_accents(summary: ArchiveSummary) -> None:
    _, rows = table(summary, "multimedia.txt")
    assert any(row[5].count('"') % 2 for row in rows)
    assert any("Ólafsdóttir" in row[10] for row in rows)


def test_images_add_up(summary: ArchiveSummary, catalogue: Catalogue) -> None:
    """Before expansion: what rows name. After it: the nine canvases are there and no waiting image is left."""
    assert summary.images_expected == len(catalogue.exhibits)
    bases = {
        (row.gbif_id, row.place.host, path.rsplit("/", 4)[0] if "/full/" in path else path.removesuffix("/manifest"))
        for row in catalogue.rows
        if row.place.host == "sheets"
        for path in [row.place.path.removesuffix(".json")]
    }
    elsewhere = sum(exhibit.place.host != "sheets" for exhibit in catalogue.exhibits)
    assert summary.images_at_ingest == elsewhere + len(bases)


def test_the_same_museum_writes_the_same_archive(summary: ArchiveSummary, catalogue: Catalogue, tmp_path: Path) -> None:
    again = write_archive(tmp_path / "again.zip", catalogue, lambda place: f"http://{place.host}.example{place.path}")
    assert again.path.read_bytes() == summary.path.read_bytes()
