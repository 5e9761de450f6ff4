"""A source at an address: fetched into the collection, once, whatever comes between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang
from tests.gbif.fakegbif import FakeGbif, archive_of
from tests.scripted import ScriptedServer, answer

ENVIRONMENT, USAGE = 6, 2
LOOPBACK = ("--allow-private", "127.0.0.0/8")


@pytest_asyncio.fixture
async def gbif(origin: ScriptedServer) -> AsyncIterator[FakeGbif]:
    async with FakeGbif() as server:
        server.content = archive_of(hang(origin, "one", "two"), 4_000_000)
        yield server


@pytest.fixture
def address(gbif: FakeGbif) -> str:
    """An address that leads to the archive on another host."""
    return f"{gbif.base}/occurrence/download/request/{gbif.add({}, ['SUCCEEDED']).key}.zip"


def archives(collection: Path) -> list[str]:
    return sorted(path.name for path in (collection / "archives").iterdir())


def nothing_at(path: Path) -> bool:
    return not path.exists()


async def test_get_from_an_address_through_kills(gbif: FakeGbif, address: str, collection: Path) -> None:
    gbif.holds = [3_000_000]
    words = ("get", address, collection, *RUN)
    async with started(*words) as program:

        def arrived() -> int:
            return sum(part.stat().st_size for part in (collection / "archives").glob("*.part"))

        await program.until(lambda: arrived() >= 1_000_000, "has fetched a part")
        assert await program.kill()
    ended = await type_in(*words)
    assert ended.status == 0, ended.err
    assert (await status_of(collection))["images"]["success"] == 2
    name, note = archives(collection)
    assert (collection / "archives" / name).read_bytes() == gbif.content
    assert name.startswith("0000001-260101000000000-")
    assert note.endswith(".json")
    sent = [one.range for one in gbif.seen if one.path.startswith("/request/")]
    assert int(sent[-1].removeprefix("bytes=").rstrip("-")) >= 1_000_000
    asked = len(gbif.seen)
    again = await type_in(*words)
    assert (again.status, len(gbif.seen)) == (0, asked)
    assert "there already" in again.err


async def test_init_from_an_address_and_a_file(gbif: FakeGbif, address: str, collection: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("http://127.0.0.1:9/three.jpg\n")
    ended = await type_in("init", collection, address, tmp_path / "more.txt", *LOOPBACK)
    assert ended.status == 0, ended.err
    assert (await status_of(collection))["images"]["total"] == 3
    asked = len(gbif.seen)
    refused = await type_in("init", collection, f"{address}?again=1", *LOOPBACK)
    assert refused.status == USAGE
    assert "is a collection already" in refused.err
    assert len(gbif.seen) == asked  # nothing is fetched for a collection that stands


async def test_made_anew_from_an_address_nothing_is_fetched_again(gbif: FakeGbif, address: str, collection: Path) -> None:
    assert (await type_in("get", address, collection, *RUN)).status == 0
    asked = len(gbif.seen)
    ended = await type_in("init", collection, address, *LOOPBACK, "--reset")
    assert ended.status == 0, ended.err
    assert "there already" in ended.err
    assert "adopted again: 2 of 2 files" in ended.out
    assert (await status_of(collection))["images"]["success"] == 2
    assert len(gbif.seen) == asked
    (kept,) = (collection / "before").iterdir()
    assert not (kept / "archives").exists()


@pytest.mark.parametrize(
    ("content", "media_type", "says"),
    [
        (b"<!DOCTYPE html><title>Download</title>", "text/html", "is a web page, not an archive"),
        (b'\n{"message": "no such dataset"}', "application/json", "is JSON"),
        (b"<?xml version='1.0'?><error/>", "application/octet-stream", "is XML"),
        (b"", "application/zip", "is empty"),
        (b"\xff\xd8\xff\xe0 a picture", "image/jpeg", "is a JPEG picture"),
    ],
)
async def test_what_is_no_archive_is_told(
    origin: ScriptedServer, collection: Path, content: bytes, media_type: str, says: str
) -> None:
    url = origin.script("/archive.zip", answer(200, content, {"Content-Type": media_type}))
    ended = await type_in("init", collection, f"{url}?token=secret", *LOOPBACK)
    assert ended.status == USAGE
    assert says in ended.err
    assert "secret" not in ended.err
    assert not (collection / "asyncdl.sqlite").exists()


async def test_the_page_of_a_download_names_the_command_that_fetches_it(origin: ScriptedServer, collection: Path) -> None:
    page = origin.script("/occurrence/download/0012345-260101000000000", answer(200, b"<html>", {"Content-Type": "text/html"}))
    ended = await type_in("init", collection, page, *LOOPBACK)
    assert "`asyncdl gbif fetch 0012345-260101000000000`" in ended.err
    assert nothing_at(collection)


async def test_an_address_that_refuses_leaves_nothing_behind(origin: ScriptedServer, collection: Path) -> None:
    ended = await type_in("get", origin.url("/nothing.zip"), collection, *RUN)
    assert ended.status == USAGE
    assert "status 404" in ended.err
    assert nothing_at(collection)


async def test_the_server_cannot_choose_where_the_file_goes(origin: ScriptedServer, collection: Path) -> None:
    headers = {"Content-Disposition": 'attachment; filename="../../asyncdl.toml"', "Content-Type": "text/plain"}
    url = origin.script("/x", answer(200, hang(origin, "one")[0].encode() + b"\n", headers))
    ended = await type_in("init", collection, url, *LOOPBACK)
    assert ended.status == 0, ended.err
    assert any(name.startswith("asyncdl-") and name.endswith(".toml") for name in archives(collection))
    assert not (collection.parent / "asyncdl.toml").exists()
    assert not (collection / "asyncdl.toml").exists()


async def test_a_public_host_needs_a_contact_and_a_private_one_leave(origin: ScriptedServer, collection: Path) -> None:
    nobody = await type_in("init", collection, "https://downloads.museum-of-plants.org/archive.zip")
    assert nobody.status == ENVIRONMENT
    assert "no contact address is set" in nobody.err
    private = await type_in("init", collection, origin.url("/archive.zip"))
    assert private.status == ENVIRONMENT
    assert "loopback" in private.err
    assert "--allow-private" in private.err
    no_folder = collection.parent / "file"
    no_folder.write_text("thesis")
    refused = await type_in("init", no_folder, origin.url("/archive.zip"), *LOOPBACK)
    assert (refused.status, "is a file" in refused.err) == (USAGE, True)
    assert origin.requests == []
