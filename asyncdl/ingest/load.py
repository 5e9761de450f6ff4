"""Ingest: sources become rows of the store, in stages that each go on where they were killed, with an account of everything.

READ and SORT make parts of a source (`reading`), LOAD folds them into rows (`loading`), INDEX makes what the first load did without. The thin
asynchronous shell: what blocks runs in a thread, what the rules cost in processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from asyncdl.collection import Collection
from asyncdl.errors import EnvironmentStops
from asyncdl.ingest.accounts import IngestProgress, IngestReport, SourceReport, Space, Stage, Tally
from asyncdl.ingest.linenumbers import LineNumbers
from asyncdl.ingest.loading import Loading
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.reading import Reading, clear_readings, nothing_to_download, reading_folder
from asyncdl.ingest.rejects import RejectReason, RejectsFile, rejects_path
from asyncdl.ingest.sources import SourceSpec
from asyncdl.ingest.succession import Living, Replaces
from asyncdl.sourceabout import About
from asyncdl.sourcerows import SourceRows
from asyncdl.store import LoadCounts, SourceState, Store

ProgressWatcher = Callable[[IngestProgress], None]
Tell = Callable[[Stage, int, int | None, Space | None], None]
"""Takes the stage, how much of it is done, of how much, and at the beginning the space it needs."""


def _nobody(_: IngestProgress) -> None:
    """Nobody watches."""


async def ingest(
    store: Store,
    collection: Collection,
    sources: Sequence[SourceSpec],
    options: IngestOptions | None = None,
    progress: ProgressWatcher = _nobody,
    *,
    earlier: Sequence[Living] = (),
) -> IngestReport:
    """Ingest sources one after the other; the caller holds the collection's lock. Lists without ids keep the line numbers of `earlier` ones.

    `progress` is called on the event loop after every step. Raises `SourceError` when a source cannot be read
    or holds nothing usable (sources before it stay loaded; its rejects are kept), `EnvironmentStops` when
    memory or disk do not suffice.
    """
    started = time.monotonic()
    chosen = options or IngestOptions()
    reports = []
    lines = LineNumbers(earlier, Replaces())
    await asyncio.to_thread(clear_readings, collection)
    for spec in _apart(sources):
        try:
            reports.append(await _OneSource(store, collection, spec, chosen, progress, lines).run())
        except OSError as error:
            raise EnvironmentStops(f"{collection.root} cannot be written: {error.strerror or error}", "look at the disk") from error
    return IngestReport(tuple(reports), time.monotonic() - started)


def _apart(sources: Sequence[SourceSpec]) -> list[SourceSpec]:
    """Sources get a prefix from the second on: where rows serve as ids, they must not meet in one record."""
    apart: list[SourceSpec] = []
    for spec in sources:
        prefix = line_prefix(spec.name, {other.name for other in apart}, len(apart) + 1) if apart else ""
        apart.append(replace(spec, id_prefix=spec.id_prefix or prefix))
    return apart


def line_prefix(name: str, taken: Container[str], number: int) -> str:
    """What stands before the numbers of a source's lines, where they serve as ids beside other sources, of the names `taken`."""
    return f"{name} {number}:" if name in taken else f"{name}:"


async def read(reading: Reading, rejects: RejectsFile, tally: Tally, tell: Tell) -> None:
    """The READ and SORT stages of a source, in a thread of their own; `tell` is called after each step. Raises what the stages raise."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "ingest") as pool:
        try:
            copying = reading.copy()
            while (done := await loop.run_in_executor(pool, next, copying, None)) is not None:
                tell(Stage.COPY, done, None, None)
            space = await loop.run_in_executor(pool, reading.begin)
            tell(Stage.READ, 0, reading.total_bytes, space)
            steps = reading.steps(rejects)
            while (stage := await loop.run_in_executor(pool, next, steps, None)) is not None:
                if stage is Stage.READ:
                    tell(stage, tally.bytes_read, reading.total_bytes, None)
                else:
                    tell(stage, 0, tally.rows_taken, None)
        finally:
            reading.interrupt()  # on the way out of a cancelled ingest the thread must not sort to the end
            await loop.run_in_executor(pool, reading.clear)


class _OneSource:
    """The ingest of one source, with what its stages share."""

    def __init__(
        self, store: Store, collection: Collection, spec: SourceSpec, options: IngestOptions, progress: ProgressWatcher,
        lines: LineNumbers,
    ) -> None:  # fmt: skip
        self._store = store
        self._collection = collection
        self._spec = spec
        self._options = options
        self._progress = progress
        self._lines = lines
        self._tally = Tally()
        self._scratch = reading_folder(collection)

    async def run(self) -> SourceReport:
        """Read, load and index; then note that the source is done."""
        spec = self._spec
        state = await self._store.add_source(spec.name, spec.format, spec.fingerprint)
        rows = SourceRows(self._collection.source_folder(state.id))
        if rows.whole:
            self._lines.took(rows.about.line_prefix)
        if state.loaded:
            await self._index()
            return SourceReport(spec.name, spec.format, already_loaded=True)
        path = rejects_path(self._collection.rejects, spec.name, state.id)
        with RejectsFile(path, self._options.bounds.max_rejects_in_file) as rejects:
            if not rows.whole:
                rejects.begin()
                await self._read(rows.folder, rejects)
            loaded = await self._load(rows, rejects, state)
            if not self._tally.candidates:
                raise nothing_to_download(spec, "no link of it is usable", rejects)
            await self._index()
            await self._store.finish_source(state.id, self._tally.rows_read, rejects.counts.total())
            return self._report(rejects, loaded, await asyncio.to_thread(lambda: rows.about))

    async def _read(self, folder: Path, rejects: RejectsFile) -> None:
        """The READ and SORT stages."""
        reading = Reading(self._spec, folder, self._scratch, self._options, self._tally, self._lines)
        await read(reading, rejects, self._tally, self._tell)

    async def _load(self, rows: SourceRows, rejects: RejectsFile, state: SourceState) -> LoadCounts:
        about = rows.about
        for name, number in about.counts.items():
            setattr(self._tally, name, number)
        if state.cursor is None:  # a cursor says itself how far the rejects go
            rejects.go_back({RejectReason(name): number for name, number in about.rejects.items()}, about.rejects_bytes)
        loading = Loading(self._store, state.id, rows, rejects, self._options, self._tally)
        ranges = await asyncio.to_thread(rows.ranges, self._options.rows_per_range)
        self._tell(Stage.LOAD, 0, self._tally.rows_taken)
        await loading.run(state.cursor, lambda: self._tell(Stage.LOAD, self._tally.rows_folded, self._tally.rows_taken), ranges)
        return loading.loaded

    async def _index(self) -> None:
        missing = await self._store.missing_indexes()
        for done, name in enumerate(missing):
            self._tell(Stage.INDEX, done, len(missing))
            await self._store.build_index(name, self._collection.scratch)
        if missing:
            self._tell(Stage.INDEX, len(missing), len(missing))

    def _tell(self, stage: Stage, done: int, total: int | None, space: Space | None = None) -> None:
        self._progress(IngestProgress(self._spec.name, stage, done, total, self._tally.counts(), space))

    def _report(self, rejects: RejectsFile, loaded: LoadCounts, about: About) -> SourceReport:
        return SourceReport(
            self._spec.name, self._spec.format, False, self._tally.counts(), dict(rejects.counts), rejects.samples,
            rejects.path if rejects.counts else None,
            loaded.records_new, loaded.images_new, loaded.images_known, loaded.candidates_new, loaded.manifests_new,
            about.filters, about.cite,
        )  # fmt: skip
