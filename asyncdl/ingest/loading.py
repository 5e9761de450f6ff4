"""The second stage of an ingest: parts become rows of the database, range by range, each with the cursor in one transaction.

Killed at any instant it goes on at the range whose transaction did not come to its end; the accounts and the rejects file go back to where they
stood then. Into a database that is being built ranges go in columns, into any other as records that are merged with what is known.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Final

from asyncdl.errors import CollectionError
from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.folding import FoldedRange, fold_in_columns, fold_to_records
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rejects import RejectReason, RejectsFile
from asyncdl.ingest.workers import in_order
from asyncdl.sourcerows import Range, SourceRows
from asyncdl.store import LoadCounts, Store

FOLDED: Final = (
    "rows_folded", "candidates", "duplicates", "links_rejected", "links_over_limit", "links_known", "records", "images", "manifests",
)  # fmt: skip
"""The figures of a tally that folding adds to."""


@dataclass(slots=True)
class Cursor:
    """How far a source is loaded: the next range, and the accounts at its beginning."""

    next_range: int
    tally: dict[str, int]
    rejects: dict[str, int]
    rejects_bytes: int
    loaded: dict[str, int]

    def text(self) -> str:
        """As it is stored."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def read(cls, text: str) -> Cursor:
        """From what was stored. Raises `CollectionError` when that is none of ours."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise CollectionError(f"the cursor of a source cannot be read: {error}", "use the asyncdl that wrote it") from error


class Loading:
    """The loading of one source. `tally` and `loaded` say how far it is."""

    def __init__(
        self, store: Store, source: int, rows: SourceRows, rejects: RejectsFile, options: IngestOptions, tally: Tally
    ) -> None:
        self._store = store
        self._source = source
        self._rows = rows
        self._rejects = rejects
        self._options = options
        self.tally = tally
        self.loaded = LoadCounts()

    async def run(self, cursor_text: str | None, tell: Callable[[], None], ranges: list[Range]) -> None:
        """Load every range that is not loaded yet; `tell` is called after each. Raises `EnvironmentStops`, `CollectionError`."""
        first = 0
        if cursor_text is not None:
            first = self._go_back_to(Cursor.read(cursor_text))
        bulk = bool(await self._store.missing_indexes())
        members = self._rows.about.members
        place = first
        async with aclosing(self._folded(ranges[first:], bulk=bulk)) as all_folded:  # stopped, the workers end before we do
            async for folded in all_folded:
                place += 1
                self._account(folded, members)
                self._rejects.flush()
                async with self._store.transaction():  # what the cursor says of this range is known only when its rows are there
                    self._add(await self._store_range(folded))
                    await self._store.move_cursor(self._source, self._cursor(place).text())
                tell()

    async def _store_range(self, folded: FoldedRange) -> LoadCounts:
        if folded.batch is None:
            return await self._store.load(folded.records, source=self._source)
        return await self._store.bulk_load(folded.batch, source=self._source) if folded.batch.record_count else LoadCounts()

    def _folded(self, ranges: list[Range], *, bulk: bool) -> AsyncGenerator[FoldedRange, None]:
        fold = fold_in_columns if bulk else fold_to_records
        work = partial(_fold, fold, self._rows.folder, self._options.bounds.max_rows_per_record)
        return in_order(work, ranges, self._options.fold_processes)

    def _account(self, folded: FoldedRange, members: tuple[str, ...]) -> None:
        for name in FOLDED:
            setattr(self.tally, name, getattr(self.tally, name) + getattr(folded.counts, name))
        for reject in folded.rejects:
            member = members[reject.table] if reject.table < len(members) else ""
            self._rejects.add(member, reject.line, reject.reason, reject.url)

    def _cursor(self, next_range: int) -> Cursor:
        return Cursor(
            next_range,
            {name: getattr(self.tally, name) for name in FOLDED},
            {str(reason): number for reason, number in self._rejects.counts.items()},
            self._rejects.size_bytes,
            {each.name: getattr(self.loaded, each.name) for each in fields(LoadCounts)},
        )

    def _go_back_to(self, cursor: Cursor) -> int:
        for name, value in cursor.tally.items():
            setattr(self.tally, name, value)
        self._rejects.go_back({RejectReason(name): number for name, number in cursor.rejects.items()}, cursor.rejects_bytes)
        self.loaded = LoadCounts(**cursor.loaded)
        return cursor.next_range

    def _add(self, more: LoadCounts) -> None:
        now = self.loaded
        self.loaded = LoadCounts(*(getattr(now, each.name) + getattr(more, each.name) for each in fields(LoadCounts)))


def _fold(fold: Callable[[Path, Range, int], FoldedRange], folder: Path, max_rows: int, records: Range) -> FoldedRange:
    return fold(folder, records, max_rows)
