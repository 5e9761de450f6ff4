from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import asyncdl
from asyncdl.demo.museum import Museum
from asyncdl.errors import CollectionError, CollectionLocked, EnvironmentStops, SourceError, UsageError
from asyncdl.events import Event, ImageSaved

QUICK: dict[str, Any] = {
    "allow_private": "127.0.0.0/8",
    "host_rate": "0",
    "host_connections": "4",
    "retry_delays": "0s",
    "wait": "0s",
    "durability": "none",
}


def links(folder: Path, *urls: str) -> Path:
    path = folder / "links.txt"
    path.write_text("".join(f"{url}\n" for url in urls))
    return path


async def test_from_an_archive_to_files(tmp_path: Path) -> None:
    async with Museum(scale=0.05, delay_factor=0.0, enforce_limits=False) as museum:
        archive = tmp_path / "archive.zip"
        museum.write_archive(archive)
        root = tmp_path / "herbarium"
        made = await asyncdl.ingest_sources(root, archive)
        assert made is not None
        assert made.sources[0].images_new > 0
        assert await asyncdl.ingest_sources(root, archive) is None
        seen: list[Event] = []
        report = await asyncdl.run(asyncdl.open_collection(root), watch=seen.append, **QUICK)
    assert isinstance(report, asyncdl.RunReport)
    assert report.total == report.done + report.waiting + report.given_up + report.failed
    files = [path for path in (root / "files").rglob("*") if path.is_file()]
    assert report.done == report.saved_now == len(files) == sum(isinstance(event, ImageSaved) for event in seen)
    assert report.done > 20
    assert f"{report.done:,} of {report.total:,} images done" in report.line()


async def test_a_cancelled_run_goes_on(tmp_path: Path) -> None:
    async with Museum(scale=0.05, delay_factor=0.0, enforce_limits=False) as museum:
        archive = tmp_path / "archive.zip"
        museum.write_archive(archive)
        await asyncdl.ingest_sources(tmp_path / "herbarium", archive, format="dwca")
        collection = asyncdl.open_collection(tmp_path / "herbarium")
        saved = asyncio.Event()
        task = asyncio.create_task(
            asyncdl.run(collection, watch=lambda event: saved.set() if isinstance(event, ImageSaved) else None, **QUICK)
        )
        await asyncio.wait_for(saved.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = await asyncdl.run(collection, **QUICK)
    assert len([path for path in (collection.files).rglob("*") if path.is_file()]) == again.done


async def test_trouble_is_said_as_the_commands_say_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        await asyncdl.ingest_sources(tmp_path / "none", tmp_path / "missing.zip")
    with pytest.raises(CollectionError):
        asyncdl.open_collection(tmp_path)
    root = tmp_path / "pictures"
    await asyncdl.ingest_sources(root, links(tmp_path, "http://images.museum.org/1.jpg"), format="urls")
    collection = asyncdl.open_collection(root)
    with pytest.raises(EnvironmentStops, match="no contact address"):
        await asyncdl.run(collection)
    with pytest.raises(UsageError, match="host_rat"):
        await asyncdl.run(collection, host_rat="1/s")
    with collection.lock(), pytest.raises(CollectionLocked):
        await asyncdl.run(collection)


def test_every_name_that_is_promised_is_there() -> None:
    for name in asyncdl.__all__:
        assert getattr(asyncdl, name) is not None
    assert not hasattr(asyncdl, "nothing_of_the_kind")


def test_the_package_itself_is_light() -> None:
    """Decode workers import the package; they must not pay for sockets and databases."""
    code = "import sys, asyncdl; print(*sorted({'aiohttp', 'aiosqlite', 'duckdb', 'rich', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout.strip() == ""
