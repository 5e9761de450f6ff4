"""The members of a tar file, packed or not, read in place.

A packed stream can only be read forwards, so it is given a place to seek to: forwards by reading on, backwards by beginning again. Members are asked
for in their order, so that listing and reading cost one pass each.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Final, cast

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import CHUNK_BYTES, below_root, check_member_name, common_root, file_chunks
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.packed import FETCH_AGAIN

MAX_MEMBERS: Final = 100_000
MAX_HEADER_BYTES: Final = 16_000_000
"""Of one extended header: what is read at once and is no member's content."""


class TarArchive:
    """A tar file. Raises `SourceError` for one that is cut, damaged or unsafe. Links, devices and sparse files in it are no members."""

    def __init__(self, path: Path, bounds: Bounds, name: str = "") -> None:
        self.name = name or path.name
        self._stream = Forwards(partial(file_chunks, str(path), bounds))
        self._infos: dict[str, tarfile.TarInfo] = {}
        try:
            self._tar = tarfile.open(fileobj=cast("IO[bytes]", self._stream), mode="r:")  # noqa: SIM115  it holds nothing open itself
            for info in self._tar:
                if len(self._infos) >= MAX_MEMBERS:
                    raise SourceError(f"{self.name} holds more than {MAX_MEMBERS} files", "unpack it, and name the file or folder")
                if info.isreg() and not info.issparse():
                    check_member_name(info.name)
                    self._infos[info.name.removeprefix("./")] = info
        except (tarfile.TarError, ValueError) as error:
            raise self._damaged(error) from error
        self._root = common_root(self._infos)

    def members(self) -> dict[str, int]:
        """Names, relative to the root, with sizes in bytes, in the order of the file."""
        return below_root(self._root, {name: info.size for name, info in self._infos.items()})

    def chunks(self, member: str) -> Iterator[bytes]:
        """The content of a member."""
        info = self._infos[self._root + member]
        at, end = info.offset_data, info.offset_data + info.size
        while at < end:
            self._stream.seek(at)
            piece = self._stream.read(min(CHUNK_BYTES, end - at))
            if not piece:
                raise self._damaged("it ends in the middle of a file")
            at += len(piece)
            yield piece

    def _damaged(self, why: object) -> SourceError:
        return SourceError(f"{self.name} is cut or damaged: {why}", FETCH_AGAIN)


class Forwards:
    """A stream that can be begun anew, as a file that can be read and sought in."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin
        self._chunks = begin()
        self._chunk = b""
        self._chunk_start = 0
        self._at = 0

    def tell(self) -> int:
        """Where the next byte is read from."""
        return self._at

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place, counted from the start. Nothing is read before the next `read`."""
        assert whence == 0
        self._at = place
        return place

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end. Raises `SourceError` for more than any header has."""
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise SourceError(f"a tar file has a header of {size} bytes", "do not trust it; ask its publisher")
        if self._at < self._chunk_start:
            self._chunks, self._chunk, self._chunk_start = self._begin(), b"", 0
        parts: list[bytes] = []
        while size:
            inside = self._at - self._chunk_start
            if inside >= len(self._chunk):
                self._chunk_start += len(self._chunk)
                self._chunk = next(self._chunks, b"")
                if not self._chunk:
                    break
                continue
            parts.append(self._chunk[inside : inside + size])
            size -= len(parts[-1])
            self._at += len(parts[-1])
        return b"".join(parts)
