"""Fuji RAF: the three areas its header names (as LibRaw and exiftool read them; Fuji publishes no specification)."""

from __future__ import annotations

import struct

from asyncdl.imaging.bytesource import ByteSource

SIGNATURE = b"FUJIFILMCCD-RAW "
_AREAS_OFFSET, _AREAS_BYTES = 84, 24


def check(source: ByteSource) -> str | None:
    """Preview, header and sensor data lie inside the file."""
    areas = source.read_at(_AREAS_OFFSET, _AREAS_BYTES)
    if len(areas) < _AREAS_BYTES:
        return "truncated"
    numbers = struct.unpack(">6I", areas)
    ends = (offset + size for offset, size in zip(numbers[::2], numbers[1::2], strict=True))
    return "truncated" if max(ends) > source.size_bytes else None
