"""The one connection of a collection's database: how it is opened, guarded, locked and checkpointed.

Work is a plain function of a `sqlite3.Connection` that runs on aiosqlite's thread: a whole transaction is one
hop to that thread and back, and nothing can come between its statements. No table is named here.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import aiosqlite

from asyncdl.errors import CollectionError, CollectionLocked
from asyncdl.store import building
from asyncdl.store import connection as thread
from asyncdl.store.connection import Synchronous
from asyncdl.store.filesystem import file_system_of

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_CACHE_BYTES: Final = 4 * 1024 * 1024
"""Page cache of a run: small, so that memory is the same at ten thousand and at fifty million images."""
INGEST_CACHE_BYTES: Final = 128 * 1024 * 1024
"""Page cache while loading: the index of the queue is filled in many places at once."""

_CHECKPOINT_BYTES: Final = 64 * 1024 * 1024


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection with its own way to run a function on its thread made public."""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread and return what it returns."""
        return cast("T", await self._execute(work, self._conn))  # type: ignore[no-untyped-call]


class Database:
    """An open database. Made by `create` or `open`."""

    def __init__(self, connection: _Connection, path: Path, *, exclusive: bool, read_only: bool) -> None:
        self.path = path
        self.exclusive = exclusive
        self.read_only = read_only
        self._connection: _Connection | None = connection
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[Any] | None = None
        self._log_path = Path(f"{path}-wal")
        self._checkpoint_at_bytes = _CHECKPOINT_BYTES

    @classmethod
    async def create(
        cls, path: Path, setup: Callable[[sqlite3.Connection], None], *, synchronous: Synchronous, cache_bytes: int
    ) -> Database:
        """Build a database with the newest schema and what `setup` writes, under another name until it is whole; open it."""
        if _size(path) is not None:
            raise CollectionError(f"{path} exists already", "use `asyncdl run` to go on, or choose another folder")
        thread.refuse_unsafe_place(path)
        await asyncio.to_thread(thread.build, path, setup)
        return await cls.open(path, read_only=False, synchronous=synchronous, cache_bytes=cache_bytes)

    @classmethod
    async def build(cls, path: Path, setup: Callable[[sqlite3.Connection], None], *, cache_bytes: int) -> Database:
        """Begin to build a database, or go on with one whose building was interrupted. See `building`."""
        if _size(path) is not None:
            raise CollectionError(f"{path} exists already", "use `asyncdl run` to go on, or choose another folder")
        thread.refuse_unsafe_place(path)
        unfinished = building.building_path(path)
        if _size(unfinished) is None:
            await asyncio.to_thread(thread.build, unfinished, building.without_indexes(setup))
        exclusive = file_system_of(unfinished).network
        # A power cut may take back the last commits, never half of one: what is built can be built again from its cursor.
        return await cls._open(unfinished, exclusive=exclusive, read_only=False, synchronous="NORMAL", cache_bytes=cache_bytes)

    @classmethod
    async def open(cls, path: Path, *, read_only: bool, synchronous: Synchronous, cache_bytes: int) -> Database:
        """See `Store.open`."""
        if _size(path) is None:
            raise CollectionError(f"{path} does not exist", "`asyncdl init` makes a collection")
        thread.refuse_unsafe_place(path)
        exclusive = file_system_of(path).network
        try:
            return await cls._open(path, exclusive=exclusive, read_only=read_only, synchronous=synchronous, cache_bytes=cache_bytes)
        except CollectionLocked:
            snapshot = thread.snapshot_path(path)
            if not (exclusive and read_only and snapshot.is_file()):
                raise
        return await cls._open(snapshot, exclusive=False, read_only=True, synchronous=synchronous, cache_bytes=cache_bytes)

    @classmethod
    async def _open(cls, path: Path, *, exclusive: bool, read_only: bool, synchronous: Synchronous, cache_bytes: int) -> Database:
        connection = _Connection(lambda: thread.connect(path, exclusive=exclusive, read_only=read_only), iter_chunk_size=64)
        try:
            await connection
            await connection.run(
                lambda raw: thread.prepare(
                    raw, path, exclusive=exclusive, read_only=read_only, synchronous=synchronous, cache_bytes=cache_bytes
                )
            )
        except sqlite3.Error as error:
            await connection.close()
            raise thread.translated(error, path) from error
        except BaseException:
            await connection.close()
            raise
        return cls(connection, path, exclusive=exclusive and not read_only, read_only=read_only)

    async def close(self) -> None:
        """Fold the log into the database and close. Harmless twice."""
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            await _finish(self._fold_and_close(connection))

    async def read(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that only reads, on one state of the database."""
        return await self._run(lambda raw: thread.in_snapshot(raw, lambda: work(raw, *args, **kwargs)))

    async def configure(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that sets up the connection, outside of any transaction."""
        return await self._run(lambda raw: work(raw, *args, **kwargs))

    async def write(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that writes as one transaction, or as one step of this task's own; all of it or nothing."""
        result = await self._run(lambda raw: thread.in_transaction(raw, lambda: work(raw, *args, **kwargs)))
        if self._owner is None:
            await self._checkpoint_when_large()
        return result

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Hold one transaction over several calls of the calling task."""
        if self._owner is not None and self._owner is asyncio.current_task():
            raise RuntimeError("a transaction is open already")
        async with self._lock:
            try:
                await self._run_locked(thread.begin)
                self._owner = asyncio.current_task()
                yield
            except BaseException:
                self._owner = None
                await self._run_locked(thread.roll_back)
                raise
            self._owner = None
            await self._run_locked(thread.commit)
        await self._checkpoint_when_large()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._owner is not None and self._owner is asyncio.current_task():
            return await self._run_locked(work)
        async with self._lock:
            return await self._run_locked(work)

    async def _run_locked(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise CollectionError(f"{self.path} is closed")
        try:
            return await _finish(self._connection.run(work))
        except sqlite3.Error as error:
            raise thread.translated(error, self.path) from error

    async def _checkpoint_when_large(self) -> None:
        """Fold the log into the database when it has grown by 64 MiB, on this connection, never waiting for readers.

        One connection does all writes and all checkpoints: SQLite before 3.51.3 can lose rows when two do.
        """
        log_bytes = _size(self._log_path) or 0
        if log_bytes < self._checkpoint_at_bytes:
            return
        _busy, in_log, folded = await self._run(lambda raw: raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone())
        # Folded wholly, the next commit begins the log anew and cuts the file; a reader in the way keeps it growing.
        self._checkpoint_at_bytes = _CHECKPOINT_BYTES if in_log == folded else log_bytes + _CHECKPOINT_BYTES

    async def _fold_and_close(self, connection: _Connection) -> None:
        try:
            if not self.read_only:
                await connection.run(lambda raw: raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
        except sqlite3.Error as error:
            raise thread.translated(error, self.path) from error
        finally:
            await connection.close()


async def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end even when cancelled, then pass the cancellation on: a commit is never left in the air."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # seen; the cancellation is what the caller hears of
        raise


def _size(path: Path) -> int | None:
    """The size of a file in bytes, or None when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
