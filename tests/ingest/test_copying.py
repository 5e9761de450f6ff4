"""What comes by standard input, or is packed once more than can be read in place."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from asyncdl.collection import Collection
from asyncdl.errors import EnvironmentStops, SourceError
from asyncdl.ingest import Bounds, IngestProgress, SourceFormat, Stage, detect, ingest
from asyncdl.ingest.copying import copied
from asyncdl.ingest.tables import open_tables
from asyncdl.store import Store
from tests.ingest.conftest import CORE_XML, MEDIA_XML, meta_xml
from tests.ingest.ingesting import OPTIONS, ingested
from tests.ingest.test_tarballs import DWCA, made

LINK = "https://example.org/a.jpg"
MEMBERS = {"meta.xml": meta_xml(CORE_XML, MEDIA_XML), "occurrence.txt": "id\tc\n", "multimedia.txt": f"id\tidentifier\n1\t{LINK}\n"}
Feed = Callable[[bytes], None]


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    return lambda data: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def contents(folder: Path) -> dict[str, bytes]:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in MEMBERS.items():
            file.writestr(name, text)
    duckdb.execute(f"COPY (SELECT 1 AS id, '{LINK}' AS url) TO '{folder / 't.parquet'}' (FORMAT parquet)")
    table = f"id\turl\n1\t{LINK}\n".encode()
    return {
        "zip": zipped.getvalue(), "zip.gz": gzip.compress(zipped.getvalue()), "tgz": made(folder / "t.tgz", DWCA).read_bytes(),
        "parquet": (folder / "t.parquet").read_bytes(), "parquet.gz": gzip.compress((folder / "t.parquet").read_bytes()), "tsv": table,
        "tsv.gz": gzip.compress(table), "jsonl.gz": gzip.compress(f'{{"id": 1, "url": "{LINK}"}}\n'.encode()),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["zip", "zip.gz", "tgz", "parquet", "parquet.gz", "tsv", "tsv.gz", "jsonl.gz"])
async def test_everything_comes_by_standard_input_too(tmp_path: Path, feed: Feed, kind: str) -> None:
    feed(contents(tmp_path)[kind])
    found = await ingested("-", tmp_path / "job", [1])
    assert (found.source.name, found.images) == ("stdin", {1: [[LINK]]})


async def test_what_a_killed_copy_left_is_cleared_away(tmp_path: Path, feed: Feed) -> None:
    left = tmp_path / "job" / "scratch" / "ingest" / "source"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"PK\x03\x04")
    feed(contents(tmp_path)["zip"])
    assert (await ingested("-", tmp_path / "job", [1])).images == {1: [[LINK]]}


@pytest.mark.parametrize("kind", ["zip.gz", "parquet.gz"])
async def test_files_that_are_packed_once_more(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "source"
    path.write_bytes(contents(tmp_path)[kind])
    assert (await ingested(path, tmp_path / "job", [1])).images == {1: [[LINK]]}
    with pytest.raises(SourceError, match="unpack it"):
        open_tables(detect(path), Bounds())


async def test_a_copy_is_announced_and_what_can_be_read_in_place_is_not_copied(tmp_path: Path, feed: Feed) -> None:
    for kind, copies in (("zip", True), ("tsv.gz", False)):
        feed(contents(tmp_path)[kind])
        seen: list[IngestProgress] = []
        collection = Collection.create(tmp_path / kind)
        async with await Store.create(collection.db, {}) as store:
            await ingest(store, collection, [detect("-")], OPTIONS, seen.append)
        assert (Stage.COPY in {step.stage for step in seen}) is copies
        assert not any(collection.scratch.iterdir())


async def test_a_cut_archive_by_standard_input(tmp_path: Path, feed: Feed) -> None:
    feed(contents(tmp_path)["zip"][:-40])
    with pytest.raises(SourceError, match="stdin is a zip file that is cut or damaged"):
        await ingested("-", tmp_path / "job")
    feed(contents(tmp_path)["parquet"][:-40])
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        await ingested("-", tmp_path / "job 2")


def test_a_hint_is_for_the_table_in_an_archive(tmp_path: Path, feed: Feed) -> None:
    feed(contents(tmp_path)["zip"])
    assert detect("-", SourceFormat.CSV).table_format is SourceFormat.CSV


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_copy_leaves_some_of_the_disk(tmp_path: Path, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed(contents(tmp_path)["zip"])
    spec = detect("-")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(1_000, 900, 100))
    with pytest.raises(EnvironmentStops, match=r"has to be copied into .* the disk is nearly full"):
        list(copied(spec, tmp_path, Bounds()))
