from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from asyncdl.demo.museum import Museum


@pytest_asyncio.fixture
async def museum() -> AsyncIterator[Museum]:
    """A small museum that dawdles nowhere and admits everything."""
    async with Museum(scale=0.1, delay_factor=0.0, enforce_limits=False) as opened:
        yield opened


@pytest_asyncio.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20), auto_decompress=False) as session:
        yield session
