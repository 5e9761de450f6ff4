"""The least that a downloader on aiohttp can do: workers that ask, stream the answer to a file, and rename it.

    python -m benchmarks.bare_loop LIST FOLDER

No check of what comes, no digest, no sync, no database, no limits, no retries. What `throughput.py` measures `asyncdl run` against.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp

WORKERS = 64
_CHUNK_BYTES = 262_144


async def work(session: aiohttp.ClientSession, urls: Iterator[tuple[int, str]], folder: str) -> None:
    """Fetch until the list is empty. Any failure ends the benchmark: nothing may fail here."""
    for number, url in urls:
        async with session.get(url) as answer:
            assert answer.status == 200, f"{url}: {answer.status}"
            part, final = f"{folder}/{number}.part", f"{folder}/{number // 1000:03d}/{number}.jpg"
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                async for chunk in answer.content.iter_any():
                    os.write(handle, chunk)
            finally:
                os.close(handle)
            os.rename(part, final)  # noqa: PTH104  a path object per file would be work of ours


async def download(urls: list[str], folder: Path) -> None:
    """All of them, by 64 workers over one session."""
    for thousand in range(len(urls) // 1000 + 1):
        (folder / f"{thousand:03d}").mkdir()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=_CHUNK_BYTES
    ) as session:
        numbered = enumerate(urls)
        await asyncio.gather(*(work(session, numbered, str(folder)) for _ in range(WORKERS)))


if __name__ == "__main__":
    asyncio.run(download(Path(sys.argv[1]).read_text("ascii").split(), Path(sys.argv[2])))
