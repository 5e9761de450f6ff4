"""The stage COMPARE of an addition: range by range, what a source says is held against the collection, and the collection follows.

Each range is one transaction with its cursor: what is new is merged, what is gone is marked. Killed at any instant it goes on at the range whose
transaction did not come to its end. A trial does the same and takes every transaction back, so its counts are those of the real thing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.differing import DifferentRange, Sides, differ
from asyncdl.ingest.loading import FOLDED, Cursor
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rejects import RejectReason, RejectsFile
from asyncdl.ingest.workers import in_order
from asyncdl.sourcerows import Range
from asyncdl.store import AddCounts, Store

_UNUSABLE = "records_unusable"


class _TakeBack(Exception):
    """Rolls a transaction back."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How far a stage goes: `keep` False takes everything back. `source` is the one that is added, `at_ms` when."""

    source: int
    at_ms: int
    keep: bool = True


class Revision:
    """The comparing of one source. `tally`, `added` and `records_unusable` say what it came to so far."""

    def __init__(
        self, store: Store, sides: Sides, trial: Trial, members: Sequence[str], rejects: RejectsFile, options: IngestOptions,
        tally: Tally,
    ) -> None:  # fmt: skip
        self._store = store
        self._sides = sides
        self._trial = trial
        self._members = members
        self._rejects = rejects
        self._options = options
        self.tally = tally
        self.added = AddCounts()
        self.records_unusable = 0

    async def run(self, cursor_text: str | None, ranges: Sequence[Range], tell: Callable[[], None]) -> None:
        """Compare every range that is not done yet; `tell` is called after each. Raises `EnvironmentStops`, `CollectionError`."""
        place = 0 if cursor_text is None else self._go_back_to(Cursor.read(cursor_text))
        async with aclosing(self._compared(ranges[place:])) as all_compared:  # stopped, the workers end before we do
            async for found in all_compared:
                place += 1
                self._account(found)
                self._rejects.flush()
                with suppress(_TakeBack):
                    async with (
                        self._store.transaction()
                    ):  # what the cursor says of this range is known only when its rows are there
                        await self._add(found)
                        if not self._trial.keep:
                            raise _TakeBack
                        await self._store.move_cursor(self._trial.source, self._cursor(place).text())
                tell()

    def _compared(self, ranges: Sequence[Range]) -> AsyncGenerator[DifferentRange, None]:
        work = partial(differ, self._sides, self._options.bounds.max_rows_per_record)
        return in_order(work, ranges, self._options.fold_processes + 1)  # little is inserted: that core may compare too

    async def _add(self, found: DifferentRange) -> None:
        counts = AddCounts(records_known=found.records_unchanged)
        if found.records or found.judged:
            trial = self._trial
            counts += await self._store.add_range(found.records, found.judged, source=trial.source, at_ms=trial.at_ms)
        self.added += counts
        self.records_unusable += found.records_unusable

    def _account(self, found: DifferentRange) -> None:
        for name in FOLDED:
            setattr(self.tally, name, getattr(self.tally, name) + getattr(found.counts, name))
        for reject in found.rejects:
            member = self._members[reject.table] if reject.table < len(self._members) else ""
            self._rejects.add(member, reject.line, reject.reason, reject.url)

    def _cursor(self, next_range: int) -> Cursor:
        return Cursor(
            next_range,
            {name: getattr(self.tally, name) for name in FOLDED},
            {str(reason): number for reason, number in self._rejects.counts.items()},
            self._rejects.size_bytes,
            {**asdict(self.added), _UNUSABLE: self.records_unusable},
        )

    def _go_back_to(self, cursor: Cursor) -> int:
        for name, value in cursor.tally.items():
            setattr(self.tally, name, value)
        self._rejects.go_back({RejectReason(name): number for name, number in cursor.rejects.items()}, cursor.rejects_bytes)
        done = dict(cursor.loaded)
        self.records_unusable = done.pop(_UNUSABLE, 0)
        self.added = replace(AddCounts(), **done)
        return cursor.next_range
