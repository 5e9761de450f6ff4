"""GIF: the blocks from the screen descriptor to the trailer (GIF89a specification, CompuServe 1990)."""

from __future__ import annotations

from asyncdl.imaging.bytesource import ByteSource

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_MAX_BLOCKS = 1_000_000
_TAIL_BYTES = 512


def check(source: ByteSource) -> str | None:
    """A screen descriptor, and the trailer after the last block; padding or junk after it is tolerated."""
    head = source.read_at(0, 13)
    if len(head) < 13:
        return "truncated"
    if head[:6] not in {b"GIF87a", b"GIF89a"}:
        return "damaged"
    tail = source.read_at(max(13, source.size_bytes - _TAIL_BYTES), _TAIL_BYTES).rstrip(b"\0\r\n ")
    # Almost every file ends in an empty sub-block and the trailer; only the others are walked block by block.
    return None if tail.endswith(b"\0;") else _walk(source, 13 + _table_bytes(head[10]))


def dimensions(source: ByteSource) -> tuple[int, int] | None:
    """Width and height of the logical screen."""
    head = source.read_at(0, 10)
    if len(head) < 10:
        return None
    width, height = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    return (width, height) if width and height else None


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _walk(source: ByteSource, position: int) -> str | None:
    pictures = 0
    for _ in range(_MAX_BLOCKS):
        kind = source.read_at(position, 1)
        if not kind:
            return "truncated"
        if kind[0] == _TRAILER:
            return None if pictures else "damaged"
        if kind[0] == _EXTENSION:
            position += 2
        elif kind[0] == _IMAGE:
            descriptor = source.read_at(position, 10)
            if len(descriptor) < 10:
                return "truncated"
            position += 11 + _table_bytes(descriptor[9])
            pictures += 1
        else:
            return "damaged"
        after = _after_sub_blocks(source, position)
        if isinstance(after, str):
            return after
        position = after
    return "damaged"


def _after_sub_blocks(source: ByteSource, position: int) -> int | str:
    for _ in range(_MAX_BLOCKS):
        size = source.read_at(position, 1)
        if not size:
            return "truncated"
        position += 1 + size[0]
        if not size[0]:
            return position
    return "damaged"
