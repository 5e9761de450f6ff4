"""Files that no row knows: the paths of all rows in little memory, and a walk over the disk against them.

A path is remembered as eight bytes of its digest, in buckets by its first folder that go to unnamed temporary
files when they grow; the walk takes one bucket at a time. So memory is that of the largest folder's rows, eight
bytes each, and a collision could only hide a stray, never make one up.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 64
_BUCKET_MEMORY_BYTES: Final = 512 * 1024
_PATH_BYTES: Final = 8
_BATCH_ENTRIES: Final = 2000
_MAX_DEPTH: Final = 8  # ours is two; what lies deeper is reported as one entry


class Entry(NamedTuple):
    """Something on the disk: its path relative to the collection, and when it got its name or content."""

    path: str
    changed_ms: int


class KnownPaths:
    """The paths of all rows. `add` all of them, then `strays` once."""

    def __init__(self, scratch: Path | None) -> None:
        self._stack = ExitStack()
        folder = None if scratch is None else str(scratch)
        self._buckets = [
            self._stack.enter_context(tempfile.SpooledTemporaryFile(_BUCKET_MEMORY_BYTES, dir=folder))  # noqa: SIM115  closed by the stack
            for _ in range(BUCKETS)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def add(self, paths: Sequence[str]) -> None:
        """Remember paths of rows, as `files/<folder>/…`."""
        for path in paths:
            self._buckets[_bucket_of(path.split("/")[1] if "/" in path else "")].write(_short_digest(path))

    def strays(self, root: Path, skip: frozenset[str]) -> Iterator[list[Entry]]:
        """Batches of what lies below `root/files` and was not added; top entries named in `skip` are left out."""
        tops: list[list[str]] = [[] for _ in range(BUCKETS)]
        for name in sorted(os.listdir(root / "files")):  # noqa: PTH208  names, not paths
            if name not in skip:
                tops[_bucket_of(name)].append(name)
        for bucket, names in enumerate(tops):
            known = self._load(bucket) if names else None
            for name in names:
                for batch in _batches(_walk(root, f"files/{name}", 1)):
                    yield _unknown(batch, known)

    def _load(self, bucket: int) -> NDArray[np.uint64]:
        file = self._buckets[bucket]
        file.seek(0)
        return np.sort(np.frombuffer(file.read(), dtype=np.uint64))


def entries_of(folder: Path, root: Path) -> Iterator[list[Entry]]:
    """Batches of what lies in one folder, by paths relative to `root`; nothing when it is not there."""
    if folder.is_dir():
        yield from _batches(_walk(root, folder.relative_to(root).as_posix(), _MAX_DEPTH))


def _walk(root: Path, path: str, depth: int) -> Iterator[Entry]:
    """Everything below a path that is no folder, without following links."""
    try:
        found = (root / path).lstat()
        if not stat.S_ISDIR(found.st_mode) or depth > _MAX_DEPTH:
            yield Entry(path, found.st_ctime_ns // 1_000_000)
            return
        names = sorted(os.listdir(root / path))  # noqa: PTH208  names, not paths
    except (FileNotFoundError, NotADirectoryError):
        return  # gone since its folder was listed
    for name in names:
        yield from _walk(root, f"{path}/{name}", depth + 1)


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _BATCH_ENTRIES:
            yield batch
            batch = []
    if batch:
        yield batch


def _unknown(batch: list[Entry], known: NDArray[np.uint64] | None) -> list[Entry]:
    if known is None or not known.size:
        return batch
    digests = np.frombuffer(b"".join(_short_digest(entry.path) for entry in batch), dtype=np.uint64)
    places = np.minimum(np.searchsorted(known, digests), known.size - 1)
    return [entry for entry, strange in zip(batch, known[places] != digests, strict=True) if strange]


def _bucket_of(top: str) -> int:
    return zlib.crc32(os.fsencode(top)) % BUCKETS


def _short_digest(path: str) -> bytes:
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=_PATH_BYTES).digest()
