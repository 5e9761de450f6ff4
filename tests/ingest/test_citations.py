from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from asyncdl.ingest.archive import ZipArchive
from asyncdl.ingest.citations import Citation, dataset_citations, source_citation, write_datasets
from asyncdl.ingest.options import Bounds
from asyncdl.sourcerows import SourceRows

DATA = Path(__file__).parents[1] / "data" / "dwca"
KEY = "6d1c3d4e-8f1e-4b7a-9a55-0c2d3e4f5a6b"


def eml(dataset: str, more: str = "", head: str = "") -> str:
    return f'{head}<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1"><dataset>{dataset}</dataset>{more}</eml:eml>'


DOWNLOAD = eml(
    "<alternateIdentifier>10.15468/DL.ABC123</alternateIdentifier><title>GBIF Occurrence Download</title>"
    "<project><title>not this</title></project><intellectualRights><para>CC BY-NC 4.0</para></intellectualRights>",
    "<additionalMetadata><metadata><gbif><citation>GBIF.org (2026)\n  Download</citation></gbif></metadata></additionalMetadata>",
)


def test_the_download_says_how_it_is_cited(make_zip: Callable[..., Path]) -> None:
    archive = ZipArchive(make_zip({"metadata.xml": DOWNLOAD, "rights.txt": "Dataset: x\nRights: y\n"}), Bounds())
    assert source_citation(archive) == Citation(
        "GBIF Occurrence Download", "10.15468/dl.abc123", "GBIF.org (2026) Download", "CC BY-NC 4.0"
    )


def test_texts_beside_the_metadata_serve_where_it_is_silent(make_zip: Callable[..., Path]) -> None:
    said = "Please cite: GBIF.org https://doi.org/10.15468/dl.xyz9.\n"
    archive = ZipArchive(make_zip({"citations.txt": said, "rights.txt": "CC0"}), Bounds())
    assert source_citation(archive) == Citation("", "10.15468/dl.xyz9", said.strip(), "CC0")


def test_datasets_are_written_by_their_keys(make_zip: Callable[..., Path], tmp_path: Path) -> None:
    members = {
        f"dataset/{KEY}.xml": eml("<title>Sheets\x85</title>"),
        "dataset/empty.xml": "",
        "dataset/a/b.xml": DOWNLOAD,
        "multimedia.txt": "",
    }
    archive = ZipArchive(make_zip(members), Bounds())
    assert write_datasets(tmp_path, dataset_citations(archive)) == 1
    assert json.loads((tmp_path / "datasets.json").read_text())[KEY]["title"] == "Sheets"
    assert SourceRows(tmp_path).datasets[KEY]["title"] == "Sheets"
    assert write_datasets(tmp_path, []) == 0
    assert not (tmp_path / "datasets.json").exists()


def test_entities_are_not_expanded_and_what_is_broken_is_left_out(make_zip: Callable[..., Path]) -> None:
    bomb = eml("<title>&a;</title>", head='<!DOCTYPE x [<!ENTITY a "boom">]>')
    for document in (bomb, "<eml", "\0", "<a/>"):
        assert source_citation(ZipArchive(make_zip({"metadata.xml": document}), Bounds())) == Citation()


def test_a_real_download_of_2013() -> None:
    archive = ZipArchive(DATA / "gbif-results.zip", Bounds())
    assert source_citation(archive).title == "GBIF Occurrence Download 0000006-130717145108713"
    datasets = dict(dataset_citations(archive))
    assert len(datasets) == 23
    assert datasets["197908d0-5565-11d8-b290-b8a03c50a862"].title == "Fishbase"
