"""The members of a tar file, packed or not, read in place.

A packed stream can only be read forwards, so it is given a place to seek to: forwards by reading on, backwards by beginning again. Members are asked
for in their order, so that listing and reading cost one pass each.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import CHUNK_BYTES, below_root, check_member_name, common_root, file_chunks
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.packed import FETCH_AGAIN

MAX_MEMBERS: Final = 100_000
MAX_HEADER_BYTES: Final = 16_000_000
"""Of one extended header: what is read at once and is no member's content."""


class Place(NamedTuple):
    """Where the content of a member stands in the unpacked tar."""

    start: int
    size_bytes: int


class TarArchive:
    """A tar file. Raises `SourceError` for one that is cut, damaged or unsafe. Links, devices and sparse files in it are no members."""

    def __init__(self, path: Path, bounds: Bounds, name: str = "") -> None:
        self.name = name or path.name
        self._stream = Forwards(partial(file_chunks, str(path), bounds))
        state = path.stat()
        self._places = _listed(path, (state.st_size, state.st_mtime_ns), bounds, self.name)
        self._root = common_root(self._places)

    def members(self) -> dict[str, int]:
        """Names, relative to the root, with sizes in bytes, in the order of the file."""
        return below_root(self._root, {name: place.size_bytes for name, place in self._places.items()})

    def chunks(self, member: str) -> Iterator[bytes]:
        """The content of a member."""
        at, size = self._places[self._root + member]
        end = at + size
        while at < end:
            self._stream.seek(at)
            piece = self._stream.read(min(CHUNK_BYTES, end - at))
            if not piece:
                raise _damaged(self.name, "it ends in the middle of a file")
            at += len(piece)
            yield piece


@lru_cache(maxsize=4)
def _listed(path: Path, _: tuple[int, int], bounds: Bounds, name: str) -> Mapping[str, Place]:
    """The members of a file as it is now: of a packed one the list costs a whole pass, and an ingest asks for it several times."""
    found: dict[str, Place] = {}
    stream = cast("IO[bytes]", Forwards(partial(file_chunks, str(path), bounds)))
    try:
        for info in tarfile.open(fileobj=stream, mode="r:"):  # noqa: SIM115  it holds nothing open itself
            if len(found) >= MAX_MEMBERS:
                raise SourceError(f"{name} holds more than {MAX_MEMBERS} files", "unpack it, and name the file or folder")
            if info.isreg() and not info.issparse():
                check_member_name(info.name)
                found[info.name.removeprefix("./")] = Place(info.offset_data, info.size)
    except (tarfile.TarError, ValueError) as error:
        raise _damaged(name, error) from error
    return found


def _damaged(name: str, why: object) -> SourceError:
    return SourceError(f"{name} is cut or damaged: {why}", FETCH_AGAIN)


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
