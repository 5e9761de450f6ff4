"""What servers send instead of a whole photo, or beside it, and what becomes of it: one run over all of it, then one look at each."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from asyncdl.demo.dng import dng_bytes
from asyncdl.demo.pictures import damaged_jpeg
from asyncdl.errors import error_type_of_code
from tests.e2e.holdings import Image, ask, check_order, images, unfinished_files
from tests.e2e.program import RUN, Ended, eventually, status_of, type_in
from tests.e2e.sources import list_of, photo, served
from tests.scripted import Act, Repeat, ScriptedServer, Step, answer, head

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = b"<!DOCTYPE html><html><head><title>Sorry</title></head><body><p>This collection is being moved.</p></body></html>"
WHOLE = photo("a photo to be cut", width=320, height=240)
RAW = dng_bytes(7, title="IMG_0007")
JPEG = {"Content-Type": "image/jpeg"}
MAX_ATTEMPTS = 3
ENDLESS = Repeat(bytes(20_000), times=600, pause_seconds=0.1)  # a minute of it

SCRIPTS: dict[str, tuple[tuple[Step, ...], ...]] = {
    # what each request of a path is answered with, the last again and again
    "/page.jpg": ((answer(200, PAGE, JPEG),),),
    "/error.json.jpg": ((answer(200, b'{"error": "no such image"}', JPEG),),),
    "/error.xml": ((answer(200, b'<?xml version="1.0"?><error>none</error>', {"Content-Type": "application/xml"}),),),
    "/noise.jpg": ((answer(200, bytes(range(256)) * 8, JPEG),),),
    "/empty-once.jpg": ((answer(200, b"", JPEG),), (served("late"),)),
    "/showimage.php": ((answer(200, photo("as a page"), {"Content-Type": "text/html; charset=utf-8"}),),),
    "/download": ((answer(200, photo("as bytes"), {"Content-Type": "application/octet-stream"}),),),
    "/wrong-name.png": ((answer(200, photo("as png")),),),
    "/cut.jpg": ((answer(200, WHOLE[: len(WHOLE) // 2], JPEG, length=len(WHOLE)), Act.CLOSE),),
    "/cut-once.jpg": ((answer(200, WHOLE[:1_000], length=len(WHOLE)), Act.RESET), (answer(200, WHOLE),)),
    "/cut-silently.jpg": ((head(200, JPEG), WHOLE[: len(WHOLE) // 2], Act.CLOSE),),
    "/damaged.jpg": ((answer(200, damaged_jpeg(3, "inside")),),),
    "/endless.jpg": ((head(200, JPEG), photo("endless"), ENDLESS),),
    "/announced.jpg": ((head(200, {"Content-Length": "12000000"}), photo("announced"), ENDLESS),),
    "/field/IMG_0007.DNG": ((answer(200, RAW, {"Content-Type": "image/x-adobe-dng"}),),),
    "/broken-once.jpg": ((answer(500, b"oops"),), (served("mended"),)),
    "/gone.jpg": ((answer(410, PAGE, {"Content-Type": "text/html"}),),),
    "/end.jpg": ((served("end"),),),
}
REDIRECTED = {"/end.jpg"}  # a link leads there over two hosts; it is no link itself


@dataclass(frozen=True, slots=True)
class Done:
    """One run over all the scripts above and some redirects. `began` and `ended_at` are monotonic seconds."""

    origin: ScriptedServer
    elsewhere: ScriptedServer
    collection: Path
    ended: Ended
    seconds: float

    def image(self, path: str) -> Image:
        return next(image for image in images(self.collection) if image.urls == (self.origin.url(path),))

    def came_to(self, path: str) -> tuple[str, str | None]:
        """Status and error, or flag."""
        image = self.image(path)
        return image.status, None if image.error is None else error_type_of_code(image.error).name

    def requests(self, path: str) -> int:
        return len(self.origin.requests_of(path))

    def file(self, path: str) -> Path:
        (row,) = ask(
            self.collection,
            "SELECT f.path FROM files AS f JOIN candidates AS c ON c.image = f.image WHERE c.url = ?",
            self.origin.url(path),
        )
        return self.collection / str(row[0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def done(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Done]:
    place = tmp_path_factory.mktemp("content")
    async with ScriptedServer() as origin, ScriptedServer() as elsewhere:
        for path, scripts in SCRIPTS.items():
            for steps in scripts:
                origin.script(path, *steps)
        origin.script("/start.jpg", answer(301, b"", {"Location": elsewhere.url("/middle.jpg")}))
        elsewhere.script("/middle.jpg", answer(307, b"", {"Location": origin.url("/end.jpg")}))
        origin.script("/round.jpg", answer(302, b"", {"Location": elsewhere.url("/about.jpg")}))
        elsewhere.script("/about.jpg", answer(302, b"", {"Location": origin.url("/round.jpg")}))
        for number, target in enumerate(("http://169.254.169.254/latest/meta-data", "http://[::1]:1/x.jpg", "file:///etc/passwd")):
            origin.script(f"/out{number}.jpg", answer(302, b"", {"Location": target}))
        paths = [*(SCRIPTS.keys() - REDIRECTED), "/start.jpg", "/round.jpg", "/out0.jpg", "/out1.jpg", "/out2.jpg"]
        source = list_of(place / "links.txt", sorted(origin.url(path) for path in paths))
        began = time.monotonic()
        words = ("--max-attempts", MAX_ATTEMPTS, "--max-bytes", "100kB", "--spool-memory", "2kB")
        ended = await type_in("get", source, place / "collection", *RUN, *words)
        yield Done(origin, elsewhere, place / "collection", ended, time.monotonic() - began)


async def test_all_of_it_comes_to_an_end(done: Done) -> None:
    assert done.ended.status == 0, done.ended.err
    assert done.seconds < 30
    assert check_order(done.collection) == 8
    assert unfinished_files(done.collection) == []
    await eventually(lambda: done.origin.open_connections == 0, "all connections are closed", within=5)


# -- pages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/page.jpg", "/error.json.jpg", "/error.xml"])
async def test_a_page_is_no_photo_whatever_it_is_called(done: Done, path: str) -> None:
    assert done.came_to(path) == ("failed", "invalid_content_type")
    assert done.requests(path) == 1


async def test_the_text_of_a_page_is_kept_as_evidence(done: Done) -> None:
    told = (await type_in("explain", done.collection, done.origin.url("/page.jpg"), "--json")).json
    image: dict[str, Any] = next(image for image in told["records"][0]["images"] if image["asked_for"])
    (failure,) = image["failures"]
    assert "This collection is being moved." in failure["page_text"]
    assert "<p>" not in failure["page_text"]
    assert (failure["http_status"], failure["media_type"]) == (200, "image/jpeg")
    said = (await type_in("explain", done.collection, done.origin.url("/page.jpg"))).out
    assert "This collection is being moved." in said


async def test_bytes_of_no_known_kind_are_no_image(done: Done) -> None:
    assert done.came_to("/noise.jpg") == ("failed", "not_an_image")


@pytest.mark.parametrize("path", ["/showimage.php", "/download", "/wrong-name.png"])
async def test_a_photo_is_known_by_its_bytes_whatever_the_server_says(done: Done, path: str) -> None:
    assert done.came_to(path) == ("success", None)
    assert done.file(path).suffix == ".jpg"


# -- bodies -----------------------------------------------------------------------------------------------------


async def test_a_cut_body_is_tried_again_and_given_up_after_max_attempts(done: Done) -> None:
    assert done.came_to("/cut.jpg") == ("exhausted", "truncated")
    assert done.requests("/cut.jpg") == MAX_ATTEMPTS
    assert (done.image("/cut.jpg").attempts, done.image("/cut.jpg").due) == (MAX_ATTEMPTS, None)


@pytest.mark.parametrize("path", ["/cut-once.jpg", "/empty-once.jpg", "/broken-once.jpg"])
async def test_what_went_wrong_once_is_whole_the_second_time(done: Done, path: str) -> None:
    assert done.came_to(path) == ("success", None)
    assert (done.requests(path), done.image(path).attempts) == (2, 2)


async def test_a_photo_cut_without_a_word_about_its_length_is_noticed(done: Done) -> None:
    assert done.came_to("/cut-silently.jpg") == ("exhausted", "truncated")


async def test_a_photo_damaged_inside_is_noticed_by_decoding_it(done: Done) -> None:
    assert done.came_to("/damaged.jpg")[1] in ("damaged", "damaged_at_source")


@pytest.mark.parametrize("path", ["/endless.jpg", "/announced.jpg"])
async def test_a_body_that_is_too_large_is_broken_off_early(done: Done, path: str) -> None:
    """The run ended, so the minute-long bodies were not waited for."""
    assert done.came_to(path) == ("failed", "too_large")
    assert done.requests(path) == 1


async def test_raw_files_are_kept_bit_by_bit_and_flagged(done: Done) -> None:
    assert done.came_to("/field/IMG_0007.DNG") == ("success", "raw_unprocessed")
    path = done.file("/field/IMG_0007.DNG")
    assert path.suffix == ".dng"
    assert path.read_bytes() == RAW
    digests = {digest for (digest,) in ask(done.collection, "SELECT sha256 FROM files")}
    assert hashlib.sha256(RAW).digest() in digests
    assert (await status_of(done.collection))["flags"] == {"raw_unprocessed": 1}


async def test_what_is_gone_is_not_asked_for_again(done: Done) -> None:
    assert done.came_to("/gone.jpg") == ("failed", "http_410")
    assert done.requests("/gone.jpg") == 1


# -- redirects --------------------------------------------------------------------------------------------------


async def test_redirects_are_followed_over_hosts(done: Done) -> None:
    assert done.came_to("/start.jpg") == ("success", None)
    assert done.file("/start.jpg").read_bytes() == photo("end")


async def test_a_circle_of_redirects_is_left(done: Done) -> None:
    assert done.came_to("/round.jpg") == ("failed", "too_many_redirects")
    assert done.requests("/round.jpg") == 1


async def test_redirects_to_reserved_addresses_and_odd_schemes_are_not_followed(done: Done) -> None:
    found = [done.came_to(f"/out{number}.jpg") for number in range(3)]
    assert found == [("failed", "forbidden_address"), ("failed", "forbidden_address"), ("failed", "invalid_url")]
