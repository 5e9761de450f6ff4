"""A body while it streams in: in memory when small, else in a part file, hashed on the way.

What is in memory counts against one budget of the process. Nobody ever waits for that budget: a body that
gets no room goes to its part file, so that two bodies cannot hold each other up. The disk is only touched
from threads, since it may be a network file system that hangs.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from asyncdl.blobs.faults import local_faults

HEAD_BYTES = 4_096
TAIL_BYTES = 4_096
FLUSH_BYTES = 524_288  # gathered before a thread is bothered with a write
_INLINE_HASH_BYTES = 262_144  # about 0.2 ms; less than it costs to hand the bytes to a thread
_T = TypeVar("_T")


def part_path(folder: Path, image: int, ticket: int) -> Path:
    """Where the body of a ticket may spill to: two numbers of ours and nothing from outside."""
    return folder / f"{image:d}-{ticket:d}.part"


class SpoolBudget:
    """Bytes of bodies that may be held in memory by all spools together."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used_bytes = 0

    def take(self, size_bytes: int) -> bool:
        """Reserve room, or answer False at once when there is none."""
        if self.used_bytes + size_bytes > self.max_bytes:
            return False
        self.used_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """Return what was taken."""
        assert 0 <= size_bytes <= self.used_bytes, "more given back than taken"
        self.used_bytes -= size_bytes


class Spool:
    """One body. `write` while it comes, `finish` at its end; then `sha256`, `open` and the rest are whole.

    Its owner ends it with `release` once the file was placed, or with `discard`. Methods that touch the
    disk raise `LocalFault`; the spool is then good for `discard` only.
    """

    def __init__(self, part: Path, budget: SpoolBudget, max_memory_bytes: int = 1_000_000) -> None:
        self.part = part
        self.size_bytes = 0
        self.head = b""
        self.tail = b""
        self._budget = budget
        self._max_memory_bytes = max_memory_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._digest = hashlib.sha256()
        self._finished = False
        self._file: _PartFile | None = None

    @property
    def in_memory(self) -> bool:
        """Whether the whole body is in memory and no file exists."""
        return self._file is None

    @property
    def sha256(self) -> bytes:
        """The digest of the whole body; only after `finish`."""
        assert self._finished, "the digest is not whole before finish()"
        return self._digest.digest()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        assert not self._finished, "the body has ended"
        self.size_bytes += len(chunk)
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]
        self.tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self.tail + chunk)[-TAIL_BYTES:]
        room_bytes = self._max_memory_bytes if self._file is None else FLUSH_BYTES
        if self._held_bytes + len(chunk) <= room_bytes and self._budget.take(len(chunk)):
            self._held.append(chunk)
            self._held_bytes += len(chunk)
        else:
            await self._flush(chunk)

    async def finish(self) -> None:
        """End the body: the digest becomes whole, a part file is complete and closed. May be called again."""
        if self._finished:
            return
        if self._file is not None:
            await self._flush(b"")
            await _in_thread(self._file.close)
        elif self._held_bytes <= _INLINE_HASH_BYTES:
            self._digest.update(self.body())
        else:
            await _in_thread(partial(self._digest.update, self.body()))
        self._finished = True

    async def to_file(self) -> Path:
        """End the body and have it in its part file, for readers that need a path. Frees its memory."""
        await self.finish()
        if self._file is None:
            await self._flush(b"")
            assert self._file is not None
            await _in_thread(self._file.close)
        return self.part

    def body(self) -> bytes:
        """The whole body while it is in memory."""
        assert self._file is None, "the body is in its part file"
        if len(self._held) != 1:
            self._held = [b"".join(self._held)]
        return self._held[0]

    def open(self) -> BinaryIO:
        """Open the finished body for reading, wherever it is. Raises `LocalFault`; blocks on the disk."""
        assert self._finished, "the body has not ended"
        if self._file is None:
            return io.BytesIO(self.body())
        with local_faults("reading a part file"):
            return self.part.open("rb")

    def release(self) -> None:
        """Give the memory back and leave the file where it is: it has been placed."""
        self._held = []
        self._budget.give_back(self._held_bytes)
        self._held_bytes = 0

    async def discard(self) -> None:
        """Give the memory back and remove the part file. May be called at any time, and again; never raises."""
        self.release()
        if self._file is not None:
            await _in_thread(self._file.discard)

    async def _flush(self, chunk: bytes) -> None:
        data = b"".join((*self._held, chunk))
        if self._file is None:
            self._file = _PartFile(self.part)
        digest = None if self._finished else self._digest
        try:
            await _in_thread(partial(self._file.append, data, digest))
        finally:
            self.release()


class _PartFile:
    """The file side of a spool, for threads. The lock is for a `discard` that comes while a write still runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._handle = -1
        self._discarded = False

    def append(self, data: bytes, digest: hashlib._Hash | None) -> None:
        with self._lock, local_faults("writing a part file"):
            if self._discarded:
                return
            if self._handle < 0:
                self._handle = create_file(self._path)
            if digest is not None:
                digest.update(data)
            write_all(self._handle, data)

    def close(self) -> None:
        with self._lock, local_faults("closing a part file"):
            self._close()

    def discard(self) -> None:
        with self._lock:
            self._discarded = True
            with suppress(OSError):  # the bytes are not wanted any more
                self._close()
            with suppress(OSError):  # what cannot be removed now is swept at the next start
                self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def create_file(path: Path) -> int:
    """Create a file that must not exist yet, not even as a link, and return its handle."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def write_all(handle: int, data: bytes) -> None:
    """Write every byte, however few the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


async def _in_thread(work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
