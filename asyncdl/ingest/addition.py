"""The addition of one source: read, compare, and take the place of the one it replaces. `adding` drives it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asyncdl.collection import Collection
from asyncdl.errors import UsageError
from asyncdl.ingest.accounts import IngestProgress, Space, Stage, Tally
from asyncdl.ingest.addaccounts import AddedSource
from asyncdl.ingest.differing import Sides
from asyncdl.ingest.linenumbers import LineNumbers
from asyncdl.ingest.load import ProgressWatcher, read
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.reading import Reading, nothing_to_download, reading_folder
from asyncdl.ingest.rejects import RejectReason, RejectsFile, rejects_path
from asyncdl.ingest.revising import Revision, Trial
from asyncdl.ingest.sources import SourceSpec
from asyncdl.ingest.spans import common_ranges
from asyncdl.ingest.succession import Living, Replaced, Replaces, replaced_by_records
from asyncdl.sourceabout import About
from asyncdl.sourcerows import Range, SourceRows, split_links
from asyncdl.store import SourceState, Store
from asyncdl.urls import resolve


@dataclass(frozen=True, slots=True)
class Order:
    """What a call of `add` asks for. `at_ms` is the present; `keep` False takes everything back."""

    store: Store
    collection: Collection
    replaces: Replaces
    options: IngestOptions
    progress: ProgressWatcher
    at_ms: int
    keep: bool


class Addition:
    """The addition of one source, with what its stages share. `living` are the sources that are there."""

    def __init__(self, order: Order, spec: SourceSpec, living: Sequence[Living]) -> None:
        self._order = order
        self._store = order.store
        self._spec = spec
        self._living = living
        self._tally = Tally()

    async def begin(self) -> AddedSource:
        """Read the source, then go on."""
        store, spec = self._store, self._spec
        state = await store.add_source(spec.name, spec.format, spec.fingerprint)
        if self._order.replaces.word != "auto":  # what a person said holds for whoever finishes this
            await store.decide_replaced(state.id, self._order.replaces.number)
            state = replace(state, replaces=self._order.replaces.number)
        rows = SourceRows(self._order.collection.source_folder(state.id))
        with self._rejects(state.id) as rejects:
            rejects.begin()
            try:
                await self._read(rows.folder, rejects)
            except UsageError:
                await store.forget_source(state.id)
                raise
            return await self._compare(state, rows, rejects)

    async def go_on(self, state: SourceState) -> AddedSource:
        """Go on with a source that was read by an earlier call."""
        with self._rejects(state.id) as rejects:
            return await self._compare(state, SourceRows(self._order.collection.source_folder(state.id)), rejects)

    async def rehearse(self, number: int) -> AddedSource:
        """Do it all beside the collection, as source `number`, and take everything back."""
        place = self._order.collection.scratch / "trial"
        spec = self._spec
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
        try:
            with RejectsFile(place / "rejects.tsv", self._order.options.bounds.max_rejects_in_file) as rejects:
                await self._read(place / "parts", rejects)
                state = SourceState(number, spec.name, spec.format, spec.fingerprint, 0, 0, loaded=False, cursor=None)
                return await self._compare(state, SourceRows(place / "parts"), rejects)
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    def _rejects(self, number: int) -> RejectsFile:
        path = rejects_path(self._order.collection.rejects, self._spec.name, number)
        return RejectsFile(path, self._order.options.bounds.max_rejects_in_file)

    async def _read(self, folder: Path, rejects: RejectsFile) -> None:
        """The stages READ and SORT."""
        lines = LineNumbers(self._living, self._order.replaces)
        reading = Reading(self._spec, folder, reading_folder(self._order.collection), self._order.options, self._tally, lines)
        await read(reading, rejects, self._tally, self._tell)

    async def _compare(self, state: SourceState, rows: SourceRows, rejects: RejectsFile) -> AddedSource:
        """The stage COMPARE, and the end."""
        order, about, tally = self._order, rows.about, self._tally
        for name, number in about.counts.items():
            setattr(tally, name, number)
        if state.cursor is None:  # a cursor says itself how far the rejects go
            rejects.go_back({RejectReason(name): number for name, number in about.rejects.items()}, about.rejects_bytes)
        replaced = await self._accepted(state, rows, rejects)
        folders = {source.number: source.folder for source in self._living}
        old = folders.pop(replaced.number) if replaced else None
        revision = Revision(
            self._store, Sides(rows.folder, tuple(folders.values()), old), Trial(state.id, order.at_ms, order.keep), about.members, rejects,
            order.options, tally,
        )  # fmt: skip
        before = await self._named_images()
        self._tell(Stage.COMPARE, 0, tally.rows_taken)
        ranges = await asyncio.to_thread(self._ranges, rows, old)
        await revision.run(state.cursor, ranges, lambda: self._tell(Stage.COMPARE, tally.rows_folded, tally.rows_taken))
        added = revision.added
        if order.keep:
            await self._store.finish_addition(state.id, tally.rows_read, rejects.counts.total(), order.at_ms)
            known = await self._named_images() - added.images_new - added.images_named_again - added.images_changed
        else:
            known = before - added.images_gone - added.images_changed
        return AddedSource(
            self._spec.name, self._spec.format, state.id, False, replaced, tally.counts(), added, revision.records_unusable, known,
            dict(rejects.counts), rejects.samples, rejects.path if rejects.counts and order.keep else None, about.filters, about.cite,
        )  # fmt: skip

    def _ranges(self, rows: SourceRows, old: Path | None) -> Sequence[Range]:
        step = self._order.options.rows_per_range
        return common_ranges(rows.ranges(step), SourceRows(old).ranges(step) if old else [])

    async def _named_images(self) -> int:
        """The images of the collection that are not gone."""
        gone = sum(source.images_gone for source in await self._store.sources())
        return (await self._store.counts()).total - gone

    async def _replaced(self, state: SourceState, folder: Path, about: About) -> Replaced | None:
        """The source whose place this one takes: decided once, before its first range."""
        names = {source.number: source.name for source in self._living}
        if about.line_prefix is not None:
            found = Replaced(about.continues, names[about.continues], about.continues_share) if about.continues else None
        else:
            wanted = self._order.replaces if state.replaces is None else Replaces.decided(state.replaces)
            found = await asyncio.to_thread(replaced_by_records, folder, self._living, wanted)
        if self._order.keep:
            await self._store.decide_replaced(state.id, found.number if found else 0)
        return found

    async def _accepted(self, state: SourceState, rows: SourceRows, rejects: RejectsFile) -> Replaced | None:
        """The source that is replaced. A source that cannot be added is forgotten, before anything was changed, and `UsageError` raised.

        One without a single usable link is none: all that it replaces would be gone.
        """
        try:
            if state.cursor is None and not await asyncio.to_thread(_has_usable_link, rows, self._order.options.rows_per_range):
                raise nothing_to_download(self._spec, "no link of it is usable", rejects)
            return await self._replaced(state, rows.folder, rows.about)
        except UsageError:
            if state.cursor is None and self._order.keep:
                await asyncio.to_thread(shutil.rmtree, rows.folder)
                await self._store.forget_source(state.id)
            raise

    def _tell(self, stage: Stage, done: int, total: int | None, space: Space | None = None) -> None:
        self._order.progress(IngestProgress(self._spec.name, stage, done, total, self._tally.counts(), space))


def _has_usable_link(rows: SourceRows, rows_per_range: int) -> bool:
    found = (photos for records in rows.ranges(rows_per_range) for photos in rows.rows_of(records).photos)
    return any(resolve(url).key for photos in found for url in split_links(photos))
