"""Sources as people give them to the program: by a pipe, packed, and cut on the way."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from tests.e2e.program import status_of, type_in


async def test_an_archive_by_a_pipe_is_the_archive(archive: Path, collection: Path) -> None:
    by_name = collection.with_name("by name")
    assert (await type_in("init", by_name, archive)).status == 0
    ended = await type_in("init", collection, "-", typed=await asyncio.to_thread(archive.read_bytes))
    assert ended.status == 0, ended.err
    assert "stdin: copy:" in ended.err
    assert not any((collection / "scratch").iterdir())
    assert (await status_of(collection))["images"] == (await status_of(by_name))["images"]


@pytest.mark.parametrize("cut", [False, True])
async def test_a_packed_list_by_a_pipe(collection: Path, cut: bool) -> None:
    packed = gzip.compress("".join(f"https://example.org/{n * 7919 % 10007}.jpg\n" for n in range(5_000)).encode())
    ended = await type_in("init", collection, "-", typed=packed[:-9] if cut else packed)
    if cut:
        assert (ended.status, ended.err.count("standard input is cut or damaged")) == (2, 1)
    else:
        assert ended.status == 0, ended.err
        assert (await status_of(collection))["images"]["total"] == 5_000
