from pathlib import Path

import pytest

from tests.legacy.trees import World, build


@pytest.fixture
async def world(tmp_path: Path) -> World:
    return await build(tmp_path)
