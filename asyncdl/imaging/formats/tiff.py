"""TIFF and its family (DNG, NEF, CR2, ARW, PEF): directories, and the strips and tiles they point to.

TIFF 6.0; BigTIFF as libtiff defines it; DNG 1.7. A hostile file is bounded three ways: directories read, entries
read, and values read, whatever its pointers say.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from asyncdl.imaging.bytesource import ByteSource

SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
MAKE, SUB_DIRECTORIES, DNG_VERSION = 271, 330, 50706
_STRIPS, _STRIP_BYTES, _SAMPLES = 273, 279, 277
_TILES, _TILE_BYTES = 324, 325
_JPEG, _JPEG_BYTES = 513, 514  # old-style JPEG, and previews of cameras

_ESSENTIAL = (BITS, 320, 347)  # without bits per sample, palette and JPEG tables there is no picture
_NATIVE_ORDER = "<" if sys.byteorder == "little" else ">"
_MAX_DIRECTORIES = 4096
_MAX_ENTRIES = 200_000
_MAX_VALUES = 4_000_000
_INTEGER_TYPES = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True, slots=True)
class _Dialect:
    order: str
    big: bool
    first_directory: int


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    count: int
    inline: bytes


@dataclass(slots=True)
class _Budget:
    directories: int = _MAX_DIRECTORIES
    entries: int = _MAX_ENTRIES
    values: int = _MAX_VALUES

    @property
    def spent(self) -> bool:
        return self.directories < 0 or self.entries < 0 or self.values < 0


@dataclass(frozen=True, slots=True)
class Directory:
    """One image file directory: its integer tags as numbers on demand, text tags as bytes."""

    source: ByteSource
    dialect: _Dialect
    entries: dict[int, _Entry]
    next_offset: int
    budget: _Budget = field(default_factory=_Budget)

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def values(self, tag: int) -> Sequence[int] | None:
        """The numbers of a tag; empty when the tag is absent or no integer, None when they lie outside the file."""
        entry = self.entries.get(tag)
        letter = _INTEGER_TYPES.get(entry.kind) if entry else None
        if entry is None or letter is None:
            return ()
        self.budget.values -= entry.count
        if self.budget.spent:
            return ()
        content = self._content(entry)
        if content is None:
            return None
        numbers = array(letter, content)  # a slide scan has a million tiles: no object per number
        if self.dialect.order != _NATIVE_ORDER:
            numbers.byteswap()
        return numbers

    def number(self, tag: int) -> int:
        """The first number of a tag, 0 without one."""
        return next(iter(self.values(tag) or ()), 0)

    def text(self, tag: int) -> str:
        """The text of an ASCII tag, empty without one."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind != 2 or entry.count > 256:
            return ""
        return (self._content(entry) or b"").partition(b"\0")[0].decode("ascii", "replace").strip()

    def _content(self, entry: _Entry) -> bytes | None:
        size = entry.count * _TYPE_BYTES[entry.kind]
        if size <= len(entry.inline):
            return entry.inline[:size]
        (offset,) = struct.unpack(self.dialect.order + ("Q" if self.dialect.big else "I"), entry.inline)
        content = self.source.read_at(offset, size) if offset + size <= self.source.size_bytes else b""
        return content if len(content) == size else None


def check(source: ByteSource) -> str | None:
    """Every directory, strip and tile inside the file, and at least one with picture data."""
    dialect = _dialect(source)
    if dialect is None:
        return "truncated" if source.size_bytes < 16 else "damaged"
    budget = _Budget()
    waiting, seen, has_picture = [dialect.first_directory], {0}, False
    while waiting:
        offset = waiting.pop()
        if offset in seen:  # a loop, or two pointers to one directory
            continue
        seen.add(offset)
        directory = _directory(source, dialect, offset, budget)
        if directory is None:
            return "truncated"
        below = directory.values(SUB_DIRECTORIES)
        if below is None or any(directory.values(tag) is None for tag in _ESSENTIAL):
            return "truncated"
        waiting += [directory.next_offset, *below]
        extent = _picture_end(directory)
        if budget.spent:
            return "damaged"
        if extent is None or extent > source.size_bytes:
            return "truncated"
        has_picture = has_picture or extent > 0
    return None if has_picture else "damaged"


def first_directory(source: ByteSource) -> Directory | None:
    """The first directory, None when this is no TIFF or when it lies outside what can be read."""
    dialect = _dialect(source)
    return _directory(source, dialect, dialect.first_directory, _Budget()) if dialect else None


def dimensions(source: ByteSource, *, largest: bool = False) -> tuple[int, int] | None:
    """Width and height of the first page, or (`largest`, for raw files) of the largest picture of the first page."""
    first = first_directory(source)
    if first is None:
        return None
    pages = [first]
    if largest:
        below = (first.values(SUB_DIRECTORIES) or ())[:64]
        pages += [page for at in below if (page := _directory(source, first.dialect, at, first.budget))]
    sizes = [(page.number(WIDTH), page.number(HEIGHT)) for page in pages]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return (width, height) if width and height else None


def _dialect(source: ByteSource) -> _Dialect | None:
    head = source.read_at(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return None
    version, offset = struct.unpack_from(f"{order}HI", head, 2)
    if version == 42:
        return _Dialect(order, big=False, first_directory=offset)
    if version == 43 and len(head) == 16:
        return _Dialect(order, big=True, first_directory=struct.unpack_from(f"{order}Q", head, 8)[0])
    return None


def _directory(source: ByteSource, dialect: _Dialect, offset: int, budget: _Budget) -> Directory | None:
    count_format, entry_format, next_format = ("Q", "HHQ8s", "Q") if dialect.big else ("H", "HHI4s", "I")
    count_bytes, next_bytes = struct.calcsize(count_format), struct.calcsize(next_format)
    entry = struct.Struct(dialect.order + entry_format)
    lead = source.read_at(offset, count_bytes)
    if len(lead) < count_bytes:
        return None
    (count,) = struct.unpack(dialect.order + count_format, lead)
    budget.directories -= 1
    budget.entries -= count
    if budget.spent:
        return Directory(source, dialect, {}, 0, budget)
    body = source.read_at(offset + count_bytes, count * entry.size + next_bytes)
    if len(body) < count * entry.size:
        return None
    entries = {
        tag: _Entry(kind, number, inline)
        for tag, kind, number, inline in entry.iter_unpack(body[: count * entry.size])
        if kind in _TYPE_BYTES
    }
    # Some writers end the file right after the last entry; that is no reason to call it cut.
    tail = body[count * entry.size :].ljust(next_bytes, b"\0")
    return Directory(source, dialect, entries, struct.unpack(dialect.order + next_format, tail)[0], budget)


def _picture_end(directory: Directory) -> int | None:
    """The highest offset that picture data of a directory reaches; 0 without any, None when its lists are cut."""
    end = 0
    for offsets_tag, sizes_tag in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES), (_JPEG, _JPEG_BYTES)):
        offsets, sizes = directory.values(offsets_tag), directory.values(sizes_tag)
        if offsets is None or sizes is None:
            return None
        if offsets and not sizes:
            sizes = (_uncompressed_bytes(directory),) if len(offsets) == 1 else (1,) * len(offsets)
        # A size of 0 marks a tile that was never written: its offset says nothing.
        end = max(end, max((at + size for at, size in zip(offsets, sizes, strict=False) if size), default=0))
    return end


def _uncompressed_bytes(directory: Directory) -> int:
    if directory.number(COMPRESSION) not in {0, 1}:
        return 1
    row_bits = directory.number(WIDTH) * (directory.number(BITS) or 1) * (directory.number(_SAMPLES) or 1)
    return max(1, (row_bits + 7) // 8 * directory.number(HEIGHT))
