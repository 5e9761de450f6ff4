"""A `sqlite3.Connection` made ready: opened, checked to be ours, set up, built anew; and transactions on it.

Plain functions for the connection's own thread. No table is named here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

from asyncdl.errors import AsyncdlError, CollectionError, CollectionLocked, EnvironmentStops, WrittenByNewer
from asyncdl.store.filesystem import file_system_of
from asyncdl.store.schema import APPLICATION_ID, migrate, migrations, newest_version, version_of
from asyncdl.wholefile import sync_folder

T = TypeVar("T")
Synchronous = Literal["FULL", "NORMAL"]

_PAGE_BYTES: Final = 4096
# An outcome changes two pages somewhere in the file; at 8192 bytes the log's share of `apply` is twice as large.
_OLDEST_SQLITE: Final = (3, 37)  # STRICT tables
_BUSY_TIMEOUT_MS: Final = 30_000
_BUSY_READER_TIMEOUT_MS: Final = 1000  # a reader has the snapshot to fall back on
_KEPT_LOG_BYTES: Final = 1024 * 1024

_FATAL: Final[dict[int, tuple[type[AsyncdlError], str, str]]] = {
    sqlite3.SQLITE_CORRUPT: (CollectionError, "is damaged", "restore a copy; the image files are untouched"),
    sqlite3.SQLITE_NOTADB: (CollectionError, "is not a database", "name the collection's folder, or restore a copy of the file"),
    sqlite3.SQLITE_BUSY: (CollectionLocked, "is in use by another process", "wait for it, or stop it"),
    sqlite3.SQLITE_LOCKED: (CollectionLocked, "is in use by another process", "wait for it, or stop it"),
    sqlite3.SQLITE_FULL: (EnvironmentStops, "cannot grow: the disk or the quota is full", "free space, then run again"),
    sqlite3.SQLITE_IOERR: (EnvironmentStops, "could not be read or written: disk I/O error", "look at the disk, then run again"),
    sqlite3.SQLITE_READONLY: (EnvironmentStops, "cannot be written", "look at its owner and at the disk"),
    sqlite3.SQLITE_CANTOPEN: (EnvironmentStops, "cannot be opened", "look at its owner and at its folder"),
    sqlite3.SQLITE_PERM: (EnvironmentStops, "cannot be opened", "look at its owner and at its folder"),
    sqlite3.SQLITE_NOMEM: (EnvironmentStops, "needs more memory than there is", "free memory, then run again"),
}


def snapshot_path(database: Path) -> Path:
    """Where the snapshot of a database that is held exclusively lies."""
    return database.with_suffix(".status.sqlite")


def connect(path: Path, *, exclusive: bool, read_only: bool) -> sqlite3.Connection:
    """Open a file that exists; statements outside a transaction commit by themselves."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise EnvironmentStops(
            f"this Python has SQLite {sqlite3.sqlite_version}; 3.37 is the oldest that will do", "use a newer build of Python"
        )
    # Held exclusively, even reading takes a lock that mode=ro may not take; `query_only` then keeps us from writing.
    mode = "ro" if read_only and not exclusive else "rw"
    if read_only and not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists():
        mode = "ro&immutable=1"  # SQLite reads nothing where it cannot make a log, unless told that nobody writes: here nobody does
    timeout_ms = _BUSY_READER_TIMEOUT_MS if read_only else _BUSY_TIMEOUT_MS
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=timeout_ms / 1000)


def prepare(
    raw: sqlite3.Connection, path: Path, *, exclusive: bool, read_only: bool, synchronous: Synchronous, cache_bytes: int
) -> None:
    """Set the connection up and check that the file is ours; the order matters."""
    if exclusive:
        # Before the first access: then the log needs no memory shared between processes, which network
        # file systems do not give.
        raw.execute("PRAGMA locking_mode = EXCLUSIVE")
    raw.execute("PRAGMA trusted_schema = OFF")  # a doctored schema must not run functions
    raw.execute("PRAGMA cell_size_check = ON")  # damage is noticed when a page is read, not later
    raw.execute("PRAGMA mmap_size = 0")  # an I/O error stays an error instead of a SIGBUS
    raw.execute(f"PRAGMA cache_size = {-(cache_bytes // 1024):d}")
    raw.execute("PRAGMA temp_store = MEMORY")  # nothing large is sorted; /tmp is tiny on cluster nodes
    raw.execute("PRAGMA foreign_keys = ON")
    _check_identity(raw, path, read_only=read_only)
    if read_only:
        raw.execute("PRAGMA query_only = ON")
        return
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute(f"PRAGMA synchronous = {synchronous}")  # FULL: without it a power cut takes back acknowledged rows
    raw.execute("PRAGMA wal_autocheckpoint = 0")  # the Database does it, on this connection
    raw.execute(f"PRAGMA journal_size_limit = {_KEPT_LOG_BYTES:d}")  # the log's size then tells how much is in it
    migrate(raw, migrations())


def _check_identity(raw: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    application = raw.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise CollectionError(f"{path} belongs to another program", "name the folder of an asyncdl collection")
    version, newest = version_of(raw), newest_version()
    if version > newest:
        raise WrittenByNewer(
            f"{path} was written by a newer asyncdl (schema {version}; this one knows {newest})", "use that version, or a newer one"
        )
    if read_only and version < newest:
        raise CollectionError(f"{path} was written by an older asyncdl", "`asyncdl run` brings it up to date")


def build(path: Path, setup: Callable[[sqlite3.Connection], None]) -> None:
    """Write a whole new database and give it its name in one step."""
    unfinished = path.with_name(path.name + ".new")
    try:
        unfinished.unlink(missing_ok=True)
        raw = sqlite3.connect(unfinished, isolation_level=None)
        try:
            raw.execute(f"PRAGMA page_size = {_PAGE_BYTES:d}")  # only before the first table
            raw.execute("PRAGMA journal_mode = DELETE")
            raw.execute("PRAGMA synchronous = FULL")
            migrate(raw, migrations())
            in_transaction(raw, lambda: setup(raw))
        finally:
            raw.close()
        unfinished.rename(path)
        sync_folder(path.parent)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    except OSError as error:
        raise EnvironmentStops(f"{path} cannot be made: {error.strerror or error}", "look at the folder and at the disk") from error


def begin(raw: sqlite3.Connection) -> None:
    """Open a transaction that may write, waiting for another writer up to the busy timeout."""
    raw.execute("BEGIN IMMEDIATE")


def commit(raw: sqlite3.Connection) -> None:
    """Commit; a commit that fails is rolled back, so the connection stays usable."""
    try:
        raw.execute("COMMIT")
    except BaseException:
        roll_back(raw)
        raise


def roll_back(raw: sqlite3.Connection) -> None:
    """Undo the open transaction, if there is one."""
    if raw.in_transaction:  # a full disk or an I/O error may have rolled back by itself
        raw.execute("ROLLBACK")


def in_transaction(raw: sqlite3.Connection, work: Callable[[], T]) -> T:
    """Run `work` whole or not at all; inside a transaction that is open already, as a step of it."""
    if raw.in_transaction:
        raw.execute("SAVEPOINT step")
        try:
            result = work()
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK TO step")
                raw.execute("RELEASE step")
            raise
        raw.execute("RELEASE step")
        return result
    begin(raw)
    try:
        result = work()
    except BaseException:
        roll_back(raw)
        raise
    commit(raw)
    return result


def in_snapshot(raw: sqlite3.Connection, work: Callable[[], T]) -> T:
    """Run `work`, whose queries then all see one state of the database."""
    if raw.in_transaction:
        return work()
    raw.execute("BEGIN")
    try:
        return work()
    finally:
        roll_back(raw)


# ---- borders ---------------------------------------------------------------------------------------------


def refuse_unsafe_place(path: Path) -> None:
    """Raise `CollectionError` for a file system known to lose what SQLite writes."""
    found = file_system_of(path)
    if found.refused:
        raise CollectionError(
            f"{path} lies on {found.kind}, which can cut what SQLite writes", "put the collection on another file system"
        )


def translated(error: sqlite3.Error, path: Path) -> Exception:
    """What an error of SQLite means to a person, by its primary result code; programming errors stay what they are."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if code not in _FATAL:
        return error
    kind, what, todo = _FATAL[code]
    return kind(f"{path} {what} ({error})", todo)
