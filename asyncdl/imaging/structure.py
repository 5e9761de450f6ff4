"""Whether a body is whole by its container: lengths, end markers, offsets. Cheap, and blind to damage inside.

One table from extension to format module. Nothing here decodes, and nothing reads a large file as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from asyncdl.imaging.bytesource import ByteSource, FileSource, MemorySource
from asyncdl.imaging.formats import bmp, boxes, gif, jpeg, png, raf, tiff, webp
from asyncdl.imaging.sniff import Sniffed

_CHECKS: dict[str, Callable[[ByteSource], str | None]] = {
    "jpg": jpeg.check,
    "png": png.check,
    "gif": gif.check,
    "webp": webp.check,
    "bmp": bmp.check,
    "jp2": boxes.check_jp2,
    "j2k": boxes.check_j2k,
    "raf": raf.check,
    **dict.fromkeys(("heic", "avif", "jxl", "cr3"), boxes.check),
    **dict.fromkeys(("tif", "dng", "nef", "cr2", "arw", "pef", "srw"), tiff.check),
    # RW2, ORF, CRW, X3F, MRW: their layouts are the makers' secrets; only a decoder can judge them.
}
_DIMENSIONS: dict[str, Callable[[ByteSource], tuple[int, int] | None]] = {
    "jpg": jpeg.dimensions,
    "png": png.dimensions,
    "gif": gif.dimensions,
    "webp": webp.dimensions,
    "bmp": bmp.dimensions,
    "tif": tiff.dimensions,
    **dict.fromkeys(("dng", "nef", "cr2", "arw", "pef", "srw"), partial(tiff.dimensions, largest=True)),
}


def check_structure(file: BinaryIO, size_bytes: int, sniffed: Sniffed) -> str | None:
    """None when the container is whole, else `truncated`, `damaged`, `empty_body` or `not_an_image`."""
    return _check(FileSource(file, size_bytes), sniffed)


def check_structure_bytes(body: bytes | bytearray | memoryview, sniffed: Sniffed) -> str | None:
    """`check_structure` of a body in memory."""
    return _check(MemorySource(body), sniffed)


def dimensions(file: BinaryIO, size_bytes: int, sniffed: Sniffed) -> tuple[int, int] | None:
    """Width and height in pixels as the headers announce them; None when they are not cheap to know."""
    return _dimensions(FileSource(file, size_bytes), sniffed)


def dimensions_bytes(body: bytes | bytearray | memoryview, sniffed: Sniffed) -> tuple[int, int] | None:
    """`dimensions` of a body in memory."""
    return _dimensions(MemorySource(body), sniffed)


def _check(source: ByteSource, sniffed: Sniffed) -> str | None:
    if not source.size_bytes:
        return "empty_body"
    if sniffed.kind in {"text", "unknown"}:
        return "not_an_image"
    check = _CHECKS.get(sniffed.extension)
    return check(source) if check else None


def _dimensions(source: ByteSource, sniffed: Sniffed) -> tuple[int, int] | None:
    measure = _DIMENSIONS.get(sniffed.extension)
    return measure(source) if measure else None
