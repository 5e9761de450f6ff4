"""PNG: the chain of chunks from IHDR to IEND (W3C PNG, third edition, section 5)."""

from __future__ import annotations

import zlib

from asyncdl.imaging.bytesource import ByteSource

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 1_000_000
_MAX_CHECKED_CHUNK_BYTES = 1 << 16  # larger ones are checked by length only


def check(source: ByteSource) -> str | None:
    """Every chunk inside the file, IHDR first, at least one IDAT, IEND; checksums of all small chunks but IDAT."""
    if source.read_at(0, 8) != SIGNATURE:
        return "truncated" if source.size_bytes < 8 else "damaged"
    position, has_pixels = 8, False
    for number in range(_MAX_CHUNKS):
        lead = source.read_at(position, 8)
        if len(lead) < 8:
            return "truncated"
        size, kind = int.from_bytes(lead[:4], "big"), lead[4:]
        if not kind.isalpha() or (number == 0) != (kind == b"IHDR"):
            return "damaged"
        end = position + 12 + size
        if end > source.size_bytes:
            return "truncated"
        if kind == b"IDAT":
            has_pixels = True
        elif size <= _MAX_CHECKED_CHUNK_BYTES and not _checksum_holds(source.read_at(position + 4, size + 8)):
            return "damaged"
        if kind == b"IEND":
            return None if has_pixels else "damaged"
        position = end
    return "damaged"


def dimensions(source: ByteSource) -> tuple[int, int] | None:
    """Width and height of IHDR."""
    lead = source.read_at(0, 24)
    if len(lead) < 24 or lead[12:16] != b"IHDR":
        return None
    width, height = int.from_bytes(lead[16:20], "big"), int.from_bytes(lead[20:24], "big")
    return (width, height) if width and height else None


def _checksum_holds(kind_data_sum: bytes) -> bool:
    return zlib.crc32(kind_data_sum[:-4]) == int.from_bytes(kind_data_sum[-4:], "big")
