"""A store on a temporary file, proved consistent at the end of each test that uses it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asyncdl.store import Store
from tests.store.makers import consistent, new_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await new_store(tmp_path) as opened:
        yield opened
        await consistent(opened)
