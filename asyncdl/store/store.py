"""The database of a collection as an object: opening and closing it, and everything that changes a row.

One connection does all writes and checkpoints; every change is one transaction on the connection's own
thread, so the event loop never waits for the disk. What the rows say is read through `Reader`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from asyncdl.bulk_batch import BulkBatch
from asyncdl.limits import LaneOrder
from asyncdl.model import Batch, JudgedRecord, NewRecord
from asyncdl.store import (
    additions,
    adopting,
    building,
    bulk,
    hosts,
    lanes,
    loading,
    manifestqueue,
    moves,
    recounting,
    rekeying,
    renumbering,
    snapshots,
    sources,
)
from asyncdl.store.changes import AddCounts, Applied, LoadCounts
from asyncdl.store.connection import Synchronous
from asyncdl.store.database import DEFAULT_CACHE_BYTES, Database
from asyncdl.store.reader import Reader
from asyncdl.store.rekeying import RecordRekey
from asyncdl.store.renumbering import Renumbered
from asyncdl.store.rows import RunInfo, SourceState


class Store(Reader):
    """The rows of one collection. Made by `create` or `open`; use it as an async context manager."""

    # ---- life

    @classmethod
    async def create(
        cls,
        path: Path,
        meta: Mapping[str, str],
        *,
        synchronous: Synchronous = "FULL",
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> Self:
        """Make the database file with the newest schema and these pinned settings.

        `keys_version` is added to `meta` when it is not there. Raises `CollectionError` when a file is in
        the way, `EnvironmentStops` when the disk does not let us.
        """
        pinned = sources.with_keys_version(meta)
        return cls(
            await Database.create(
                path, lambda raw: sources.set_all_meta(raw, pinned), synchronous=synchronous, cache_bytes=cache_bytes
            )
        )

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        synchronous: Synchronous = "FULL",
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> Self:
        """Open an existing database and bring its schema up to date.

        With `read_only` nothing is written, and beside a running job on a network file system the snapshot
        that the job keeps is read instead. Raises `CollectionError` when the file is missing, no database,
        of another application, of a newer schema (or, read-only, of an older one) or corrupt;
        `CollectionLocked` when another process holds it.
        """
        return cls(await Database.open(path, read_only=read_only, synchronous=synchronous, cache_bytes=cache_bytes))

    @classmethod
    async def build(cls, path: Path, meta: Mapping[str, str], *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> Self:
        """Begin to build the database of a new collection, or go on where that was interrupted; `path` is its final name.

        The first source is loaded by `bulk_load`, then `build_index` makes what it did without, and `finish_building` gives the file its name.
        """
        pinned = sources.with_keys_version(meta)
        return cls(await Database.build(path, lambda raw: sources.set_all_meta(raw, pinned), cache_bytes=cache_bytes))

    async def missing_indexes(self) -> list[str]:
        """What `build_index` has to make yet: while it is anything, only `bulk_load` adds rows."""
        return await self._db.read(building.missing_indexes)

    async def build_index(self, name: str, scratch: Path) -> None:
        """Make one of `missing_indexes`, durably. `scratch`: a folder for what does not fit into memory."""
        await self._db.configure(building.use_threads, scratch)
        await self._db.write(building.make_index, name)

    async def finish_building(self) -> Path:
        """Close the database that was built and give it its name. Returns where it lies."""
        unfinished = self._db.path
        await self._db.close()
        path = unfinished.with_suffix("")
        await asyncio.to_thread(building.take_place, unfinished, path)
        return path

    async def close(self) -> None:
        """Finish what was asked for, fold the write-ahead log into the database, and close. Harmless twice."""
        await self._db.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    @property
    def path(self) -> Path:
        """The database file."""
        return self._db.path

    @property
    def exclusive(self) -> bool:
        """Whether no other process can read the file while we hold it, so that `snapshot` must be called at times."""
        return self._db.exclusive

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Make several calls of this task one transaction: all or, on any exception, none.

        Other tasks wait meanwhile, so keep it short. Each call inside is still whole or nothing by itself.
        """
        async with self._db.transaction():
            yield

    async def snapshot(self) -> Path:
        """Write what `status` needs (figures, hosts, lanes, runs; no images) to a small database beside this one.

        Replaced in one step, so a reader sees the old or the new one. Returns its path.
        """
        return await self._db.read(snapshots.write_snapshot, self.path)

    # ---- ingest

    async def add_source(self, name: str, source_format: str, fingerprint: str) -> SourceState:
        """Register a source, or find it again: the same name and fingerprint give the same row, with its cursor."""
        return await self._db.write(sources.add_source, name, source_format, fingerprint)

    async def finish_source(self, source: int, rows: int, rejected: int) -> None:
        """The source was read to its end."""
        await self._db.write(sources.finish_source, source, rows, rejected)

    async def load(self, records: Sequence[NewRecord], *, source: int = 0, cursor: str | None = None) -> LoadCounts:
        """Add records in one transaction; what is known already is merged by record and key, so loading twice is harmless.

        Images are numbered in the order given. A URL new to an image that had ended without a file re-opens it; an image that was
        gone is named again, and re-opened if it had been withdrawn.
        An image without any usable URL is stored as failed (`no_url`). `cursor` is
        remembered with `source` in the same transaction.
        """
        return await self._db.write(loading.load, records, source, cursor)

    async def move_cursor(self, source: int, cursor: str) -> None:
        """Remember how far a source is loaded."""
        await self._db.write(sources.move_cursor, source, cursor)

    async def decide_replaced(self, source: int, replaced: int) -> None:
        """Remember whose place a source that is being added takes (0: nobody's), before its first range."""
        await self._db.write(sources.decide_replaced, source, replaced)

    async def add_range(
        self, records: Sequence[NewRecord], judged: Sequence[JudgedRecord], *, source: int, at_ms: int
    ) -> AddCounts:
        """Load records as `load` does, then mark what is gone of the judged ones, in one transaction; twice is harmless.

        An image that is gone and has no file, and was still to be asked, ends as failed (`withdrawn`).
        """
        return await self._db.write(additions.add_range, records, judged, source, at_ms)

    async def finish_addition(self, source: int, rows: int, rejected: int, at_ms: int) -> None:
        """The source was added to its end: it lives, and the one it replaces no longer does."""
        await self._db.write(sources.finish_addition, source, rows, rejected, at_ms)

    async def forget_source(self, source: int) -> None:
        """Forget a source that was not loaded to its end, and of which nothing was."""
        await self._db.write(sources.forget_source, source)

    async def bulk_load(self, batch: BulkBatch, *, source: int, cursor: str | None = None) -> LoadCounts:
        """Add records that are all new to a database that is being built, and move the source's cursor, in one transaction."""
        return await self._db.write(bulk.bulk_load, batch, source, cursor)

    # ---- the only mover

    async def apply(self, batch: Batch, at_ms: int) -> Applied:
        """Apply a batch in one transaction: moves, files, failures, lanes, counters and roll-ups.

        Raises `IllegalMove`, with nothing changed, when a row does not exist, a move is not in `LEGAL_MOVES`,
        a saved image has no file, or an open image would have no due time and no manifest to wait for.
        An image whose next candidate is a manifest waits for it (due None) whatever the transition says; when
        that manifest has ended, the image goes on to its next candidate or ends too.
        """
        return await self._db.write(moves.apply, batch, at_ms)

    async def expand_manifests(self, *, when_needed: bool) -> int:
        """Let manifests that nobody has asked for yet take their turn, or (`when_needed`) only those that an image waits for.

        Returns how many changed. `when_needed` looks at every manifest that is due, so it is for the start of a run; without it
        nothing is looked at unless an earlier run had put manifests to sleep.
        """
        return await self._db.write(manifestqueue.expand_manifests, when_needed)

    async def note_digests(self, digests: Sequence[tuple[int, bytes]]) -> None:
        """Note the SHA-256 of files, by row, that have none yet."""
        await self._db.write(adopting.note_digests, digests)

    async def rebuild_counters(self, tell: Callable[[int], None] | None = None) -> None:
        """Recompute all roll-ups and counters from the rows, `RECORDS_PER_COMMIT` records to a commit; `tell` is called with how many are done.

        Reads every image: minutes on a large collection. Killed, the next call goes on with the page that was not committed.
        """
        done = 0
        while await self._db.write(recounting.recount_page, recounting.RECORDS_PER_COMMIT):
            done += recounting.RECORDS_PER_COMMIT
            if tell is not None:
                tell(done)
        await self._db.write(recounting.recount_all)

    async def order(self, order: LaneOrder) -> None:
        """Note what a person ordered about a lane, in the place of an earlier order."""
        await self._db.write(lanes.save_order, order)

    async def join_hosts(self, lanes: Mapping[str, str], note: str) -> None:
        """Note in which lane each of these hosts belongs, whatever the shipped table says. No row of an image is touched."""
        await self._db.write(hosts.join_hosts, lanes, note)

    async def settle_lanes(self) -> int:
        """Let hosts follow what `join_hosts` said, and lanes take up the pauses and spent budgets that come with them. Never while a run asks."""
        return await self._db.write(hosts.settle_lanes)

    # ---- records that are brought together with others

    async def rekey(self, changes: Sequence[RecordRekey], at_ms: int) -> None:
        """Give images and manifests of known records other keys, links and marks, in one transaction.

        Raises `IllegalMove`, with nothing changed, when an image that has a file would be merged away.
        """
        await self._db.write(rekeying.rekey, changes, at_ms)

    async def renumber(self, records: Sequence[Renumbered]) -> None:
        """Give images of records other numbers, in one transaction. Never after files were named by them."""
        await self._db.write(renumbering.renumber, records)

    # ---- runs, events, meta

    async def start_run(self, info: RunInfo) -> int:
        """Note that a run starts; returns its id."""
        return await self._db.write(sources.start_run, info)

    async def note_run(self, run: int, counts_json: str) -> None:
        """Note how far a run has come."""
        await self._db.write(sources.note_run, run, counts_json)

    async def finish_run(self, run: int, ended_ms: int, exit_status: int, counts_json: str = "{}") -> None:
        """Note how a run ended."""
        await self._db.write(sources.finish_run, run, ended_ms, exit_status, counts_json)

    async def add_event(self, at_ms: int, kind: str, subject: str = "", detail: str = "") -> None:
        """Note something worth telling later."""
        await self._db.write(sources.add_event, at_ms, kind, subject, detail)

    async def set_meta(self, key: str, value: str) -> None:
        """Pin a setting."""
        await self._db.write(sources.set_all_meta, {key: value})

    async def forget_meta(self, key: str) -> None:
        """Forget a pinned setting; harmless where there is none."""
        await self._db.write(sources.forget_meta, key)
