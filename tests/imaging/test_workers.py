"""The pool with real processes. A named pipe stands for a file whose decoding does not end: opening it for writing
waits until the worker has opened it too, so a test knows that the worker is on that very file."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from asyncdl.demo.dng import dng_bytes
from asyncdl.errors import EnvironmentStops
from asyncdl.imaging import Decoded, DecodeFailure, DecodeLimits, DecodePool, process, workers
from tests.imaging.pictures import encode, png_header

PHOTO = encode("JPEG")
WHOLE = Decoded("jpg", "image/jpeg", 640, 480)
PATIENT = DecodeLimits(wall_seconds=60)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo"
    path.write_bytes(PHOTO)
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    path = tmp_path / "endless"
    os.mkfifo(path)
    return path


async def busy_on(endless: Path) -> BinaryIO:
    """The writing end, once a worker has begun to read."""
    return await asyncio.wait_for(asyncio.to_thread(endless.open, "wb"), 30)


def the_process(pool: DecodePool) -> int:
    (number,) = pool.process_ids
    return number


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


async def test_every_kind_of_file_gets_its_own_answer(tmp_path: Path, photo: Path) -> None:
    bodies = {
        "cut": (PHOTO[:-500], "jpg", "truncated"),
        "zeroed": (PHOTO[:20_000] + bytes(20_000) + PHOTO[40_000:], "jpg", "damaged"),
        "bomb": (png_header(65535, 65535), "png", "too_many_pixels"),
        "page": (b"<html>", "png", "not_an_image"),
    }
    async with DecodePool(2, PATIENT) as pool:
        for name, (body, extension, error) in bodies.items():
            (tmp_path / name).write_bytes(body)
            result = await pool.decode(tmp_path / name, extension)
            assert isinstance(result, DecodeFailure)
            assert result.error == error
        (tmp_path / "raw").write_bytes(dng_bytes(1))
        assert await pool.decode(tmp_path / "raw", "dng") == Decoded("dng", "image/x-adobe-dng", 128, 96, "raw_unprocessed")
        assert await pool.decode(photo, "jpg") == WHOLE
        assert await pool.decode(tmp_path / "missing", "jpg") == DecodeFailure(
            "local_io", f"FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path / 'missing'}'"
        )


async def test_many_files_at_once_are_all_answered_by_a_few_processes(photo: Path) -> None:
    async with DecodePool(2, PATIENT, window_files=3) as pool:
        results = await asyncio.gather(*(pool.decode(photo, "jpg") for _ in range(100)))
        assert results == [WHOLE] * 100
        assert 1 <= len(pool.process_ids) <= 2


async def test_no_process_without_work() -> None:
    async with DecodePool(2) as pool:
        assert not pool.process_ids


async def test_a_relative_path_is_the_callers(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photo.parent)
    async with DecodePool(1, PATIENT) as pool:
        assert await pool.decode(Path("photo"), "jpg") == WHOLE


async def test_a_file_that_takes_too_long_costs_only_itself(endless: Path, photo: Path) -> None:
    async with DecodePool(1, DecodeLimits(wall_seconds=0.5)) as pool:
        slow = asyncio.create_task(pool.decode(endless, "jpg"))
        others = [asyncio.create_task(pool.decode(photo, "jpg")) for _ in range(6)]
        assert await slow == DecodeFailure("decode_crashed", "the decoder took longer than 0.5 s")
        assert await asyncio.gather(*others) == [WHOLE] * 6


async def crash(pool: DecodePool, endless: Path, number: signal.Signals) -> int:
    """End the process that reads the pipe, and wait until it is gone."""
    with await busy_on(endless):
        victim = the_process(pool)
        handle = os.pidfd_open(victim)
        os.kill(victim, number)
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, gone.set)
    await asyncio.wait_for(gone.wait(), 30)
    asyncio.get_running_loop().remove_reader(handle)
    os.close(handle)
    return victim


async def test_a_crash_costs_only_the_file_that_caused_it(endless: Path, photo: Path) -> None:
    async with DecodePool(1, PATIENT) as pool:
        assert await pool.decode(photo, "jpg") == WHOLE
        first = asyncio.create_task(pool.decode(endless, "jpg"))
        others = [asyncio.create_task(pool.decode(photo, "jpg")) for _ in range(6)]
        victim = await crash(pool, endless, signal.SIGSEGV)
        assert await first == DecodeFailure("decode_crashed", "the decoder was ended by SIGSEGV")
        assert await asyncio.gather(*others) == [WHOLE] * 6
        assert the_process(pool) != victim


async def test_a_process_killed_from_outside_costs_nothing_the_first_time(endless: Path, photo: Path) -> None:
    async with DecodePool(1, PATIENT) as pool:
        unlucky = asyncio.create_task(pool.decode(endless, "jpg"))
        other = asyncio.create_task(pool.decode(photo, "jpg"))
        await crash(pool, endless, signal.SIGKILL)
        with await busy_on(endless) as pipe:
            pipe.write(PHOTO)
        assert await unlucky == WHOLE
        assert await other == WHOLE


async def test_a_file_whose_process_is_killed_twice_is_given_up(endless: Path, photo: Path) -> None:
    async with DecodePool(1, PATIENT) as pool:
        unlucky = asyncio.create_task(pool.decode(endless, "jpg"))
        other = asyncio.create_task(pool.decode(photo, "jpg"))
        await crash(pool, endless, signal.SIGKILL)
        await crash(pool, endless, signal.SIGKILL)
        assert await unlucky == DecodeFailure("decode_crashed", "the decoder was ended by SIGKILL")
        assert await other == WHOLE


async def test_a_process_that_cannot_even_end_itself_is_ended(endless: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.2)
    async with DecodePool(1, DecodeLimits(wall_seconds=1)) as pool:
        stuck = asyncio.create_task(pool.decode(endless, "jpg"))
        with await busy_on(endless):
            os.kill(the_process(pool), signal.SIGSTOP)
        assert await stuck == DecodeFailure("decode_crashed", "the decoder did not answer for 1.2 s")
        assert await pool.decode(photo, "jpg") == WHOLE


async def test_memory_is_bounded(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "large").write_bytes(png_header(40_000, 40_000))
    async with DecodePool(1, DecodeLimits(max_pixels=1 << 40, memory_bytes=700 << 20)) as pool:
        assert await pool.decode(tmp_path / "large", "png") == DecodeFailure("decode_crashed", "out of memory")
        assert await pool.decode(photo, "jpg") == WHOLE


async def test_a_process_is_replaced_after_so_many_files(photo: Path) -> None:
    seen: set[int] = set()
    async with DecodePool(1, DecodeLimits(files_per_worker=3), window_files=2) as pool:
        for _ in range(7):
            assert await pool.decode(photo, "jpg") == WHOLE
            seen |= pool.process_ids
        assert await asyncio.gather(*(pool.decode(photo, "jpg") for _ in range(8))) == [WHOLE] * 8
    assert len(seen) >= 3
    assert not any(map(is_alive, seen))


async def test_a_cancelled_caller_leaves_the_pool_in_order(endless: Path, photo: Path) -> None:
    async with DecodePool(1, PATIENT) as pool:
        callers = [asyncio.create_task(pool.decode(endless, "jpg")) for _ in range(3)]
        with await busy_on(endless) as pipe:  # the first is being read, the others wait in the queue
            for caller in callers:
                caller.cancel()
            results = await asyncio.gather(*callers, return_exceptions=True)
            assert all(isinstance(result, asyncio.CancelledError) for result in results)
            pipe.write(PHOTO)
        assert await pool.decode(photo, "jpg") == WHOLE


async def leave(pool: DecodePool, endless: Path, leaving: Callable[[], None]) -> DecodeFailure | Decoded:
    seen: set[int] = set()
    outstanding: asyncio.Task[Decoded | DecodeFailure] | None = None
    try:
        async with pool:
            outstanding = asyncio.create_task(pool.decode(endless, "jpg"))
            with await busy_on(endless):
                seen |= pool.process_ids
                leaving()
    finally:
        assert seen
        assert not any(map(is_alive, seen))
    return await outstanding


async def test_leaving_ends_the_processes_and_answers_who_waits(endless: Path) -> None:
    left = await leave(DecodePool(2, PATIENT), endless, lambda: None)
    assert left == DecodeFailure("cancelled", "the run stopped before the file was decoded")


async def test_leaving_by_an_exception_ends_the_processes(endless: Path) -> None:
    def fail() -> None:
        raise LookupError("the run failed")

    with pytest.raises(LookupError):
        await leave(DecodePool(1, PATIENT), endless, fail)


async def test_when_no_process_starts_everyone_who_waits_is_told(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_SECONDS_BETWEEN_STARTS", 0)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with DecodePool(1, window_files=2) as pool:
        results = await asyncio.gather(*(pool.decode(photo, "jpg") for _ in range(12)), return_exceptions=True)
        assert all(isinstance(result, EnvironmentStops) for result in results)
        with pytest.raises(EnvironmentStops):
            await pool.decode(photo, "jpg")


def test_the_process_that_downloads_loads_no_decoder() -> None:
    code = "import asyncdl.imaging, sys; print(*{'PIL', 'numpy', 'rawpy', 'simplejpeg'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, timeout=30, check=True)
    assert done.stdout.strip() == b""
