"""Fetches one large file over as many connections as it takes, and gives it its name when it is whole.

Broken connections and overloaded servers are tried again, each time from where the part ends; a server that brings nothing any more is
given up after a bounded number of attempts, and the part stays for the next call. Redirects are followed by hand, each through the
gate of `web`. Time, randomness and sleep are passed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from asyncdl.errors import AsyncdlError, EnvironmentStops, SourceError
from asyncdl.resumable.part import Part, whole_file
from asyncdl.resumable.ranges import (
    Begins,
    Continues,
    Elsewhere,
    HasChanged,
    IsWhole,
    Meaning,
    NotNow,
    Refused,
    meaning_of,
    request_headers,
)
from asyncdl.resumable.values import FetchedFile, FetchStep, FetchTools, FirstAnswer, WantedFile
from asyncdl.retrying import Attempts, may_pass, remedy
from asyncdl.terminal import printable
from asyncdl.units import approximate_duration, approximate_size
from asyncdl.web import RequestFailure, Response

HEAD_BYTES: Final = 512
"""Of a body that are looked at before it is believed to be a file at all."""

WRITE_BYTES: Final = 1_048_576
"""Gathered before a thread is bothered with a write."""

MAX_STARTS: Final = 5
"""How often a file may turn out to be another one, and be begun again, within one call."""

_MAX_SAID_BYTES: Final = 2_000
_MAX_SAID_CHARS: Final = 200
_T = TypeVar("_T")


async def fetch_file(wanted: WantedFile, tools: FetchTools, watch: Callable[[FetchStep], None]) -> FetchedFile:
    """Have the file whole, fetching what is missing of it.

    Raises `SourceError` when the server does not give it or gives something else, `EnvironmentStops` when the disk has no room, the
    server is out of reach, or another process fetches the same file. What has come by then stays, and is continued by the next call.
    """
    if (whole := await _in_thread(partial(whole_file, wanted.folder, wanted.slot))) is not None:
        return FetchedFile(whole, whole.stat().st_size, 0)
    part = Part(wanted.folder, wanted.slot)
    await _in_thread(part.take)
    try:
        if part.have_bytes and part.note.url != wanted.url and not wanted.immutable:
            await _in_thread(part.forget)
        return await _Fetch(wanted, tools, part, watch).run()
    finally:
        if part.have_bytes == 0:
            part.discard()
        part.close()


def shown_url(url: str) -> str:
    """An address for people: without its query, which may hold what is nobody's business, and harmless in a terminal."""
    return printable(url.partition("?")[0])


class _Fetch:
    """One call of `fetch_file`."""

    def __init__(self, wanted: WantedFile, tools: FetchTools, part: Part, watch: Callable[[FetchStep], None]) -> None:
        self._wanted = wanted
        self._tools = tools
        self._part = part
        self._watch = watch
        self._attempts = Attempts(tools.policy, tools.random)
        self._most_bytes = part.have_bytes
        self._starts = 0
        self._fetched_bytes = 0

    async def run(self) -> FetchedFile:
        """Ask until the file is whole, then check it and give it its name."""
        while not self._complete():
            pause = await self._ask()
            if pause is not None:
                await self._tools.sleep(pause)
        path = await self._finished()
        return FetchedFile(path, self._part.have_bytes, self._fetched_bytes)

    def _complete(self) -> bool:
        part = self._part
        return part.have_bytes > 0 and part.have_bytes == part.note.version.total_bytes

    async def _ask(self) -> float | None:
        """Make one request (and follow its redirects); the pause before the next one, None for none."""
        before, retry_after = self._part.have_bytes, None
        try:
            meaning = await self._follow()
        except RequestFailure as failure:
            if not may_pass(failure.error):
                raise self._hopeless(failure) from failure
            trouble = failure.detail
        else:
            if isinstance(meaning, HasChanged):
                await self._start_over(meaning.why)
                return None
            if self._complete():
                return None
            trouble = "the connection ended early"
            if isinstance(meaning, NotNow):
                trouble, retry_after = f"the server answered with status {meaning.status}", meaning.retry_after_seconds
        finally:
            self._fetched_bytes += max(self._part.have_bytes - before, 0)
        return self._pause(trouble, retry_after)

    def _hopeless(self, failure: RequestFailure) -> AsyncdlError:
        kind = SourceError if failure.error == "invalid_url" else EnvironmentStops
        return kind(f"{self._place}: {printable(failure.detail)}", remedy(failure.error))

    def _pause(self, trouble: str, retry_after_seconds: float | None) -> float:
        brought = self._part.have_bytes > self._most_bytes
        self._most_bytes = max(self._most_bytes, self._part.have_bytes)
        seconds = self._attempts.next_pause_seconds(retry_after_seconds, brought=brought)
        if seconds is None:
            wait = f", and asks to be left alone for {approximate_duration(retry_after_seconds)}" if retry_after_seconds else ""
            raise EnvironmentStops(
                f"{self._place}: {trouble}{wait}",
                f"type the same command again later: it goes on behind {approximate_size(self._part.have_bytes)}",
            )
        self._say(f"{trouble}; again in {approximate_duration(seconds)}")
        return seconds

    async def _follow(self) -> Meaning:
        """One request and the redirects it leads through."""
        url = self._wanted.url
        part = self._part
        headers = request_headers(part.have_bytes, part.note.version, immutable=self._wanted.immutable)
        for _ in range(self._tools.max_redirects + 1):
            async with self._tools.web.get(url, headers=headers) as response:
                meaning = meaning_of(
                    response.status, response.headers, url, part.have_bytes, part.note.version, self._tools.clock.now().utc_ms
                )
                if not isinstance(meaning, Elsewhere):
                    await self._take(meaning, response)
                    return meaning
                url = meaning.url
        raise SourceError(f"{self._place} is redirected more than {self._tools.max_redirects} times", "name the file's own address")

    async def _take(self, meaning: Meaning, response: Response) -> None:
        """Read what an answer brings."""
        if isinstance(meaning, Refused):
            raise SourceError(f"{self._place}: the server answered with status {meaning.status}{await _said(response)}",
                              "look at the address")  # fmt: skip
        if isinstance(meaning, Begins | Continues) and response.content_encoding:
            raise SourceError(
                f"{self._place}: the server packs what it sends ({printable(response.content_encoding, 40)}), though asked not to",
                "download the file another way, and name it",
            )
        if isinstance(meaning, Begins):
            await self._begin(meaning, response)
        elif isinstance(meaning, Continues):
            await _in_thread(self._part.go_on)
            self._say(f"going on behind {approximate_size(self._part.have_bytes)}")
            await self._read(response.chunks(), b"")
        elif isinstance(meaning, IsWhole):
            await _in_thread(self._part.is_all)

    async def _begin(self, meaning: Begins, response: Response) -> None:
        """Look at the first bytes, then read the file from its beginning."""
        chunks, head = response.chunks(), bytearray()
        async for chunk in chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        if not head and response.length_known:
            raise SourceError(f"{self._place} is empty", "look at the address")
        answer = FirstAnswer(response.url, response.media_type, response.headers)
        if why := self._wanted.refuse(bytes(head), answer):
            raise SourceError(f"{self._place} {why}", "look at the address in a browser")
        expected, offered = self._wanted.expected_bytes, meaning.version.total_bytes
        if expected is not None and offered is not None and expected != offered:
            raise SourceError(
                f"{self._place}: the server offers {offered:,} bytes where {expected:,} were promised",
                "ask for the file anew, or tell the publisher",
            )
        if self._part.have_bytes:
            await self._start_over("the server sends the file from its beginning")
        version = replace(meaning.version, total_bytes=expected if offered is None else offered)
        await _in_thread(partial(self._part.begin, self._wanted.url, self._wanted.name(answer), version))
        await self._read(chunks, bytes(head))
        if response.length_known or version.total_bytes is None:
            await _in_thread(self._part.is_all)  # where nothing tells a whole body from a cut one, `check` has to

    async def _read(self, chunks: AsyncIterator[bytes], head: bytes) -> None:
        """Write the rest of a body; what has come is written even when the connection breaks."""
        held = bytearray(head)
        try:
            if len(held) >= WRITE_BYTES:
                await self._write(held)
            async for chunk in chunks:
                held += chunk
                if len(held) >= WRITE_BYTES:
                    await self._write(held)
        finally:
            await self._write(held)

    async def _write(self, held: bytearray) -> None:
        data = bytes(held)
        held.clear()
        await _in_thread(partial(self._part.append, data))
        self._say("")

    async def _start_over(self, why: str) -> None:
        self._starts += 1
        if self._starts > MAX_STARTS:
            raise SourceError(f"{self._place}: {why}, again and again", "try it later, or download the file another way")
        if self._part.have_bytes:
            self._say(f"{why}: starting over")
        await _in_thread(self._part.forget)

    async def _finished(self) -> Path:
        """Check the whole file and give it its name. What is no good is thrown away: going on with it would not make it better."""
        expected, have = self._wanted.expected_bytes, self._part.have_bytes
        try:
            if expected is not None and have != expected:
                raise SourceError(f"{self._place} has {have:,} bytes where {expected:,} were promised", "fetch it again")  # noqa: TRY301
            await _in_thread(partial(self._wanted.check, self._part.path))
        except SourceError:
            await _in_thread(self._part.discard)
            raise
        return await _in_thread(self._part.finish)

    @property
    def _place(self) -> str:
        return shown_url(self._wanted.url)

    def _say(self, words: str) -> None:
        self._watch(FetchStep(self._part.have_bytes, self._part.note.version.total_bytes, words))


async def _said(response: Response) -> str:
    """What a server says when it refuses, as one harmless line; empty when it says nothing readable."""
    if response.media_type not in {"text/plain", "application/json", ""}:
        return ""
    read = bytearray()
    try:
        async for chunk in response.chunks():
            read += chunk
            if len(read) >= _MAX_SAID_BYTES:
                break
    except RequestFailure:
        return ""
    text = " ".join(read[:_MAX_SAID_BYTES].decode("utf-8", "replace").split()).strip('"')
    return f": {printable(text, _MAX_SAID_CHARS)}" if text else ""


async def _in_thread(work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
