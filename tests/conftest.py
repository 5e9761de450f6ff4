from __future__ import annotations

from collections.abc import AsyncIterator

import hypothesis
import pytest

from tests.scripted import ScriptedServer

# How long an example takes is the machine's business.
hypothesis.settings.register_profile("asyncdl", deadline=None)
hypothesis.settings.load_profile("asyncdl")


@pytest.fixture
async def origin() -> AsyncIterator[ScriptedServer]:
    """A scripted server on 127.0.0.1."""
    async with ScriptedServer() as server:
        yield server
