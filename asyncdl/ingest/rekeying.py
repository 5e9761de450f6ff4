"""The records of a collection brought to today's key rules, range by range: rows of the living sources folded again, images brought together with them.

Each range is one transaction with the cursor; the last one sets the version of the rules. Killed at any instant it goes on behind the last
committed range, and ends with the rows of an undisturbed one. The truth is in the parts of the living sources (`asyncdl.sourcerows`); images that
no such source names keep their marks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from asyncdl.clock import Clock
from asyncdl.ingest.fold import fold
from asyncdl.ingest.folding import fold_rows
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.reconciling import reconcile
from asyncdl.ingest.workers import in_order
from asyncdl.model import JudgedRecord, NewRecord
from asyncdl.sourcerows import KINDS, NAMED, Range, RowColumns, SourceRows
from asyncdl.store import HeldRecord, RecordRekey, Store
from asyncdl.urls import KEYS_VERSION
from asyncdl.urls.plain import is_plain_url

RECORDS_AT_ONCE: Final = 2_000
"""Records that are in memory with all their images and links."""

_CURSOR: Final = "rekeyed_up_to"
_VERSION: Final = "keys_version"


@dataclass(slots=True)
class RekeyCounts:
    """What a re-keying came to.

    `images_keyed` have another key, `images_looked_up` their first one; `links_moved` went to the photo they are of now; `images_doubled` keep
    their file though they are the photo of another; `images_left` have no usable link by today's rules; `images_gone` and `images_named_again`
    as in an addition: where a source was replaced, other rules may say otherwise what the others name.
    """

    records: int = 0
    records_changed: int = 0
    images_keyed: int = 0
    images_looked_up: int = 0
    images_merged: int = 0
    images_new: int = 0
    images_reopened: int = 0
    images_doubled: int = 0
    images_left: int = 0
    images_gone: int = 0
    images_named_again: int = 0
    links_moved: int = 0
    manifests_new: int = 0
    manifests_gone: int = 0


@dataclass(frozen=True, slots=True)
class RekeyProgress:
    """How far it is, in records; `done_before` of them by an earlier call that was stopped."""

    done: int
    total: int
    done_before: int


@dataclass(slots=True)
class _Cursor:
    """Where the next range begins (`first` of `kind`), for which version of the rules, and the counts until there."""

    version: int
    kind: str
    first: int | str | None
    counts: dict[str, int] = field(default_factory=dict)


class _Folded(NamedTuple):
    """A range by today's rules: records that are one link which needs none of them, and of each source the records that do."""

    plain: Mapping[int | str, str]
    sources: Sequence[Sequence[NewRecord]]


class _Row(NamedTuple):
    """A row of a plain record as `fold` sees it."""

    photos: tuple[tuple[str, ...], ...]
    table: int = 0
    line: int = 0
    media_format: str = ""


class _NothingIsKept(Exception):
    """Undoes the transaction of a dry run."""


class Rekeying:
    """One re-keying. With `dry_run` every range is done and undone.

    `folders` are those of the living sources, the oldest first; `since` is the newest of them that took another one's place, 0 where none did: only
    then anything may be gone.
    """

    def __init__(
        self, store: Store, folders: Sequence[Path], options: IngestOptions, clock: Clock,
        progress: Callable[[RekeyProgress], None], *, since: int = 0, dry_run: bool = False,
    ) -> None:  # fmt: skip
        self._store = store
        self._folders = tuple(folders)
        self._since = since
        self._options = options
        self._clock = clock
        self._progress = progress
        self._dry_run = dry_run
        self.counts = RekeyCounts()

    async def run(self) -> RekeyCounts:
        """Bring every record to today's rules. Raises `CollectionError` for parts that cannot be read, `EnvironmentStops`."""
        ranges = await asyncio.to_thread(ranges_of, self._folders, self._options.rows_per_range)
        total = (await self._store.record_counts()).total
        first = self._begin(ranges, await self._store.get_meta(_CURSOR))
        before = self.counts.records
        self._progress(RekeyProgress(before, total, before))
        work = partial(fold_range, self._folders, self._options.bounds.max_rows_per_record)
        places = iter(range(first, len(ranges)))
        async with aclosing(in_order(work, ranges[first:], self._options.fold_processes)) as folded_ranges:
            async for folded in folded_ranges:
                await self._commit(ranges, next(places), folded)
                self._progress(RekeyProgress(self.counts.records, max(total, self.counts.records), before))
        return self.counts

    def _begin(self, ranges: Sequence[Range], text: str | None) -> int:
        """The place of the range to begin with. What was begun for other rules, or with other sources, is begun anew: it is harmless twice."""
        if text is not None and not self._dry_run:
            cursor = _Cursor(**json.loads(text))
            for place, records in enumerate(ranges):
                if cursor.version == KEYS_VERSION and (records.kind, records.first) == (cursor.kind, cursor.first):
                    self.counts = RekeyCounts(**cursor.counts)
                    return place
        return 0

    async def _commit(self, ranges: Sequence[Range], place: int, folded: _Folded) -> None:
        with suppress(_NothingIsKept):
            async with self._store.transaction():
                await self._bring_together(ranges[place], folded)
                if self._dry_run:
                    raise _NothingIsKept
                if place + 1 == len(ranges):
                    await self._store.forget_meta(_CURSOR)
                    await self._store.set_meta(_VERSION, str(KEYS_VERSION))
                else:
                    after = ranges[place + 1]
                    cursor = _Cursor(KEYS_VERSION, after.kind, after.first, asdict(self.counts))
                    await self._store.set_meta(_CURSOR, json.dumps(asdict(cursor)))

    async def _bring_together(self, records: Range, folded: _Folded) -> None:
        """One range: what is held and what is folded, by the rows of records."""
        held = await self._store.rows_between(records.first, records.after, named=records.kind == NAMED)
        fresh = _Fresh(folded, await self._rows(folded))
        unkeyed = await self._store.unkeyed_links(held)
        rest = [row for row in held if row not in unkeyed or unkeyed[row] != fresh.plain.get(row)]
        self.counts.records += len(held)
        for start in range(0, len(rest), RECORDS_AT_ONCE):
            chunk = await self._store.held_records(rest[start : start + RECORDS_AT_ONCE])
            await self._reconcile([(record, fresh.of(record)) for record in chunk.values()])
        new = [record for source in folded.sources for record in source if record.external_id not in fresh.rows]
        new += [_folded_plain(record, url) for record, url in folded.plain.items() if record not in fresh.rows]
        self.counts.records += len({record.external_id for record in new})
        await self._follow(new)

    async def _rows(self, folded: _Folded) -> Mapping[int | str, int]:
        """The rows of those folded records that are held."""
        ids = dict.fromkeys(folded.plain)
        for source in folded.sources:
            ids |= dict.fromkeys(record.external_id for record in source)
        return await self._store.record_rows(list(ids))

    async def _reconcile(self, records: Sequence[tuple[HeldRecord, Sequence[NewRecord]]]) -> None:
        changes: list[RecordRekey] = []
        load: list[NewRecord] = []
        judged: list[JudgedRecord] = []
        for held, fresh in records:
            found = reconcile(held, fresh)
            self.counts.images_doubled += found.doubled
            self.counts.images_left += found.unusable
            load += found.load
            if found.change is not None:
                changes.append(found.change)
                self._count(held, found.change)
            self.counts.records_changed += found.change is not None or bool(found.load)
            if found.unnamed and self._since:
                judged.append(JudgedRecord(held.external_id, tuple(fresh), bool(fresh)))
        if changes:
            await self._store.rekey(changes, self._clock.now().utc_ms)
        await self._follow(load, judged)

    def _count(self, held: HeldRecord, change: RecordRekey) -> None:
        keys = {image.id: image.key_hash for image in held.images}
        counts = self.counts
        for image in change.images:
            counts.images_looked_up += keys[image.image] == 0
            counts.images_keyed += keys[image.image] not in (0, image.key_hash)
            counts.images_merged += len(image.merged)
            counts.links_moved += len(image.dropped) + len(image.gained)
            counts.images_reopened += image.reopen
        counts.manifests_gone += sum(manifest.key_hash is None for manifest in change.manifests)
        counts.manifests_new += len(change.new_manifests)

    async def _follow(self, records: Sequence[NewRecord], judged: Sequence[JudgedRecord] = ()) -> None:
        """Let the collection follow as an addition does: load what is new, name again what is named, mark what is not."""
        if records or judged:
            done = await self._store.add_range(records, judged, source=self._since, at_ms=self._clock.now().utc_ms)
            self.counts.images_new += done.images_new
            self.counts.images_reopened += done.images_reopened
            self.counts.images_named_again += done.images_named_again
            self.counts.images_gone += done.images_gone
            self.counts.manifests_new += done.manifests_new


class _Fresh:
    """What a range says by today's rules, by the rows of the records that are held."""

    def __init__(self, folded: _Folded, rows: Mapping[int | str, int]) -> None:
        self.rows = rows
        self.plain = {rows[record]: url for record, url in folded.plain.items() if record in rows}
        self._by_row: dict[int, list[NewRecord]] = {}
        for source in folded.sources:
            for record in source:
                if record.external_id in rows:
                    self._by_row.setdefault(rows[record.external_id], []).append(record)

    def of(self, held: HeldRecord) -> Sequence[NewRecord]:
        """What each source makes of a record."""
        url = self.plain.get(held.row)
        return self._by_row.get(held.row, ()) if url is None else (_folded_plain(held.external_id, url),)


def _folded_plain(record: int | str, url: str) -> NewRecord:
    found = fold(record, (_Row(((url,),)),)).record
    assert found is not None, "a plain link has a key"
    return found


def fold_range(folders: Sequence[Path], max_rows_per_record: int, records: Range) -> _Folded:
    """Fold a range of records of several sources by today's rules. A function of folders and a range: for worker processes."""
    there = [folder for folder in folders if SourceRows(folder).parts(records.kind)]
    rows = [SourceRows(folder).rows_of(records) for folder in there]
    plain = _plain_records(rows)
    return _Folded(plain, [fold_rows(_without(columns, plain), max_rows_per_record).records for columns in rows])


def _plain_records(rows: Sequence[RowColumns]) -> dict[int | str, str]:
    """The records that are one row of one link in all sources together, which needed no rules when it was read and needs none today."""
    plain: dict[int | str, str] = {}
    seen: set[int | str] = set()
    for columns in rows:
        flags = columns.plain.tolist()
        for place, record in enumerate(_ids(columns)):
            if record in seen:
                plain.pop(record, None)
                continue
            seen.add(record)
            if flags[place] and is_plain_url(columns.photos[place], columns.media_formats[place]):
                plain[record] = columns.photos[place]
    return plain


def _without(columns: RowColumns, records: Mapping[int | str, str]) -> RowColumns:
    return columns.where(np.array([record not in records for record in _ids(columns)], np.bool_))


def _ids(columns: RowColumns) -> Sequence[int | str]:
    return columns.records if isinstance(columns.records, list) else columns.records.tolist()


def ranges_of(folders: Sequence[Path], rows_per_range: int) -> list[Range]:
    """Ranges that cover every id there can be, of either kind, each with at most about so many rows of each source."""
    return list(_ranges(folders, rows_per_range))


def _ranges(folders: Sequence[Path], rows_per_range: int) -> Iterator[Range]:
    found = [each for folder in folders for each in SourceRows(folder).ranges(rows_per_range)]
    for kind in KINDS:
        firsts: list[Any] = sorted({each.first for each in found if each.kind == kind and each.first is not None})
        bounds = [None, *firsts[1:], None]
        yield from (Range(kind, first, after) for first, after in pairwise(bounds))
