"""Bytes at an offset, from memory or from a file: what the format modules read.

Every read is clipped to what is there and says so by being short; nothing here knows a format. A file is
read where asked and never taken into memory as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

_WINDOW_BYTES = 1 << 18


class ByteSource(Protocol):
    """Random access to a body of known length."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole body."""
        ...

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer, or none, where the body ends earlier."""
        ...

    def rfind(self, pattern: bytes, start: int) -> int:
        """Offset of the last occurrence of `pattern` at or after `start`; -1 without one."""
        ...


class MemorySource:
    """A body that is in memory."""

    __slots__ = ("_data", "size_bytes")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = data if isinstance(data, bytes) else bytes(data)
        self.size_bytes = len(self._data)

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`."""
        return self._data[offset : offset + size]

    def rfind(self, pattern: bytes, start: int) -> int:
        """Offset of the last occurrence of `pattern` at or after `start`; -1 without one."""
        return self._data.rfind(pattern, start)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A body on disk: an open, seekable file and its length."""

    file: BinaryIO
    size_bytes: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`."""
        if offset >= self.size_bytes:
            return b""
        self.file.seek(offset)
        return self.file.read(min(size, self.size_bytes - offset))

    def rfind(self, pattern: bytes, start: int) -> int:
        """Offset of the last occurrence of `pattern` at or after `start`, searched backwards window by window."""
        end = self.size_bytes
        while end > start:
            begin = max(start, end - _WINDOW_BYTES)
            # A window reaches a little into the next one, so that a pattern across the border is seen.
            found = self.read_at(begin, end - begin + len(pattern) - 1).rfind(pattern)
            if found >= 0:
                return begin + found
            end = begin
        return -1
