"""A disk that is full: the run pauses and says so, goes on by itself when there is space, and costs no image an attempt.

The disk is a small tmpfs of our own, so these tests need Linux and the right to mount one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.holdings import ask, check_order, check_successes, images
from tests.e2e.program import RUN, Program, started, type_in
from tests.e2e.sources import list_of, photo
from tests.scripted import ScriptedServer, answer

ENVIRONMENT = 6
STOPPED = 3
PHOTOS = 40
IN_MEMORY, IN_FILES = ("--spool-memory", "1MB"), ("--spool-memory", "4kB")


class Disk:
    """A file system with its own limits."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mount(self, options: str) -> str:
        """Mount it; what went wrong, if anything did."""
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "asyncdl-test", self.path], capture_output=True, text=True, check=False
        )
        return done.stderr

    def enlarge(self) -> None:
        """Make room."""
        subprocess.run(["mount", "-o", "remount,size=64m,nr_inodes=10000", self.path], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Disk]:
    """A disk with the mount options that the test gives as parameter."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    made = Disk(tmp_path / "disk")
    made.path.mkdir()
    if trouble := made.mount(request.param):
        pytest.skip(f"no disk may be mounted here: {trouble.strip()}")
    try:
        yield made
    finally:
        made.unmount()


@pytest.fixture
def urls(origin: ScriptedServer) -> list[str]:
    """Forty photos of some 80 kB."""
    return [
        origin.script(f"/{n}.jpg", answer(200, photo(f"full disk {n}", motif=0, width=1_200, height=900))) for n in range(PHOTOS)
    ]


async def made_on(disk: Disk, urls: list[str]) -> Path:
    """A collection on that disk, of links that lie elsewhere."""
    collection = disk.path / "collection"
    ended = await type_in("init", collection, list_of(disk.path.parent / "links.txt", urls))
    assert ended.status == 0, ended.err
    return collection


async def is_paused(program: Program) -> None:
    await program.says("paused: disk_full: ")
    assert program.running


def check_nobody_paid(collection: Path) -> None:
    """Only what succeeded has cost an attempt; what the disk has cost is no failure of any image."""
    assert {image.attempts for image in images(collection) if image.status == "success"} <= {1}
    assert {(image.status, image.attempts) for image in images(collection) if image.status != "success"} <= {("pending", 0)}
    assert ask(collection, "SELECT count(*) FROM failures") == [(0,)]
    assert ask(collection, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize(
    ("disk", "spool"),
    [
        pytest.param("size=2m", IN_MEMORY, id="space, bodies in memory"),
        pytest.param("size=2m", IN_FILES, id="space, bodies in files", marks=pytest.mark.slow),
        pytest.param("nr_inodes=45", IN_FILES, id="inodes, bodies in files", marks=pytest.mark.slow),
        pytest.param("nr_inodes=45", IN_MEMORY, id="inodes, bodies in memory", marks=pytest.mark.slow),
    ],
    indirect=["disk"],
)
async def test_the_run_goes_on_by_itself_when_there_is_space_again(disk: Disk, urls: list[str], spool: tuple[str, ...]) -> None:
    collection = await made_on(disk, urls)
    async with started("run", collection, *RUN, *spool, "--no-preflight") as program:
        await is_paused(program)
        check_successes(collection)
        check_nobody_paid(collection)
        disk.enlarge()
        ended = await program.end(within=60)
    assert ended.status == 0, ended.err
    assert ended.last_line.startswith(f"{PHOTOS} of {PHOTOS} images done")
    assert check_order(collection) == PHOTOS
    check_nobody_paid(collection)


@pytest.mark.parametrize(
    ("disk", "spool"),
    [
        pytest.param("size=2m", IN_FILES, id="bodies in files"),
        pytest.param("size=2m", IN_MEMORY, id="bodies in memory", marks=pytest.mark.slow),
    ],
    indirect=["disk"],
)
async def test_a_disk_that_stays_full_ends_the_run_after_its_patience(disk: Disk, urls: list[str], spool: tuple[str, ...]) -> None:
    collection = await made_on(disk, urls)
    began = time.monotonic()
    ended = await type_in("run", collection, *RUN, *spool, "--storage-patience", "3s", "--grace", "2s")
    assert 3 <= time.monotonic() - began < 45
    assert ended.status == ENVIRONMENT, ended.err
    assert "paused: disk_full: " in ended.err
    assert re.search("No space left on device|disk or the quota is full|are kept free", ended.err)
    assert "nothing was lost" in ended.err
    assert ask(collection, "SELECT exit_status FROM runs") in ([(ENVIRONMENT,)], [(None,)])  # the disk may not even take that
    saved = check_successes(collection)
    check_nobody_paid(collection)
    disk.enlarge()
    rest = await type_in("run", collection, *RUN)
    assert rest.status == 0, rest.err
    assert check_order(collection) == PHOTOS > saved
    check_nobody_paid(collection)


@pytest.mark.parametrize("disk", ["size=300k"], indirect=True)
async def test_init_on_a_full_disk_says_so_and_goes_on_when_there_is_space(disk: Disk, tmp_path: Path) -> None:
    source = list_of(tmp_path / "long.txt", (f"http://127.0.0.1:9/photos/of/plants/{n}.jpg" for n in range(5_000)))
    collection = disk.path / "collection"
    ended = await type_in("init", collection, source)
    assert ended.status == ENVIRONMENT, ended.err
    assert "full" in ended.err or "No space left" in ended.err
    disk.enlarge()
    assert (await type_in("init", collection, source)).status == 0
    assert len(images(collection)) == 5_000
    assert check_order(collection) == 0


@pytest.mark.parametrize("disk", ["size=16m"], indirect=True)
async def test_a_job_that_cannot_fit_is_stopped_before_its_first_request(disk: Disk, origin: ScriptedServer) -> None:
    collection = await made_on(disk, [origin.url(f"/{n}.jpg") for n in range(2_000)])
    ended = await type_in("run", collection, *RUN)
    assert ended.status == ENVIRONMENT
    assert re.search(r"needs about 1\.\d\d GB \(.*\), and 1\d\.\d MB are free", ended.err)
    for way in ("larger disk", "--max-images", "--keep-free", "--no-preflight"):
        assert way in ended.err
    assert origin.requests == []
    part = await type_in("run", collection, *RUN, "--max-images", "3")
    assert part.status == STOPPED, part.err


@pytest.mark.parametrize("disk", ["nr_inodes=50"], indirect=True)
async def test_too_few_inodes_stop_it_too(disk: Disk, urls: list[str], origin: ScriptedServer) -> None:
    collection = await made_on(disk, urls)
    ended = await type_in("run", collection, *RUN)
    assert ended.status == ENVIRONMENT
    assert "needs 40 files" in ended.err
    assert origin.requests == []


@pytest.mark.parametrize("disk", ["size=64m"], indirect=True)
async def test_what_images_turn_out_to_weigh_stops_it_after_two_hundred(disk: Disk, origin: ScriptedServer) -> None:
    body = photo("heavy", motif=0, width=1_200, height=900)
    urls = [origin.script(f"/{n}.jpg", answer(200, body)) for n in range(1_500)]
    collection = await made_on(disk, urls)
    ended = await type_in("run", collection, *RUN, "--host-rate", "0", "--host-connections", "0", "--host-bandwidth", "0")
    assert ended.status == ENVIRONMENT, ended.err
    assert "it may not fit: needs about" in ended.err
    assert "images of this run" in ended.err
    saved = check_order(collection)
    assert 200 <= saved < 700
    check_nobody_paid(collection)
    assert ask(collection, "SELECT exit_status FROM runs") == [(ENVIRONMENT,)]


@pytest.mark.parametrize("disk", ["size=8m"], indirect=True)
async def test_a_reserve_is_kept_free(disk: Disk, urls: list[str]) -> None:
    collection = await made_on(disk, urls)
    async with started("run", collection, *RUN, "--keep-free", "5MB", "--rate", "15") as program:
        await program.says("paused: disk_full: ")
        assert "are kept free (--keep-free)" in program.err
        assert 0 < check_successes(collection) < PHOTOS
        disk.enlarge()
        ended = await program.end(within=60)
    assert ended.status == 0, ended.err
    assert check_order(collection) == PHOTOS
    check_nobody_paid(collection)
