from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncdl.blobs import LocalFault, Spool, SpoolBudget, part_path
from asyncdl.blobs.spool import FLUSH_BYTES

BODY = bytes(range(256)) * 64  # 16 kB


@pytest.fixture
def budget() -> Iterator[SpoolBudget]:
    budget = SpoolBudget(10_000_000)
    yield budget
    assert budget.used_bytes == 0, "a spool kept memory of the budget"


def spool_in(folder: Path, budget: SpoolBudget, max_memory_bytes: int = 20_000) -> Spool:
    return Spool(part_path(folder, 7, 1), budget, max_memory_bytes)


async def fill(spool: Spool, body: bytes, chunk_bytes: int = 1_000) -> None:
    for start in range(0, len(body), chunk_bytes):
        await spool.write(body[start : start + chunk_bytes])


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def content(spool: Spool) -> bytes:
    with spool.open() as file:
        return file.read()


async def test_a_small_body_stays_in_memory(tmp_path: Path, budget: SpoolBudget) -> None:
    spool = spool_in(tmp_path, budget)
    await fill(spool, BODY)
    assert budget.used_bytes == len(BODY)
    await spool.finish()
    assert spool.in_memory
    assert (spool.size_bytes, spool.sha256) == (len(BODY), hashlib.sha256(BODY).digest())
    assert (spool.body(), content(spool)) == (BODY, BODY)
    assert files_in(tmp_path) == []
    await spool.discard()


@pytest.mark.parametrize("size_bytes", [20_001, 50_000, FLUSH_BYTES + 1, 3 * FLUSH_BYTES])
@pytest.mark.parametrize("chunk_bytes", [999, 65_536])
async def test_a_large_body_goes_to_its_file(tmp_path: Path, budget: SpoolBudget, size_bytes: int, chunk_bytes: int) -> None:
    body = os.urandom(size_bytes)
    spool = spool_in(tmp_path, budget)
    await fill(spool, body, chunk_bytes)
    await spool.finish()
    assert not spool.in_memory
    assert spool.sha256 == hashlib.sha256(body).digest()
    assert (spool.head, spool.tail) == (body[:4096], body[-4096:])
    assert content(spool) == spool.part.read_bytes() == body
    await spool.discard()
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("size_bytes", [0, 1, 4_095, 4_096, 4_097, 10_000])
async def test_head_and_tail_of_short_bodies(tmp_path: Path, budget: SpoolBudget, size_bytes: int) -> None:
    body = os.urandom(size_bytes)
    spool = spool_in(tmp_path, budget)
    await fill(spool, body, 700)
    await spool.finish()
    assert (spool.head, spool.tail) == (body[:4096], body[-4096:])
    await spool.discard()


@pytest.mark.parametrize("finished_before", [True, False])
async def test_a_body_in_memory_can_be_had_as_a_file(tmp_path: Path, budget: SpoolBudget, finished_before: bool) -> None:
    spool = spool_in(tmp_path, budget)
    await fill(spool, BODY)
    if finished_before:
        await spool.finish()
    path = await spool.to_file()
    assert path.read_bytes() == BODY
    assert await spool.to_file() == path
    assert spool.sha256 == hashlib.sha256(BODY).digest()
    assert budget.used_bytes == 0
    await spool.discard()


async def test_an_empty_body_has_a_file_when_asked_for_one(tmp_path: Path, budget: SpoolBudget) -> None:
    spool = spool_in(tmp_path, budget)
    assert (await spool.to_file()).read_bytes() == b""
    assert spool.sha256 == hashlib.sha256().digest()
    await spool.discard()


async def test_without_room_in_the_budget_bodies_go_to_their_files_and_nobody_waits(tmp_path: Path) -> None:
    budget = SpoolBudget(10_000)
    spools = [Spool(part_path(tmp_path, image, 1), budget, 20_000) for image in range(5)]
    async with asyncio.timeout(10):
        for _ in range(20):
            for spool in spools:
                await spool.write(b"x" * 1_000)
                assert budget.used_bytes <= 10_000
        for spool in spools:
            await spool.finish()
    assert all(content(spool) == b"x" * 20_000 for spool in spools)
    for spool in spools:
        await spool.discard()
    assert budget.used_bytes == 0


async def test_release_leaves_the_file(tmp_path: Path, budget: SpoolBudget) -> None:
    spool = spool_in(tmp_path, budget)
    await fill(spool, BODY)
    path = await spool.to_file()
    spool.release()
    assert path.exists()


async def test_discard_at_any_moment_and_again(tmp_path: Path, budget: SpoolBudget) -> None:
    for size_bytes in (0, 10, 30_000, FLUSH_BYTES * 2):
        spool = spool_in(tmp_path, budget)
        await fill(spool, b"x" * size_bytes)
        await spool.discard()
        await spool.discard()
        assert files_in(tmp_path) == []


async def test_discard_while_a_cancelled_write_is_still_running(
    tmp_path: Path, budget: SpoolBudget, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, go_on = threading.Event(), threading.Event()
    real_write = os.write

    def slow_write(handle: int, data: bytes) -> int:
        running.set()
        assert go_on.wait(10)
        return real_write(handle, data)

    monkeypatch.setattr(os, "write", slow_write)
    spool = spool_in(tmp_path, budget, 10)
    writing = asyncio.create_task(spool.write(b"x" * 100))
    await asyncio.to_thread(running.wait, 10)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    discarding = asyncio.create_task(spool.discard())
    await asyncio.sleep(0)
    go_on.set()
    await discarding
    assert files_in(tmp_path) == []


async def test_an_existing_file_or_link_is_never_written_to(tmp_path: Path, budget: SpoolBudget) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"keep")
    part_path(tmp_path, 7, 1).symlink_to(precious)
    spool = spool_in(tmp_path, budget, 10)
    with pytest.raises(LocalFault) as caught:
        await spool.write(b"x" * 100)
    assert caught.value.error == "local_io"
    assert precious.read_bytes() == b"keep"


async def test_a_full_disk_is_a_local_fault(tmp_path: Path, budget: SpoolBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    spool = spool_in(tmp_path, budget, 10)
    monkeypatch.setattr(os, "write", no_space)
    with pytest.raises(LocalFault) as caught:
        await spool.write(b"x" * 100)
    monkeypatch.undo()
    assert caught.value.error == "disk_full"
    assert "No space left" in caught.value.detail
    await spool.discard()
    assert files_in(tmp_path) == []


def test_part_names_come_from_numbers_only(tmp_path: Path) -> None:
    assert part_path(tmp_path, 12, 34) == tmp_path / "12-34.part"
    with pytest.raises(ValueError, match="format code"):
        part_path(tmp_path, "../x", 1)  # type: ignore[arg-type]


def test_the_budget_answers_at_once() -> None:
    budget = SpoolBudget(10)
    assert budget.take(10)
    assert not budget.take(1)
    budget.give_back(5)
    assert budget.take(5)
    with pytest.raises(AssertionError):
        budget.give_back(11)
