"""Ingest: sources become rows of the store, in committed batches, with an account of everything.

The thin asynchronous shell. Reading, sorting and folding run in one thread of their own, the store commits in
its own; while a batch is committed the next is folded. Killed at any instant and run again it converges: the
store merges what it knows already, and a source that was loaded to its end is not read again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from asyncdl.collection import Collection
from asyncdl.errors import EnvironmentStops, SourceError
from asyncdl.ingest.accounts import IngestProgress, IngestReport, SourceReport, Stage, Tally
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rejects import RejectsFile, rejects_path
from asyncdl.ingest.sort import RowSorter
from asyncdl.ingest.sources import SourceFormat, SourceSpec
from asyncdl.ingest.stages import load_stage, read_stage
from asyncdl.ingest.tables import open_tables
from asyncdl.store import LoadCounts, Store

ProgressWatcher = Callable[[IngestProgress], None]


def _nobody(_: IngestProgress) -> None:
    """Nobody watches."""


async def ingest(
    store: Store,
    collection: Collection,
    sources: Sequence[SourceSpec],
    options: IngestOptions | None = None,
    progress: ProgressWatcher = _nobody,
) -> IngestReport:
    """Ingest sources one after the other; the caller holds the collection's lock.

    `progress` is called on the event loop after every step. Raises `SourceError` when a source cannot be read
    or holds nothing usable (sources before it stay loaded; its rejects are kept), `EnvironmentStops` when
    memory or disk do not suffice.
    """
    started = time.monotonic()
    chosen = options or IngestOptions()
    reports = []
    for spec in _apart(sources):
        reports.append(await _OneSource(store, collection, spec, chosen, progress).run())
    return IngestReport(tuple(reports), time.monotonic() - started)


def _apart(sources: Sequence[SourceSpec]) -> list[SourceSpec]:
    """Sources whose rows serve as ids get a prefix from the second on, so that their rows do not meet in one record."""
    lists = 0
    apart = []
    for spec in sources:
        if spec.format is not SourceFormat.DWCA and spec.id_column is None:
            lists += 1
            if lists > 1 and not spec.id_prefix:
                spec = replace(spec, id_prefix=f"{spec.name}:")  # noqa: PLW2901  the same source, made distinct
        apart.append(spec)
    return apart


class _OneSource:
    """The ingest of one source, with what its stages share."""

    def __init__(
        self, store: Store, collection: Collection, spec: SourceSpec, options: IngestOptions, progress: ProgressWatcher
    ) -> None:
        self._store = store
        self._collection = collection
        self._spec = spec
        self._options = options
        self._progress = progress
        self._tally = Tally()
        self._loaded = LoadCounts()

    async def run(self) -> SourceReport:
        """Read, sort, fold and load; then note that the source is done."""
        spec = self._spec
        state = await self._store.add_source(spec.name, spec.format, spec.fingerprint)
        if state.loaded and not self._options.reload:
            return SourceReport(spec.name, spec.format, already_loaded=True)
        folder = self._collection.scratch / "ingest"
        path = rejects_path(self._collection.rejects, spec.name, state.id)
        with (
            RowSorter(folder, self._options.memory_limit_bytes, self._options.sort_threads) as sorter,
            RejectsFile(path, self._options.bounds.max_rejects_in_file) as rejects,
            ThreadPoolExecutor(1, "ingest") as pool,
        ):
            try:
                await self._stages(pool, sorter, rejects, state.id)
            except OSError as error:
                raise EnvironmentStops(
                    f"{self._collection.root} cannot be written: {error.strerror or error}", "look at the disk"
                ) from error
            finally:
                sorter.interrupt()  # on the way out of a cancelled ingest the thread must not sort to the end
        self._refuse_nothing(rejects, "no link of it is usable")
        await self._store.finish_source(state.id, self._tally.rows_read, rejects.counts.total())
        return self._report(rejects)

    async def _stages(self, pool: ThreadPoolExecutor, sorter: RowSorter, rejects: RejectsFile, source: int) -> None:
        loop = asyncio.get_running_loop()
        tables = await loop.run_in_executor(pool, open_tables, self._spec, self._options.bounds)
        reading = read_stage(tables, self._options, sorter, rejects, self._tally)
        sizes = [table.size_bytes for table in tables]
        total_bytes = None if None in sizes else sum(size or 0 for size in sizes)
        while await loop.run_in_executor(pool, _step, reading):
            self._tell(Stage.READ, self._tally.bytes_read, total_bytes)
        self._tell(Stage.READ, self._tally.bytes_read, total_bytes)
        if not sorter.rows:
            self._refuse_nothing(rejects, "it has no rows" if not self._tally.rows_read else "no row of it has a link to an image")
        self._tell(Stage.SORT, 0, sorter.rows)
        batches = load_stage(sorter, tables, self._options, rejects, self._tally)
        upcoming = loop.run_in_executor(pool, next, batches, None)
        while (batch := await upcoming) is not None:
            upcoming = loop.run_in_executor(pool, next, batches, None)
            self._add(await self._store.load(batch, source=source))
            self._tell(Stage.LOAD, self._tally.rows_folded, sorter.rows)

    def _refuse_nothing(self, rejects: RejectsFile, why: str) -> None:
        """Raise `SourceError` when nothing came of the source."""
        if self._tally.candidates == 0:
            main = rejects.counts.most_common(1)
            cause = f"; {main[0][1]} times: {main[0][0].meaning}" if main else ""
            todo = f"see {rejects.path}" if main else "take a source that has links to images"
            raise SourceError(f"nothing to download in {self._spec.name}: {why}{cause}", todo)

    def _tell(self, stage: Stage, done: int, total: int | None) -> None:
        self._progress(IngestProgress(self._spec.name, stage, done, total, self._tally.counts()))

    def _add(self, more: LoadCounts) -> None:
        now = self._loaded
        self._loaded = LoadCounts(*(getattr(now, name) + getattr(more, name) for name in LoadCounts.__dataclass_fields__))

    def _report(self, rejects: RejectsFile) -> SourceReport:
        loaded = self._loaded
        return SourceReport(
            self._spec.name, self._spec.format, False, self._tally.counts(), dict(rejects.counts), rejects.samples,
            rejects.path if rejects.counts else None,
            loaded.records_new, loaded.images_new, loaded.images_known, loaded.candidates_new, loaded.manifests_new,
        )  # fmt: skip


def _step(stage: Iterator[None]) -> bool:
    """One step of a stage; False when it is done."""
    return next(stage, _DONE) is not _DONE


_DONE = object()
