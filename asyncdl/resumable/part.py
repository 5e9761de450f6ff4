"""The part of a file that has come so far, on the disk: `SLOT.part`, and beside it `SLOT.json`, which says what it is a part of.

A kill loses nothing that was written. A power cut may: unsynced bytes can come back as zeros under the full length. So the length is
believed while the machine is still up, and after a reboot only what was synced. Everything here blocks on the disk.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from asyncdl.errors import EnvironmentStops
from asyncdl.resumable.ranges import Version
from asyncdl.runlock import boot_id
from asyncdl.units import approximate_size
from asyncdl.wholefile import sync_folder, write_whole

SYNC_BYTES: Final = 64_000_000
"""At most so much is fetched again after a power cut."""

SPARE_BYTES: Final = 64_000_000
"""What is left free on the disk, for the database and the rest of the machine."""

_MAX_NOTE_BYTES: Final = 100_000
_NO_KERNEL_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Note:
    """What `SLOT.json` says. `name` is the file's final name, empty while no answer has said it; `whole`: it has that name now."""

    url: str = ""
    name: str = ""
    version: Version = field(default_factory=Version)
    synced_bytes: int = 0
    boot: str = ""
    whole: bool = False


class Part:
    """A part that one process at a time writes to, between `take` and `close`; closing keeps what is there."""

    def __init__(self, folder: Path, slot: str) -> None:
        self.folder = folder
        self.path = folder / f"{slot}.part"
        self.note_path = note_path(folder, slot)
        self.have_bytes = 0
        self.note = Note()
        self._unsynced_bytes = 0
        self._fd = -1

    def take(self) -> None:
        """Take the part up as far as it can be believed. Raises `EnvironmentStops` when another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.note = _read_note(self.note_path)
        self._fd = _locked(self.path)
        believed = self._length() if self.note.boot and self.note.boot == boot_id() else min(self._length(), self.note.synced_bytes)
        os.ftruncate(self._fd, believed)
        os.lseek(self._fd, believed, os.SEEK_SET)
        self.have_bytes = believed

    def close(self) -> None:
        """Let go of it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def begin(self, url: str, name: str, version: Version) -> None:
        """Start over: nothing is there, and this is what will be. Raises `EnvironmentStops` where the disk has no room for it."""
        self.require_room(version.total_bytes or 0)
        self.forget()
        self._write(Note(url, name, version, 0, boot_id()))

    def forget(self) -> None:
        """Throw away what is there."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.have_bytes = self._unsynced_bytes = 0
        self._write(Note())

    def is_all(self) -> None:
        """What is there is the whole file."""
        note = self.note
        self._write(replace(note, version=replace(note.version, total_bytes=self.have_bytes)))

    def go_on(self) -> None:
        """What is there will be continued, by this boot of the machine."""
        self.require_room((self.note.version.total_bytes or 0) - self.have_bytes)
        self.sync()

    def append(self, data: bytes) -> None:
        """Add the next bytes."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self.have_bytes += len(data)
        self._unsynced_bytes += len(data)
        if self._unsynced_bytes >= SYNC_BYTES:
            self.require_room(0)
            self.sync()

    def sync(self) -> None:
        """Have everything on the disk, and on record that it is."""
        os.fsync(self._fd)
        self._unsynced_bytes = 0
        self._write(replace(self.note, synced_bytes=self.have_bytes, boot=boot_id()))

    def finish(self) -> Path:
        """Give the file its name. Its content is the caller's to check before. Raises `EnvironmentStops` when the name is taken."""
        note = self.note
        final = self.folder / note.name
        if final.exists():
            raise EnvironmentStops(f"{final} is there already", "move it away, then type the same command again")
        self.sync()
        self.path.rename(final)
        sync_folder(self.folder)
        self._write(replace(self.note, whole=True))
        return final

    def discard(self) -> None:
        """Forget the part: what came is not what was wanted."""
        self.path.unlink(missing_ok=True)
        self.note_path.unlink(missing_ok=True)

    def require_room(self, more_bytes: int) -> None:
        """Raise `EnvironmentStops` unless the disk has room for so many more bytes."""
        free = shutil.disk_usage(self.folder).free
        if more_bytes + SPARE_BYTES > free:
            raise EnvironmentStops(
                f"{self.folder} has no room: {approximate_size(max(more_bytes, 0))} are still to come, "
                f"{approximate_size(free)} are free, and {approximate_size(SPARE_BYTES)} stay free",
                "free some space, or name another folder; then type the same command again",
            )

    def _length(self) -> int:
        return os.fstat(self._fd).st_size

    def _write(self, note: Note) -> None:
        write_whole(self.note_path, json.dumps(asdict(note), indent=2).encode() + b"\n")
        self.note = note


def note_path(folder: Path, slot: str) -> Path:
    """Where the note of a slot lies; it stays when the file is whole, and says where it came from."""
    return folder / f"{slot}.json"


def whole_file(folder: Path, slot: str) -> Path | None:
    """The file of a slot that has its final name, however the process that gave it ended; None when there is none.

    A name is only given to a file that is whole, so name and length are proof, even where the last note was not written any more.
    """
    note = _read_note(note_path(folder, slot))
    final = folder / note.name
    if not note.name or not final.is_file() or final.stat().st_size != note.version.total_bytes:
        return None
    return final if note.whole or not (folder / f"{slot}.part").exists() else None


def _locked(path: Path) -> int:
    """A handle of the part that no other process has; made when it is missing."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise EnvironmentStops(f"another process is fetching {path}", "wait for it, or stop it") from None
        except OSError as error:
            if error.errno not in _NO_KERNEL_LOCKS:
                os.close(fd)
                raise
        if _is_still(fd, path):
            return fd
        os.close(fd)  # it was finished and renamed between our open and our lock


def _is_still(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _read_note(path: Path) -> Note:
    """What a note says; nothing where there is none, or it is not one of ours."""
    try:
        with path.open("rb") as file:
            found: Any = json.loads(file.read(_MAX_NOTE_BYTES))
        version = Version(str(found["version"]["etag"]), str(found["version"]["last_modified"]), found["version"]["total_bytes"])
        name = str(found["name"])
        if name in {".", ".."} or "/" in name or "\0" in name or not isinstance(version.total_bytes, int | None):
            return Note()
        return Note(str(found["url"]), name, version, int(found["synced_bytes"]), str(found["boot"]), bool(found["whole"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Note()
