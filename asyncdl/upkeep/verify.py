"""Rows against files, both ways, with bounded memory: what is missing, damaged, or known to no row.

Reads only, unless it is given a `Repair`; then everything it finds is put right page by page. It may look at a
collection that a run holds: rows that change and files that appear meanwhile are looked at twice.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asyncdl.blobs import IntentJournal
from asyncdl.clock import Clock
from asyncdl.collection import Collection
from asyncdl.errors import CollectionError, EnvironmentStops
from asyncdl.store import Discrepancies, StoredFile
from asyncdl.store.reader import Reader
from asyncdl.upkeep.filecheck import check_file
from asyncdl.upkeep.findings import HARMLESS, OF_ROWS, Damage, Finding, Findings, count_discrepancies
from asyncdl.upkeep.repair import Repair
from asyncdl.upkeep.strays import Entry, KnownPaths, entries_of

PAGE_FILES: Final = 1000
MAX_THREADS: Final = 4
MAX_INTEGRITY_PROBLEMS: Final = 100
YOUNG_MS: Final = 300_000
"""Beside a run a file without a row may be part of a batch not committed yet; so old, it is none."""

MIN_FILES_TO_DOUBT: Final = 10
"""So many files, all of them missing, look more like a disk that is not mounted than like damage."""

_SLICE_FILES: Final = 16


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What to look at. `hash_one_in`: 0 reads no file, 1 all, N one in N, those whose row leaves `hash_offset` over.

    A repair that finds none of the first files stops, since more likely a disk is not mounted; unless `accept_loss`.
    """

    hash_one_in: int = 0
    hash_offset: int = 0
    database: bool = False
    accept_loss: bool = False

    def reads(self, file: StoredFile) -> bool:
        """Whether the bytes of this file are to be read."""
        return self.hash_one_in > 0 and file.id % self.hash_one_in == self.hash_offset % self.hash_one_in


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far it is: `stage` is `database`, `files` or `strays`; `total` is 0 where nobody knows."""

    stage: str
    done: int
    total: int
    read_bytes: int


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found. `integrity` and `discrepancies` are those of the database, before anything was repaired."""

    findings: Findings
    files_checked: int
    files_read: int
    bytes_read: int
    strays_looked_for: bool
    too_young: int
    integrity: tuple[str, ...] | None
    discrepancies: Discrepancies | None
    seconds: float

    @property
    def harmful(self) -> int:
        """Findings that are damage, and problems of the database."""
        of_files = sum(count for damage, count in self.findings.counts.items() if damage not in HARMLESS)
        return of_files + len(self.integrity or ()) + count_discrepancies(self.discrepancies)


Watch = Callable[[VerifyProgress], None]


class Verification:
    """One pass over a collection. With `repair` the caller holds the lock; without, `beside_a_run` says whether one does."""

    def __init__(
        self, collection: Collection, store: Reader, options: VerifyOptions, clock: Clock, *, beside_a_run: bool,
        repair: Repair | None = None, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        self._root = collection.root
        self._collection = collection
        self._store = store
        self._options = options
        self._clock = clock
        self._began = clock.now()
        self._beside_a_run = beside_a_run
        self._repair = repair
        self._watch = watch
        self._findings = Findings()
        self._checked = self._read = self._read_bytes = self._too_young = 0

    async def run(self) -> VerifyReport:
        """Look at everything, and repair it when asked to.

        Raises `CollectionError` when the database itself is damaged and a repair was asked for: repairing on top of
        that would make it worse; `EnvironmentStops` when all files seem to be gone and a repair was asked for.
        """
        integrity, discrepancies = await self._database()
        looked_for = self._collection.files.is_dir()
        with KnownPaths(_scratch(self._collection)) as known:
            await self._rows_against_files(known)
            if looked_for:
                await self._files_against_rows(known)
        if self._repair is not None:
            await self._repair.counters(lambda done: self._tell("records", done, 0))
        seconds = self._clock.now().monotonic - self._began.monotonic
        return VerifyReport(
            self._findings,
            self._checked,
            self._read,
            self._read_bytes,
            looked_for,
            self._too_young,
            integrity,
            discrepancies,
            seconds,
        )

    async def _database(self) -> tuple[tuple[str, ...] | None, Discrepancies | None]:
        if not self._options.database:
            return None, None
        self._tell("database", 0, 0)
        integrity = tuple(await self._store.integrity_problems(MAX_INTEGRITY_PROBLEMS))
        if integrity and self._repair is not None:
            raise CollectionError(
                f"the database is damaged: {integrity[0]}",
                "restore a copy of it; the image files are untouched, and nothing was repaired",
            )
        return integrity, await self._store.discrepancies()

    async def _rows_against_files(self, known: KnownPaths) -> None:
        total = (await self._store.counts()).by_status.get("success", 0)
        after = 0
        with ThreadPoolExecutor(min(MAX_THREADS, (os.cpu_count() or 1) + 1), "verify") as pool:
            try:
                while page := await self._store.files_page(after, PAGE_FILES):
                    after = page[-1].id
                    await asyncio.to_thread(known.add, [file.path for file in page])
                    findings = await self._still_so(await self._check(page, pool))
                    self._stop_if_all_is_gone(page, findings)
                    await self._keep(findings)
                    self._tell("files", self._checked, max(total, self._checked))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _stop_if_all_is_gone(self, page: Sequence[StoredFile], findings: Sequence[Finding]) -> None:
        if self._repair is None or self._options.accept_loss or self._checked > PAGE_FILES or len(page) < MIN_FILES_TO_DOUBT:
            return
        if sum(finding.damage is Damage.MISSING for finding in findings) == len(page):
            raise EnvironmentStops(
                f"none of the first {len(page)} files is there; nothing was changed",
                "is their disk mounted? if they are lost indeed: `asyncdl verify --fix --accept-loss` fetches all of them again",
            )

    async def _check(self, page: Sequence[StoredFile], pool: ThreadPoolExecutor) -> list[Finding]:
        slices = [page[start : start + _SLICE_FILES] for start in range(0, len(page), _SLICE_FILES)]
        loop = asyncio.get_running_loop()
        found = await asyncio.gather(
            *(loop.run_in_executor(pool, _check_slice, self._root, part, self._options) for part in slices)
        )
        self._checked += len(page)
        read = [file for file in page if self._options.reads(file)]
        self._read += len(read)
        self._read_bytes += sum(file.size_bytes for file in read)
        return [finding for part in found for finding in part]

    async def _still_so(self, findings: list[Finding]) -> list[Finding]:
        """The findings whose row is still the same: a run may have replaced it since the page was read."""
        images = {finding.file.image for finding in findings if finding.file is not None}
        rows = {(file.id, file.path, file.sha256) for file in await self._store.files_of(sorted(images))} if images else set()
        return [one for one in findings if one.file is not None and (one.file.id, one.file.path, one.file.sha256) in rows]

    async def _files_against_rows(self, known: KnownPaths) -> None:
        part = self._collection.part
        strays = known.strays(self._root, frozenset({part.name}))
        unsettled = {intent.path for intent in await asyncio.to_thread(IntentJournal(self._collection.intents / "journal").pending)}
        looked_at = 0
        while (batch := await asyncio.to_thread(next, strays, None)) is not None:
            looked_at += len(batch)
            await self._keep([
                Finding(Damage.UNSETTLED if entry.path in unsettled else Damage.ORPHAN, entry.path) for entry in self._old_enough(batch)
            ])  # fmt: skip
            self._tell("strays", looked_at, 0)
        if self._beside_a_run:
            return  # its unfinished bodies are there, where they belong
        parts = entries_of(part, self._root)
        while (batch := await asyncio.to_thread(next, parts, None)) is not None:
            await self._keep([Finding(Damage.STALE_PART, entry.path) for entry in self._old_enough(batch)])

    def _old_enough(self, batch: Sequence[Entry]) -> Iterator[Entry]:
        limit_ms = self._began.utc_ms - (YOUNG_MS if self._beside_a_run else 0)
        for entry in batch:
            if self._repair is not None or entry.changed_ms <= limit_ms:
                yield entry
            else:
                self._too_young += 1

    async def _keep(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._findings.add(finding)
        if self._repair is None:
            return
        if of_rows := [finding for finding in findings if finding.damage in OF_ROWS]:
            await self._repair.rows(of_rows)
        if unread := [finding for finding in findings if finding.damage is Damage.NO_DIGEST]:
            await self._repair.digests(unread)
        if strays := [finding for finding in findings if finding.damage in {Damage.ORPHAN, Damage.STALE_PART}]:
            await self._repair.strays(strays)
        self._repair.unfixed += sum(finding.damage is Damage.UNREADABLE for finding in findings)

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._watch is not None:
            self._watch(VerifyProgress(stage, done, total, self._read_bytes))


def _check_slice(root: Path, files: Sequence[StoredFile], options: VerifyOptions) -> list[Finding]:
    checked = (check_file(root, file, read=options.reads(file)) for file in files)
    return [finding for finding in checked if finding is not None]


def _scratch(collection: Collection) -> Path | None:
    """Where buckets that grow go: beside the data, because /tmp is small on many machines; None leaves it to the system."""
    return collection.scratch if os.access(collection.scratch, os.W_OK) else None
