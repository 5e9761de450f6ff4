"""BMP: header sizes and the extent of the pixels (Microsoft, Bitmap Storage and BITMAPV5HEADER)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from asyncdl.imaging.bytesource import ByteSource

HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})
_UNCOMPRESSED = frozenset({0, 3, 6})  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS
_HEAD_BYTES = 38


@dataclass(frozen=True, slots=True)
class _Header:
    pixels_offset: int
    width: int
    height: int
    bits: int
    compression: int
    pixels_bytes: int


def check(source: ByteSource) -> str | None:
    """The pixels announced by the header lie inside the file. The file size field is ignored: it is often wrong."""
    header = _read(source)
    if isinstance(header, str):
        return header
    if header.compression in _UNCOMPRESSED:
        needed = (header.width * header.bits + 31) // 32 * 4 * header.height
    else:
        needed = header.pixels_bytes
    return "truncated" if header.pixels_offset + needed > source.size_bytes else None


def dimensions(source: ByteSource) -> tuple[int, int] | None:
    """Width and height; a negative stored height means rows from the top."""
    header = _read(source)
    return None if isinstance(header, str) else (header.width, header.height)


def _read(source: ByteSource) -> _Header | str:
    head = source.read_at(0, _HEAD_BYTES)
    if len(head) < 26:
        return "truncated"
    pixels_offset, header_size = struct.unpack_from("<II", head, 10)
    if head[:2] != b"BM" or header_size not in HEADER_SIZES:
        return "damaged"
    if header_size == 12:
        width, height, _planes, bits = struct.unpack_from("<HHHH", head, 18)
        compression = pixels_bytes = 0
    elif len(head) < _HEAD_BYTES:
        return "truncated"
    else:
        width, height, _planes, bits, compression, pixels_bytes = struct.unpack_from("<iiHHII", head, 18)
    if width <= 0 or height == 0:
        return "damaged"
    return _Header(pixels_offset, width, abs(height), bits, compression, pixels_bytes)
