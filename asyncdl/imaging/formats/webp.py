"""WebP: the RIFF container and its chunks (RFC 9649)."""

from __future__ import annotations

from asyncdl.imaging.bytesource import ByteSource

_PICTURES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_MAX_CHUNKS = 100_000


def check(source: ByteSource) -> str | None:
    """The announced RIFF size is there, its chunks fill it, and one of them holds a picture."""
    head = source.read_at(0, 12)
    if len(head) < 12:
        return "truncated"
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        return "damaged"
    end = 8 + int.from_bytes(head[4:8], "little")
    if end > source.size_bytes:
        return "truncated"
    position, has_picture = 12, False
    for _ in range(_MAX_CHUNKS):
        if position + 8 > end:
            return None if has_picture else "damaged"
        chunk = source.read_at(position, 8)
        size = int.from_bytes(chunk[4:], "little")
        if position + 8 + size > end:
            return "damaged"
        has_picture = has_picture or chunk[:4] in _PICTURES
        position += 8 + size + (size & 1)
    return "damaged"


def dimensions(source: ByteSource) -> tuple[int, int] | None:
    """Width and height of the canvas, from whichever of the three kinds of first chunk is there."""
    head = source.read_at(0, 30)
    if len(head) < 30:
        return None
    if head[12:16] == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[12:16] == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head[12:16] == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width = int.from_bytes(head[26:28], "little") & 0x3FFF
        height = int.from_bytes(head[28:30], "little") & 0x3FFF
        return (width, height) if width and height else None
    return None
