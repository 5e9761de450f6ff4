"""How a batch of finished bodies gets its final names: sync, intend, rename, sync the folders.

Everything here is synchronous and blocks on the disk: run a whole batch in one thread. A file that fails is
reported with its fault and its part file is gone; the rest of the batch goes on.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from asyncdl.blobs.faults import LocalFault, fault_of, local_faults
from asyncdl.blobs.intents import Intent, IntentJournal
from asyncdl.blobs.spool import create_file, write_all
from asyncdl.wholefile import sync_folder

_GROUP_FILES = 64  # handles open at a time: the first sync of a group carries most of the others with it
_DIGEST_IN_NAME = 12


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A finished body and where it goes. `body` is given while it is in memory, else it lies in `part`.

    Compared by identity: nobody should hash a whole body to find it in a set.
    """

    part: Path
    final: Path
    size_bytes: int
    sha256: bytes
    body: bytes | None = None


Faults = tuple[tuple[Placement, LocalFault], ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """Whose bytes are on the disk, and whose are not and why."""

    done: tuple[Placement, ...]
    faults: Faults


@dataclass(frozen=True, slots=True)
class Renamed:
    """Who has the final name; `folders` have to be synced before that lasts.

    `displaced` names what stood in the way with other content and was moved aside, and where to.
    """

    done: tuple[Placement, ...]
    faults: Faults
    folders: frozenset[Path]
    displaced: tuple[tuple[Placement, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """What came of a batch: the rows of `done` may be committed now, those of `faults` have no file."""

    done: tuple[Placement, ...]
    faults: Faults
    displaced: tuple[tuple[Placement, Path], ...] = ()


def place_batch(batch: Sequence[tuple[Placement, Intent]], journal: IntentJournal, aside: Path, *, durable: bool = True) -> Placed:
    """Do all the steps in their order. Raises `LocalFault` when the journal or a folder fails: then commit nothing.

    The journal is left as it is; clear it once the rows are committed.
    """
    synced = sync_parts([placement for placement, _ in batch], durable=durable)
    ready = set(synced.done)
    try:
        journal.append([intent for placement, intent in batch if placement in ready], durable=durable)
    except LocalFault:
        for placement in ready:
            _discard_part(placement)
        raise
    renamed = rename_all(synced.done, aside)
    if durable:
        sync_folders(renamed.folders)
    return Placed(renamed.done, synced.faults + renamed.faults, renamed.displaced)


def sync_parts(placements: Sequence[Placement], *, durable: bool = True) -> Synced:
    """Have every body in its part file, whole and (when `durable`) on the disk.

    A sync that failed is never tried again: Linux drops the pages and would report success the second
    time. The part file is discarded and the body has to be fetched again.
    """
    result = _Progress()
    for start in range(0, len(placements), _GROUP_FILES):
        handles: list[tuple[Placement, int]] = []
        for placement in placements[start : start + _GROUP_FILES]:
            handle = _written(placement, result)
            if handle is not None:
                handles.append((placement, handle))
        for placement, handle in handles:
            _finish_part(placement, handle, result, durable=durable)
    return Synced(tuple(result.done), tuple(result.faults))


def rename_all(placements: Sequence[Placement], aside: Path) -> Renamed:
    """Give each synced part file its final name, making folders as needed.

    A file that is there already with the same content is replaced by the synced one; one with other
    content is first moved to the folder `aside`, never overwritten.
    """
    result = _Progress()
    displaced: list[tuple[Placement, Path]] = []
    folders: set[Path] = set()
    known: set[Path] = set()
    for placement in placements:
        folder = placement.final.parent
        try:
            _make_folder(folder, known, folders)
            moved_to = _clear_the_way(placement, aside, known, folders)
            if moved_to is not None:
                displaced.append((placement, moved_to))
            placement.part.rename(placement.final)
        except OSError as exc:
            result.fail(placement, exc, "giving a file its name")
        else:
            folders.add(folder)
            result.done.append(placement)
    return Renamed(tuple(result.done), tuple(result.faults), frozenset(folders), tuple(displaced))


def sync_folders(folders: Iterable[Path]) -> None:
    """Make the new names last. Raises `LocalFault`: then none of them may be relied on."""
    with local_faults("syncing a folder"):
        for folder in sorted(folders):
            sync_folder(folder)


@dataclass(slots=True)
class _Progress:
    done: list[Placement] = field(default_factory=list)
    faults: list[tuple[Placement, LocalFault]] = field(default_factory=list)

    def fail(self, placement: Placement, exc: OSError, doing: str) -> None:
        """Note the fault and remove the part file, so that nothing half done is ever taken for whole."""
        self.faults.append((placement, fault_of(exc, doing)))
        _discard_part(placement)


def _discard_part(placement: Placement) -> None:
    with suppress(OSError):  # what cannot be removed now is swept at the next start
        placement.part.unlink(missing_ok=True)


def _written(placement: Placement, result: _Progress) -> int | None:
    """Return a handle of the part file with all bytes written, or None after noting the fault."""
    handle = -1
    try:
        if placement.body is None:
            return os.open(placement.part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        handle = create_file(placement.part)
        write_all(handle, placement.body)
    except OSError as exc:
        if handle >= 0:
            with suppress(OSError):  # the first fault is the one to tell
                os.close(handle)
        result.fail(placement, exc, "writing a part file")
        return None
    return handle


def _finish_part(placement: Placement, handle: int, result: _Progress, *, durable: bool) -> None:
    try:
        try:
            if durable:
                getattr(os, "fdatasync", os.fsync)(handle)  # macOS has no fdatasync
            size_bytes = os.fstat(handle).st_size
        finally:
            os.close(handle)
        if size_bytes != placement.size_bytes:
            raise OSError(f"{size_bytes} bytes where {placement.size_bytes} were written")  # noqa: TRY301
    except OSError as exc:
        result.fail(placement, exc, "syncing a part file")
    else:
        result.done.append(placement)


def _make_folder(folder: Path, known: set[Path], touched: set[Path]) -> None:
    """Make a folder and its parents; the parents of what is new are touched."""
    if folder in known:
        return
    if not folder.is_dir():
        _make_folder(folder.parent, known, touched)
        folder.mkdir(exist_ok=True)
        touched.add(folder.parent)
    known.add(folder)


def _clear_the_way(placement: Placement, aside: Path, known: set[Path], touched: set[Path]) -> Path | None:
    """Move away what has the final name with other content; return where to, or None when nothing was moved."""
    try:
        found = placement.final.lstat()
    except FileNotFoundError:
        return None
    digest = b""
    if stat.S_ISREG(found.st_mode):
        with placement.final.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        if digest == placement.sha256:
            return None
    _make_folder(aside, known, touched)
    target = aside / f"{placement.final.name}.{digest.hex()[:_DIGEST_IN_NAME] or found.st_ino}"
    placement.final.rename(target)
    touched.add(aside)
    return target
