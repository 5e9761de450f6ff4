from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.scripted import ScriptedServer


@pytest.fixture
async def origin() -> AsyncIterator[ScriptedServer]:
    """A scripted server on 127.0.0.1."""
    async with ScriptedServer() as server:
        yield server
