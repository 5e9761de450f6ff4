from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from asyncdl.demo.museum import Museum
from tests.scripted import ScriptedServer


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Where a test makes its collection."""
    return tmp_path / "collection"


@pytest_asyncio.fixture
async def museum() -> AsyncIterator[Museum]:
    """A small museum with all its troubles, in less of a hurry than real ones."""
    async with Museum(scale=0.1, delay_factor=0.1) as opened:
        yield opened


@pytest.fixture
def archive(museum: Museum, tmp_path: Path) -> Path:
    """The archive of the museum."""
    return museum.write_archive(tmp_path / "archive.zip").path


@pytest_asyncio.fixture
async def elsewhere() -> AsyncIterator[ScriptedServer]:
    """Another scripted server: another host, that is another lane."""
    async with ScriptedServer() as server:
        yield server
