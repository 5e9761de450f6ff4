"""How a command that only looks opens a collection: beside a run, on a network file system, through passing faults.

Network file systems show the checkpoints of a run to other readers as a disk error or as a file that is no
database, for moments; so a question that fails that way is asked again, twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from asyncdl.collection import Collection
from asyncdl.errors import AsyncdlError, CollectionLocked
from asyncdl.store import Store

T = TypeVar("T")
Question = Callable[[Store], Awaitable[T]]

RETRY_PAUSES_SECONDS: Final = (0.5, 2.0)
_PASSING_SQLITE_CODES: Final = frozenset({10, 14, 26})  # IOERR, CANTOPEN, NOTADB: https://www.sqlite.org/rescode.html


async def ask_figures(root: Path, question: Question[T], pauses_seconds: tuple[float, ...] | None = None) -> T:
    """Put a question about figures to a collection, in use or not. Beside a run on a network file system a snapshot answers.

    Raises `CollectionError` when there is no collection or its database is damaged.
    """
    collection = Collection.open(root, read_only=True)

    async def once() -> T:
        async with await Store.open(collection.db, read_only=True) as store:
            return await question(store)

    return await _patiently(once, pauses_seconds)


async def ask_rows(root: Path, question: Question[T], pauses_seconds: tuple[float, ...] | None = None) -> T:
    """Put a question about rows. Where only a snapshot of the figures can be read beside a run, the collection must be free.

    Raises `CollectionLocked` when it is not, else as `ask_figures`.
    """
    collection = Collection.open(root, read_only=True)

    async def once() -> T:
        async with await Store.open(collection.db, read_only=True) as store:
            if store.path == collection.db:
                return await question(store)
        try:
            with collection.lock():
                async with await Store.open(collection.db) as store:
                    return await question(store)
        except CollectionLocked as error:
            raise CollectionLocked(
                error.what, "on a network file system only `asyncdl status` can look beside a run; ask again when it has ended"
            ) from error

    return await _patiently(once, pauses_seconds)


async def _patiently(once: Callable[[], Awaitable[T]], pauses_seconds: tuple[float, ...] | None) -> T:
    for pause_seconds in RETRY_PAUSES_SECONDS if pauses_seconds is None else pauses_seconds:
        try:
            return await once()
        except AsyncdlError as error:
            if not _passing(error):
                raise
        await asyncio.sleep(pause_seconds)
    return await once()


def _passing(error: AsyncdlError) -> bool:
    """Whether the cause is an answer of SQLite that may be another in a moment."""
    return getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF in _PASSING_SQLITE_CODES
