"""The folder of a job: what lies where in it, what a file of an image is called, and what is left over in it.

Every path is built here, from our own closed alphabet; no text from outside reaches the file system. The
lock is in `runlock`, the way commands reach a running job in `inbox`. It does not know what is in the database.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from asyncdl.errors import CollectionError, EnvironmentStops, UsageError
from asyncdl.inbox import Command, Inbox
from asyncdl.runlock import Holder, RunLock
from asyncdl.setaside import BEFORE, Phase, forget, mark_of

__all__ = ["Collection", "Command", "Holder", "Inbox", "RunLock", "archive_name", "archive_slot", "record_path"]

_DATABASE: Final = "asyncdl.sqlite"
_EXTENSION: Final = re.compile(r"[a-z0-9]{1,8}")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9]+")
_SLUG_CHARS: Final = 40
_DIGEST_CHARS: Final = 12
_INTEGER_ID_LIMIT: Final = 1 << 60
_FOLDER_DEPTH_DIGITS: Final = 3


class Collection:
    """A collection's folder. The constructor only names paths; `create` and `open` look at the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.db = root / _DATABASE
        self.settings_file = root / "asyncdl.toml"
        self.files = root / "files"
        self.part = self.files / ".part"
        self.control = root / "control"
        self.logs = root / "logs"
        self.rejects = root / "rejects"
        self.scratch = root / "scratch"
        self.sources = root / "sources"
        self.before = root / BEFORE
        self.archives = root / "archives"
        self.intents = root / "intents"
        self.lock_file = root / "lock"

    @classmethod
    def create(cls, root: Path) -> Collection:
        """Make the folders of a new collection; a creation that was killed before its database stood goes on.

        Raises `UsageError` when a collection is there already or `root/files` holds something of
        somebody else, `EnvironmentStops` when the folder cannot be written.
        """
        collection = cls(root)
        if collection.db.exists():
            raise UsageError(f"{root} is a collection already", "use `asyncdl run` to go on, or name another folder")
        if root.exists() and not root.is_dir():
            raise UsageError(f"{root} is a file", "name a folder for the collection")
        try:
            if collection.files.is_dir() and any(entry.name != ".part" for entry in collection.files.iterdir()):
                raise UsageError(f"{collection.files} holds files that are no collection's", "choose another folder")
            collection._make_folders()
        except OSError as error:
            raise EnvironmentStops(
                f"{root} cannot be made: {error.strerror or error}", "choose a folder you may write to"
            ) from error
        return collection

    @classmethod
    def claim(cls, root: Path) -> Collection:
        """The folder of a collection for whoever makes it anew: neither a database nor files are in the way.

        Raises `EnvironmentStops` when it cannot be written.
        """
        collection = cls(root)
        try:
            collection._make_folders()
        except OSError as error:
            raise EnvironmentStops(
                f"{root} cannot be written: {error.strerror or error}", "look at its owner and at the disk"
            ) from error
        return collection

    @classmethod
    def open(cls, root: Path, *, read_only: bool = False) -> Collection:
        """An existing collection. Its own empty folders are made again when they are missing, unless `read_only`.

        Raises `CollectionError` when the folder is missing, is no collection or is being made anew, `EnvironmentStops`
        when it cannot be written.
        """
        collection = cls(root)
        if not root.is_dir():
            raise CollectionError(
                f"{root} does not exist" if not root.exists() else f"{root} is no folder", "`asyncdl init` makes a collection"
            )
        made_anew = collection._refuse_half_made()
        if not collection.db.is_file():
            raise CollectionError(f"{root} is no collection: it has no {_DATABASE}", "`asyncdl init` makes a collection")
        if read_only:
            return collection
        if made_anew:
            forget(root)
        return cls.claim(root)

    def _refuse_half_made(self) -> bool:
        """Raise `CollectionError` while the collection is being made anew. True when that has come to its end, and only its mark is left."""
        mark = mark_of(self.root)
        if mark is None or (mark.phase is Phase.BUILDING and self.db.is_file()):
            return mark is not None
        command = shlex.join(("asyncdl", "init", str(self.root), *mark.sources))
        raise CollectionError(
            f"{self.root} is being made anew; what it was is kept in {self.root / mark.kept}",
            f"`{command}` goes on with it; with the options it was typed with",
        )

    def source_folder(self, source: int) -> Path:
        """Where what a source says is kept (`asyncdl.sourcerows`)."""
        return self.sources / str(source)

    @property
    def inbox(self) -> Inbox:
        """Where commands for a running job are posted."""
        return Inbox(self.control)

    @contextmanager
    def lock(self, *, force: bool = False) -> Iterator[RunLock]:
        """Hold the collection: one run, or one command that writes, at a time.

        The lock says in `previous_crashed` who held it last and never let go. Raises `CollectionLocked`,
        naming who and since when; `force` takes over a lock that another machine left.
        """
        lock = RunLock(self.lock_file)
        lock.acquire(force=force)
        try:
            yield lock
        finally:
            lock.release()

    def holder(self) -> Holder | None:
        """Who holds the collection now, as far as can be seen from here; None when it is free."""
        return RunLock(self.lock_file).holder()

    def unlock(self) -> Holder | None:
        """Forget a holder that is gone (another machine's too) and return it. Raises `CollectionLocked` when it lives here."""
        lock = RunLock(self.lock_file)
        lock.acquire(force=True)
        lock.release()
        return lock.previous_crashed

    def record_path(self, external_id: int | str, number: int, extension: str) -> str:
        """See `record_path`."""
        return record_path(external_id, number, extension)

    def sweep_parts(self) -> int:
        """Remove unfinished bodies that an earlier run left in `files/.part`; only the holder of the lock may.

        Returns how many there were. They are ours by place: nothing else is ever put there.
        """
        swept = 0
        for entry in self.part.iterdir():
            if entry.is_file() or entry.is_symlink():
                entry.unlink(missing_ok=True)
                swept += 1
        return swept

    def _make_folders(self) -> None:
        for folder in (self.root, self.files, self.part, self.logs, self.rejects, self.scratch, self.intents):
            folder.mkdir(parents=True, exist_ok=True)
        self.inbox.make_folders()


def record_path(external_id: int | str, number: int, extension: str) -> str:
    """Where a file of image `number` of a record lies, relative to the collection.

    `files/<aaa>/<bbb>/<record>-<NN>.<ext>`: the first six digits of an integer id (zero-filled) name the
    folders. Any other id is known by its SHA-256: six hex digits name the folders, twelve follow a readable
    slug, so that ids differing only in case or in odd characters never meet, on no file system. Raises
    `ValueError` for an extension outside `[a-z0-9]{1,8}` or a negative number: both come from our own code.
    """
    if not _EXTENSION.fullmatch(extension) or number < 0:
        raise ValueError(f"no name for image {number!r} with extension {extension!r}")
    if isinstance(external_id, int) and 0 <= external_id < _INTEGER_ID_LIMIT:
        name = folders = f"{external_id:06d}"
    else:
        folders = hashlib.sha256(str(external_id).encode("utf-8", "surrogatepass")).hexdigest()
        slug = _NOT_IN_NAMES.sub("-", str(external_id))[:_SLUG_CHARS].strip("-") or "id"
        name = f"{slug}-{folders[:_DIGEST_CHARS]}"
    depth = _FOLDER_DEPTH_DIGITS
    return f"files/{folders[:depth]}/{folders[depth : 2 * depth]}/{name}-{number:02d}.{extension}"


def archive_slot(url: str) -> str:
    """What the archive at an address goes by in `archives/` while it comes: the beginning of the address's SHA-256."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]


def archive_name(suggested: str, url: str) -> str:
    """What the archive at an address is called in `archives/`: a readable slug of the name it goes by, and its slot.

    The extension stays where it is a plain one, so that a person sees what it is; content decides how it is read.
    """
    stem, dot, extension = suggested.rpartition(".")
    known = bool(dot) and _EXTENSION.fullmatch(extension.lower()) is not None
    slug = _NOT_IN_NAMES.sub("-", stem if known else suggested)[:_SLUG_CHARS].strip("-") or "archive"
    return f"{slug}-{archive_slot(url)}" + (f".{extension.lower()}" if known else "")
