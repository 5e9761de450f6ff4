"""The whole path: an archive, or a list, to verified files; every image accounted for; nothing done twice."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from asyncdl.demo.archive import ArchiveSummary
from asyncdl.demo.catalogue import SUCCESS, Exhibit
from asyncdl.demo.museum import Museum
from asyncdl.errors import error_type_of_code
from tests.e2e.holdings import Image, ask, check_order, images
from tests.e2e.program import RUN, Ended, status_of, type_in
from tests.e2e.sources import hang, list_of, photo
from tests.scripted import ScriptedServer, answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Done:
    """A collection made of the museum's archive, after one run; the museum is still open."""

    museum: Museum
    summary: ArchiveSummary
    collection: Path
    initialised: Ended
    run: Ended


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def done(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Done]:
    place = tmp_path_factory.mktemp("path")
    async with Museum(scale=0.1, delay_factor=0.1) as museum:
        summary = museum.write_archive(place / "archive.zip")
        initialised = await type_in("init", place / "collection", summary.path)
        run = await type_in("run", place / "collection", *RUN, "--wait", "4s")
        yield Done(museum, summary, place / "collection", initialised, run)


def exhibit_of(museum: Museum, image: Image) -> Exhibit:
    exhibit = museum.exhibit_of(image.urls)
    assert exhibit is not None, f"nobody published {image.urls}"
    return exhibit


def came_to(image: Image) -> str:
    """What a client came to, in the museum's words."""
    if image.status == SUCCESS:
        return SUCCESS
    return "waiting" if image.error is None else error_type_of_code(image.error).name


async def test_init_says_what_it_found_and_what_to_type_next(done: Done) -> None:
    said = done.initialised.out
    assert done.initialised.status == 0
    assert f"{done.summary.rows} read" in said
    assert f"{done.summary.images_at_ingest} distinct, {done.summary.manifests} IIIF manifests" in said
    assert f"set aside {done.summary.rejects_expected} times" in said
    assert done.initialised.last_line.endswith(f"next: asyncdl run {done.collection}")


async def test_every_image_is_accounted_for(done: Done) -> None:
    left = {(str(exhibit.gbif_id), exhibit.place) for exhibit in done.museum.exhibits}
    for image in images(done.collection):
        exhibit = exhibit_of(done.museum, image)
        left.remove((image.record, exhibit.place))  # fails when a photo is there twice
        assert came_to(image) in exhibit.outcomes, f"{exhibit.place}: {came_to(image)}, not {exhibit.outcomes}"
        if image.status == SUCCESS:
            flag = None if image.error is None else error_type_of_code(image.error).name
            assert flag == exhibit.flag
    assert not left


async def test_files_are_what_the_museum_sent(done: Done) -> None:
    saved = check_order(done.collection)
    sent = {entry.sha256 for entry in done.museum.log if entry.sha256}
    held = {digest.hex() for (digest,) in ask(done.collection, "SELECT sha256 FROM files")}
    assert saved > 50
    assert held <= sent


async def test_the_best_size_of_each_photo_was_taken(done: Done) -> None:
    """Neither a thumbnail nor a twin with a cache buster was asked for where the full size was there."""
    asked = {(entry.host, entry.path) for entry in done.museum.log}
    assert not [path for host, path in asked if host == "herbarium" and path.endswith("_tn.jpg")]
    twins = [path for host, path in asked if host == "gallery" and "?v=" in path]
    plain = {path for host, path in asked if host == "gallery"}
    assert not [path for path in twins if path.partition("?")[0] in plain]


async def test_a_run_that_leaves_only_waiting_work_ends_with_7_and_says_until_when(done: Done) -> None:
    expected = [exhibit for exhibit in done.museum.exhibits if exhibit.expected == SUCCESS]
    assert done.run.status == 7
    assert "of 85 images done, 3 waiting, " in done.run.last_line
    assert f"next: asyncdl run {done.collection}" in done.run.last_line
    assert "next due " in done.run.last_line
    status = await status_of(done.collection)
    assert status["next_due_at"] is not None
    assert status["images"]["success"] >= len(expected)


async def test_status_adds_up(done: Done) -> None:
    status = await status_of(done.collection)
    counts = status["images"]
    assert counts["total"] == done.summary.images_expected == sum(counts[name] for name in counts if name != "total")
    records = status["records"]
    assert records["total"] == done.summary.records == sum(records[name] for name in records if name != "total")
    assert sum(host["total"] for host in status["hosts"]) == counts["total"]
    assert sum(status["by_error_type"].values()) == counts["failed"] + counts["exhausted"] + counts["retry"]
    assert status["flags"] == {"raw_unprocessed": 2}
    assert status["manifests"]["success"] == done.summary.manifests - 1
    assert status["last_run"]["exit_status"] == 7
    assert status["running"] is None


async def test_explain_tells_the_story_of_a_photo_and_of_a_page(done: Done) -> None:
    good = next(exhibit for exhibit in done.museum.exhibits if exhibit.place.host == "gallery")
    told = (await type_in("explain", done.collection, good.gbif_id, "--json")).json
    (image,) = [one for one in told["records"][0]["images"] if done.museum.exhibit_of(c["url"] for c in one["candidates"]) == good]
    (file,) = image["files"]
    assert image["status"] == "success"
    assert hashlib.sha256((done.collection / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    page = next(exhibit for exhibit in done.museum.exhibits if exhibit.outcomes == ("invalid_content_type",))
    said = await type_in("explain", done.collection, done.museum.url_of(page.place))
    assert said.status == 0
    assert "invalid_content_type" in said.out
    assert "accept our terms of use" in said.out


async def test_nine_canvases_of_one_manifest_are_nine_images(done: Done) -> None:
    nine = next(manifest for manifest in done.museum.catalogue.manifests.values() if len(manifest.canvases) == 9)
    found = [image for image in images(done.collection) if exhibit_of(done.museum, image).place in nine.canvases]
    assert len(found) == 9
    assert len({image.record for image in found}) == 1
    assert len({image.number for image in found}) == 9
    assert {image.status for image in found} == {"success"}


async def test_verify_agrees(done: Done) -> None:
    ended = await type_in("verify", done.collection, "--hash", "--db")
    assert ended.status == 0, ended.out + ended.err
    assert "rows and files agree" in ended.last_line


async def test_a_second_run_changes_nothing_and_asks_for_nothing_again(done: Done) -> None:
    before, asked, files = images(done.collection), len(done.museum.log), ask(done.collection, "SELECT * FROM files")
    ended = await type_in("run", done.collection, *RUN, "--wait", "0s")
    assert ended.status == 7
    assert images(done.collection) == before
    assert ask(done.collection, "SELECT * FROM files") == files
    assert len(done.museum.log) == asked


async def test_get_makes_a_collection_of_a_list_and_ends_with_0(tmp_path: Path) -> None:
    async with ScriptedServer() as origin:
        urls = hang(origin, "one", "two")
        urls.append(origin.script("/gone.jpg", answer(404, b"<html>no such sheet</html>", {"Content-Type": "text/html"})))
        source, collection = list_of(tmp_path / "links.txt", urls), tmp_path / "collection"
        ended = await type_in("get", source, collection, *RUN, "--contact", "curator@institute.edu")
        assert ended.status == 0, ended.err
        assert ended.last_line.startswith("2 of 3 images done, 0 waiting, 0 given up, 1 failed, mostly http_404")
        assert check_order(collection) == 2
        held = {digest for (digest,) in ask(collection, "SELECT sha256 FROM files")}
        assert held == {hashlib.sha256(photo(f"{origin.port}/{name}")).digest() for name in ("one", "two")}
        asked = len(origin.requests)
        assert 'contact = "curator@institute.edu"' in (collection / "asyncdl.toml").read_text()  # and needs not be typed again
        again = await type_in("get", source, collection, *RUN)
        assert again.status == 0
        assert again.last_line == ended.last_line
        assert len(origin.requests) == asked


async def test_get_reads_a_list_from_standard_input(tmp_path: Path) -> None:
    async with ScriptedServer() as origin:
        urls = hang(origin, "one", "two", "three")
        ended = await type_in("get", "-", tmp_path / "collection", *RUN, typed="\n".join(urls))
        assert ended.status == 0, ended.err
        assert ended.last_line.startswith("3 of 3 images done")
        assert check_order(tmp_path / "collection") == 3
