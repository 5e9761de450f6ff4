"""Whether a body is the image it is taken for: type by content, whole by structure, whole by decoding.

Sniffing and structure are cheap and run here; whatever decodes untrusted bytes runs in the pool's worker processes. The server's
Content-Type is believed only where it announces a page and the bytes are no image.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from asyncdl.blobs import LocalFault, Spool
from asyncdl.download.body import Body
from asyncdl.download.outcome import Failed, Outcome, Saved
from asyncdl.imaging import (
    DecodeFailure,
    DecodePool,
    Sniffed,
    announces_page,
    check_structure,
    check_structure_bytes,
    dimensions,
    dimensions_bytes,
    sniff,
    sniff_file,
    text_page,
)
from asyncdl.model import Evidence, ImageFacts

RAW_FLAG = "raw_unprocessed"


class Inspector:
    """Looks at bodies. Without a pool (`--validate structure`) pictures are not decoded."""

    def __init__(self, pool: DecodePool | None, max_pixels: int) -> None:
        self._pool = pool
        self._max_pixels = max_pixels

    async def inspect(self, body: Body) -> Outcome:
        """The image, or what is wrong with it; in the second case the spool is gone."""
        try:
            outcome = await self._judge(body)
        except LocalFault as fault:
            outcome = Failed(fault.error, Evidence(fault.detail))
        if isinstance(outcome, Failed):
            await body.spool.discard()
            took_ms = body.asked.took_ms if body.asked else None
            return replace(outcome, evidence=replace(outcome.evidence, took_ms=took_ms))
        return replace(outcome, asked=body.asked) if isinstance(outcome, Saved) else outcome

    async def _judge(self, body: Body) -> Outcome:
        spool = body.spool
        if spool.size_bytes == 0:
            return Failed("empty_body", Evidence("the answer has no bytes", 200, body.media_type))
        sniffed = await self._sniff(body)
        if sniffed.kind in ("text", "unknown"):
            return _no_image(body, sniffed)
        error, size = await self._structure(body, sniffed)
        if error is not None:
            return _failed(body, error, f"the {sniffed.extension} file of {spool.size_bytes} bytes is not whole by its structure")
        if size is not None and size[0] * size[1] > self._max_pixels:
            return _failed(body, "too_many_pixels", f"{size[0]} x {size[1]} pixels")
        if self._pool is not None:
            return await self._decode(self._pool, body, sniffed)
        flag = RAW_FLAG if sniffed.kind == "raw" else None
        width, height = size or (None, None)
        return Saved(ImageFacts(sniffed.extension, sniffed.media_type, width, height, flag), spool)

    async def _sniff(self, body: Body) -> Sniffed:
        sniffed = sniff(body.spool.head)
        if sniffed.extension == "tif":
            # Whether a TIFF is a raw file stands in its first directory, which may lie anywhere.
            return await asyncio.to_thread(_sniff_whole, body.spool)
        return sniffed

    async def _structure(self, body: Body, sniffed: Sniffed) -> tuple[str | None, tuple[int, int] | None]:
        spool = body.spool
        if spool.in_memory:
            return check_structure_bytes(spool.body(), sniffed), dimensions_bytes(spool.body(), sniffed)
        return await asyncio.to_thread(_structure_of_file, spool, sniffed)

    async def _decode(self, pool: DecodePool, body: Body, sniffed: Sniffed) -> Outcome:
        path = await body.spool.to_file()
        decoded = await pool.decode(path, sniffed.extension)
        if isinstance(decoded, DecodeFailure):
            return _failed(body, decoded.error, decoded.detail)
        return Saved(decoded, body.spool)


def _sniff_whole(spool: Spool) -> Sniffed:
    with spool.open() as file:
        return sniff_file(file, spool.size_bytes)


def _structure_of_file(spool: Spool, sniffed: Sniffed) -> tuple[str | None, tuple[int, int] | None]:
    with spool.open() as file:
        return check_structure(file, spool.size_bytes, sniffed), dimensions(file, spool.size_bytes, sniffed)


def _no_image(body: Body, sniffed: Sniffed) -> Failed:
    page = sniffed.kind == "text" or announces_page(body.media_type)
    error = "invalid_content_type" if page else "not_an_image"
    detail = f"{sniffed.media_type or 'unknown bytes'} instead of an image (announced as {body.media_type or 'nothing'})"
    text = text_page(body.spool.head, body.charset) if page else ""
    return Failed(error, Evidence(detail, 200, body.media_type, text, body.url))


def _failed(body: Body, error: str, detail: str) -> Failed:
    return Failed(error, Evidence(detail, 200, body.media_type, final_url=body.url))
