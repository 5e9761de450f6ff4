"""ISO base media boxes (ISO/IEC 14496-12): HEIC, AVIF, CR3, JPEG XL, and JPEG 2000 (ITU-T T.800 annex I)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asyncdl.imaging.bytesource import ByteSource

CODESTREAM = b"\xff\x4f\xff\x51"
_CONTENT = frozenset({b"meta", b"moov", b"jxlc", b"jxlp"})
_MAX_BOXES = 100_000


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    content_offset: int
    end: int


def check(source: ByteSource) -> str | None:
    """Every top-level box inside the file, and one that holds or describes a picture."""
    kinds: set[bytes] = set()
    for box in _top_level(source):
        if isinstance(box, str):
            return box
        kinds.add(box.kind)
    return None if kinds & _CONTENT else "truncated"


def check_jp2(source: ByteSource) -> str | None:
    """Every box inside the file, and a codestream that begins and ends as one."""
    for box in _top_level(source):
        if isinstance(box, str):
            return box
        if box.kind == b"jp2c":
            return _check_codestream(source, box.content_offset)
    return "truncated"


def check_j2k(source: ByteSource) -> str | None:
    """A bare codestream that begins and ends as one."""
    return _check_codestream(source, 0)


def _check_codestream(source: ByteSource, offset: int) -> str | None:
    if source.read_at(offset, 4) != CODESTREAM:
        return "damaged"
    # Packet data cannot hold FF90 to FFFF (T.800 section B.10.1), so this is the end marker or nothing is.
    return None if source.rfind(b"\xff\xd9", offset) > 0 else "truncated"


def _top_level(source: ByteSource) -> Iterator[_Box | str]:
    position = 0
    for _ in range(_MAX_BOXES):
        lead = source.read_at(position, 16)
        if not lead:
            return
        if len(lead) < 8:
            yield "truncated"
            return
        size, header_bytes = int.from_bytes(lead[:4], "big"), 8
        if size == 1:
            size, header_bytes = int.from_bytes(lead[8:16], "big"), 16
        elif size == 0:  # the last box reaches to the end of the file
            size = source.size_bytes - position
        if size < header_bytes:
            yield "damaged"
            return
        if position + size > source.size_bytes:
            yield "truncated"
            return
        yield _Box(lead[4:8], position + header_bytes, position + size)
        position += size
    yield "damaged"
