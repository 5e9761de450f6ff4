"""How an old file gets its name in the collection: as a second name of the same bytes, or as a copy. Never over anything.

Both are atomic and harmless twice: what a kill left under the final name is found to be the same file, or to have the same
bytes, and taken as it is. Old files are removed only by `remove`, after the rows are committed. Blocks on the disk.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final

from asyncdl.blobs import LocalFault, sync_folders
from asyncdl.errors import EnvironmentStops, UsageError
from asyncdl.legacy.account import Reason, Refused

MAX_FOLDER_SYNCS: Final = 1000
"""Up to so many folders are synced one by one; beyond, one sync of everything takes less time."""

_NO_LINKS: Final = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})
_CHUNK_BYTES: Final = 1 << 20


class Mode(StrEnum):
    """What becomes of an old file."""

    LINK = "link"
    MOVE = "move"
    COPY = "copy"


class Giver:
    """Gives old files their names in one collection. `sync` after a batch and before its commit."""

    def __init__(self, root: Path, part: Path, mode: Mode, *, same_device: bool) -> None:
        self._root = root
        self._part = part
        self._copies = mode is Mode.COPY or (mode is Mode.MOVE and not same_device)
        self._folders: set[Path] = set()
        self._known: set[Path] = set()

    def give(self, old: Path, path: str, image: int) -> Refused | None:
        """Put the file at `path` of the collection; None when it lies there now. Raises OSError for what is not the old file's fault."""
        final = self._root / path
        self._make_folder(final.parent)
        if os.path.lexists(final):
            return None if same_bytes(old, final) else Refused(path, Reason.NAME_TAKEN)
        try:
            if self._copies:
                self._copy(old, final, image)
            else:
                os.link(old, final, follow_symlinks=False)
        except FileExistsError:
            return Refused(path, Reason.NAME_TAKEN)
        except OSError as error:
            if error.errno in _NO_LINKS and not self._copies:
                raise UsageError(
                    f"{old} cannot get a second name in the collection: {error.strerror}",
                    "--copy makes copies and leaves the old files as they are",
                ) from error
            raise
        self._folders.add(final.parent)
        return None

    def sync(self) -> None:
        """Have all new names on the disk. Raises `EnvironmentStops`: then none of them may be relied on."""
        try:
            if len(self._folders) > MAX_FOLDER_SYNCS:
                os.sync()
            else:
                sync_folders(self._folders)
        except LocalFault as fault:
            raise EnvironmentStops(fault.detail, "look at the disk; then the same command goes on") from fault
        self._folders.clear()
        self._known.clear()

    def _copy(self, old: Path, final: Path, image: int) -> None:
        part = self._part / f"{image:d}-legacy.part"
        part.unlink(missing_ok=True)
        try:
            with old.open("rb") as source, part.open("xb") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
                target.flush()
                os.fsync(target.fileno())
            os.link(part, final)  # unlike a rename it refuses when something is there
        finally:
            part.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        if folder in self._known:
            return
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            self._folders.add(folder.parent)
        self._known.add(folder)


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two paths are one file, or two regular ones with the same content; no link is followed."""
    first, second = one.lstat(), other.lstat()
    if (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino):
        return True
    if one.is_symlink() or other.is_symlink() or not other.is_file() or first.st_size != second.st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(_CHUNK_BYTES):
            if chunk != right.read(_CHUNK_BYTES):
                return False
    return True


def remove(pairs: Iterable[tuple[Path, Path]]) -> int:
    """Remove old files whose bytes lie in the collection, each given with its file there; returns how many were removed."""
    removed = 0
    for old, kept in pairs:
        try:
            if same_bytes(old, kept):
                old.unlink()
                removed += 1
        except FileNotFoundError:
            continue
    return removed
