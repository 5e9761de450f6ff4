"""The answer to one request: its head as values, its body as chunks, and the patience we have with the server.

Made by `web` only. The server's clock runs while we wait for its bytes and at no other time, so that neither
our own bandwidth ceilings nor a slow disk of ours is ever held against it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
from aiolimiter import AsyncLimiter
from multidict import CIMultiDict, CIMultiDictProxy

from asyncdl.request_failures import FOREIGN, RequestFailure, failure_of

MAX_CHUNK_BYTES = 65_536
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
_NO_BODY = frozenset((204, 304))


class Patience:
    """How long we wait for a body: stall, minimum speed after a grace, total. Seconds of the server's clock."""

    def __init__(
        self,
        *,
        stall_seconds: float,
        total_seconds: float,
        min_bytes_per_second: float,
        grace_seconds: float,
        waited_seconds: float,
    ) -> None:
        self._stall = stall_seconds
        self._total = total_seconds
        self._min_speed = min_bytes_per_second
        self._grace = grace_seconds
        self._waited = waited_seconds
        self._window_began = waited_seconds
        self._window_bytes = 0

    def next_wait_seconds(self) -> float:
        """How long the next chunk may take."""
        return max(min(self._stall, self._total - self._waited), 0.0)

    def too_late(self) -> RequestFailure:
        """The failure to raise when the next chunk did take longer."""
        if self._total - self._waited <= self._stall:
            return RequestFailure("timeout", f"the answer took longer than {self._total:g} s (total)")
        return RequestFailure("timeout", f"no more bytes for {self._stall:g} s (stall)")

    def arrived(self, size_bytes: int, waited_seconds: float) -> None:
        """Count a chunk; raises `RequestFailure` when the bytes of a whole grace period came too slowly."""
        self._waited += waited_seconds
        self._window_bytes += size_bytes
        elapsed = self._waited - self._window_began
        if elapsed < self._grace:
            return
        if self._window_bytes < self._min_speed * elapsed:
            speed = self._window_bytes / elapsed
            raise RequestFailure("timeout", f"{speed:.0f} bytes/s where {self._min_speed:g} are asked for (minimum speed)")
        self._window_began = self._waited
        self._window_bytes = 0


class Response:
    """One answer. `url` is what was asked; texts are as received but for bytes that are no UTF-8.

    `length_known` is False for a body that ends where the connection does: nothing in HTTP then tells a
    whole body from a cut one. `content_encoding` is empty unless the server compressed in spite of us;
    bodies are never unpacked. `keeps_connection`: whether the server would take another request on it (RFC 9112, 9.3).
    `latency_seconds`: from the end of the connection's set-up to the head of the answer.
    """

    __slots__ = (
        "_answer", "_limiters", "_patience", "charset", "content_encoding", "content_length", "headers", "http_version",
        "keeps_connection", "latency_seconds",
        "length_known", "media_type", "received_bytes", "status", "url",
    )  # fmt: skip

    def __init__(
        self,
        answer: aiohttp.ClientResponse,
        url: str,
        patience: Patience,
        limiters: tuple[AsyncLimiter, ...],
        latency_seconds: float,
    ) -> None:
        self.latency_seconds = latency_seconds
        self.received_bytes = 0
        self._answer = answer
        self._patience = patience
        self._limiters = limiters
        self.url = url
        self.status = answer.status
        self.headers = _readable(answer.headers)
        self.http_version = f"{answer.version.major}.{answer.version.minor}" if answer.version else ""
        wishes = {wish.strip().lower() for wish in self.headers.get("Connection", "").split(",")}
        self.keeps_connection = "close" not in wishes and (self.http_version == "1.1" or "keep-alive" in wishes)
        content_type = self.headers.get("Content-Type", "")
        charset = _CHARSET.search(content_type)
        self.media_type = content_type.partition(";")[0].strip().lower()
        self.charset = charset[1].lower() if charset else None
        encoding = self.headers.get("Content-Encoding", "").strip().lower()
        self.content_encoding = "" if encoding == "identity" else encoding
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        length = self.headers.get("Content-Length", "")
        self.content_length = int(length) if length.isascii() and length.isdigit() and not chunked else None
        self.length_known = chunked or self.content_length is not None or self.status in _NO_BODY

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces of at most 64 KiB, as fast as the server and our ceilings allow.

        Raises `RequestFailure`: `truncated` when fewer bytes came than announced, `connection_broken` or
        `protocol_error` for other breaks, `timeout` for the deadlines. How much is read is the caller's to bound.
        """
        while chunk := await self._next_chunk():
            self.received_bytes += len(chunk)
            for limiter in self._limiters:
                await _pass(limiter, len(chunk))
            yield chunk

    async def _next_chunk(self) -> bytes:
        content = self._answer.content
        try:
            chunk = content.read_nowait(MAX_CHUNK_BYTES)
            if chunk or content.at_eof():
                self._patience.arrived(len(chunk), 0.0)
                return chunk
            loop = asyncio.get_running_loop()
            began = loop.time()
            async with asyncio.timeout(self._patience.next_wait_seconds()) as deadline:
                chunk = await content.read(MAX_CHUNK_BYTES)
        except FOREIGN as exc:
            if isinstance(exc, TimeoutError) and deadline.expired():
                raise self._patience.too_late() from exc
            raise self._broken(exc) from exc
        if chunk:
            self._patience.arrived(len(chunk), loop.time() - began)
        return chunk

    def _broken(self, exc: Exception) -> RequestFailure:
        if isinstance(exc, aiohttp.ClientPayloadError) and self.content_length is not None:
            return RequestFailure(
                "truncated", f"the body broke off; {self.content_length} bytes were announced, {self.received_bytes} read"
            )
        return failure_of(exc)


async def _pass(limiter: AsyncLimiter, size_bytes: int) -> None:
    """Wait until the ceiling lets `size_bytes` through; more than one second's worth goes in parts."""
    left = float(size_bytes)
    while left > 0:
        part = min(left, limiter.max_rate)
        await limiter.acquire(part)
        left -= part


def _readable(headers: CIMultiDictProxy[str]) -> CIMultiDictProxy[str]:
    """The headers as text that can be stored: values that are no UTF-8 are read as Latin-1."""
    if all(value.isascii() for value in headers.values()):
        return headers
    return CIMultiDictProxy(CIMultiDict((name, _latin_1(value)) for name, value in headers.items()))


def _latin_1(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value
