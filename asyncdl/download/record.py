"""Turns verdicts into files and rows: one batch, one order of durability, one commit.

The order inside a batch: the bodies are synced under their temporary names, the intent journal is synced, the files get their final
names, their folders are synced, the rows are committed, the journal is cleared. A crash between any two leaves either an unfinished
temporary file, or a final file that the journal vouches for. Memory (what the feeder holds as handed out) comes last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from asyncdl import events
from asyncdl.blobs import IntentJournal, LocalFault, Placement, place_batch
from asyncdl.clock import Clock
from asyncdl.collection import record_path
from asyncdl.download.intent import intent_of
from asyncdl.download.outcome import Finished, Saved, Verdict
from asyncdl.download.queue import Feeder
from asyncdl.download.scheduler import Scheduler
from asyncdl.errors import EnvironmentStops
from asyncdl.events import EventHub
from asyncdl.model import Batch, FileRole, ManifestTransition, NewFile, Transition, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store import Applied, Store
from asyncdl.urls import host_of

MAX_BATCH_ROWS = 500
MAX_BATCH_SECONDS = 1.0
MAX_BACKLOG_ROWS = 2_000
"""Verdicts that wait for their commit; beyond it no request starts."""

STORAGE_RETRY_SECONDS = 5.0


class Recorder:
    """Collects what the scheduler says, and commits it in batches closed by size, by age, or because nothing more is coming.

    Trouble with this machine's storage pauses the run; when it lasts longer than `patience_seconds`, it ends the run.
    """

    def __init__(
        self, store: Store, scheduler: Scheduler, feeder: Feeder, root: Path, journal: IntentJournal, hub: EventHub, clock: Clock,
        *, durable: bool, patience_seconds: float,
    ) -> None:  # fmt: skip
        self._store = store
        self._scheduler = scheduler
        self._feeder = feeder
        self._root = root
        self._aside = root / "quarantine"
        self._journal = journal
        self._hub = hub
        self._clock = clock
        self._durable = durable
        self._patience_seconds = patience_seconds
        self._open: list[Finished] = []
        self._filled = asyncio.Event()
        self._due = asyncio.Event()
        self._committed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._trouble_since: float | None = None

    @property
    def idle(self) -> bool:
        """Whether everything that was taken in is committed."""
        return not self._open and not self._learnt

    @property
    def _learnt(self) -> bool:
        """Whether something was learnt of hosts that is to be stored."""
        return self._scheduler.lanes.has_changed or self._scheduler.robots.has_changed

    def add(self, finished: Finished) -> None:
        """Take in what followed from an outcome; what concerns no row is dropped, but lanes that changed are stored soon."""
        self.look()
        if finished.verdict is None and finished.failure is None:
            return
        self._open.append(finished)
        self._filled.set()
        if len(self._open) >= MAX_BATCH_ROWS:
            self._due.set()

    def look(self) -> None:
        """Store lanes that have changed soon, also when no row has anything to store; at once when one of them waits for that."""
        if self._learnt:
            self._filled.set()
        if self._scheduler.lanes.urgent:
            self._due.set()

    def hurry(self) -> None:
        """Nothing more is coming for now: commit what there is."""
        self._due.set()

    async def room(self) -> None:
        """Wait while too much waits for its commit."""
        while len(self._open) >= MAX_BACKLOG_ROWS:
            self._committed.clear()
            self._due.set()
            await self._committed.wait()

    async def run(self) -> None:
        """Commit batch after batch until cancelled. Raises `EnvironmentStops` when storage stays in trouble."""
        while True:
            await self._filled.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(MAX_BATCH_SECONDS):
                    await self._due.wait()
            self._due.clear()
            await self._commit_batch()

    async def finish(self) -> None:
        """Commit everything there is."""
        while not self.idle:
            await self._commit_batch()

    async def _commit_batch(self) -> None:
        """Files first, rows second, memory last."""
        async with self._one_at_a_time:
            taken = self._open[:MAX_BATCH_ROWS]
            kept, files = await self._place(taken)
            lanes = self._scheduler.lanes.changed()
            batch = Batch(
                tuple(_transition(verdict, files.get(verdict.work.id)) for verdict in _verdicts(kept, WorkKind.IMAGE)),
                tuple(_manifest_transition(verdict) for verdict in _verdicts(kept, WorkKind.MANIFEST)),
                tuple(finished.failure for finished in kept if finished.failure is not None),
                lanes,
                self._scheduler.robots.changed(),
            )
            news = self._scheduler.lanes.news()
            at_ms = self._clock.now().utc_ms
            applied = await self._apply_patiently(batch, at_ms)
            self._scheduler.lanes.stored(lanes)
            if files:
                await asyncio.to_thread(self._journal.clear)
            del self._open[: len(taken)]
            if not self._open:
                self._filled.clear()
            self._after(kept, applied, at_ms)
            for lane, text in news:
                self._hub.emit(events.Notice(at_ms, text))
                await self._store.add_event(at_ms, "host", lane, text)

    async def _place(self, taken: Sequence[Finished]) -> tuple[list[Finished], dict[int, NewFile]]:
        """Give the saved images of a batch their files. What this machine could not write is given back, unpaid."""
        saved = [(verdict, verdict.saved) for verdict in _verdicts(taken, WorkKind.IMAGE) if verdict.saved is not None]
        files = {verdict.work.id: _new_file(verdict, body) for verdict, body in saved}
        lost = await self._write(saved, files) if saved else {}
        for verdict, body in saved:
            if verdict.work.id in lost:
                await body.spool.discard()
                self._feeder.given_back([verdict.work])
                del files[verdict.work.id]
        self._notice_trouble(next(iter(lost.values()), None))
        kept = [line for line in taken if line.verdict is None or line.verdict.saved is None or line.verdict.work.id in files]
        return kept, files

    async def _write(self, saved: Sequence[tuple[Verdict, Saved]], files: Mapping[int, NewFile]) -> dict[int, LocalFault]:
        """In a thread: bytes, journal, names, folders. Returns the images that got no file, and why."""
        placements = {verdict.work.id: _placement(body, self._root / files[verdict.work.id].path) for verdict, body in saved}
        batch = [(placements[verdict.work.id], intent_of(verdict, files[verdict.work.id], _host(verdict))) for verdict, _ in saved]
        try:
            placed = await asyncio.to_thread(place_batch, batch, self._journal, self._aside, durable=self._durable)
        except LocalFault as fault:
            return dict.fromkeys(files, fault)
        faults = dict(placed.faults)
        return {image: faults[placement] for image, placement in placements.items() if placement in faults}

    async def _apply_patiently(self, batch: Batch, at_ms: int) -> Applied:
        """Commit; while the database cannot be written, pause the run and try again."""
        while True:
            try:
                applied = await self._store.apply(batch, at_ms)
            except EnvironmentStops as fault:
                self._notice_trouble(fault)
                await asyncio.sleep(STORAGE_RETRY_SECONDS)
            else:
                return applied

    def _notice_trouble(self, fault: LocalFault | EnvironmentStops | None) -> None:
        """Pause the run while storage is in trouble, say so once, and end the run when it lasts."""
        if fault is None:
            self._trouble_since = None
            return
        now = self._clock.now()
        if self._trouble_since is None:
            self._trouble_since = now.monotonic
            self._hub.emit(events.Notice(now.utc_ms, f"paused: {fault}"))
        if now.monotonic - self._trouble_since >= self._patience_seconds:
            what = fault.what if isinstance(fault, EnvironmentStops) else f"{fault.error}: {fault.detail}"
            raise EnvironmentStops(what, "nothing was lost: mend it, then `asyncdl run` goes on") from fault
        self._scheduler.pause_all(STORAGE_RETRY_SECONDS, now)

    def _after(self, kept: Sequence[Finished], applied: Applied, at_ms: int) -> None:
        for finished in kept:
            if finished.verdict is not None:
                self._feeder.committed(finished.verdict.work.kind, finished.verdict.work.id)
                if finished.verdict.saved is not None:
                    finished.verdict.saved.spool.release()
            for event in _events(finished, at_ms):
                self._hub.emit(event)
        if applied.images_created or applied.images_merged:
            self._hub.emit(events.ImagesAdded(at_ms, applied.images_created - applied.images_merged))
        if applied.manifests_waiting_failed:
            self._hub.emit(events.ImagesEnded(at_ms, applied.manifests_waiting_failed))
        self._committed.set()


def _verdicts(lines: Sequence[Finished], kind: WorkKind) -> list[Verdict]:
    return [finished.verdict for finished in lines if finished.verdict is not None and finished.verdict.work.kind is kind]


def _new_file(verdict: Verdict, saved: Saved) -> NewFile:
    facts, spool = saved.facts, saved.spool
    path = record_path(verdict.work.external_id, verdict.work.number, facts.extension)
    return NewFile(
        FileRole.ORIGINAL, path, spool.size_bytes, spool.sha256, facts.media_type, facts.width, facts.height, asked=saved.asked
    )


def _placement(saved: Saved, final: Path) -> Placement:
    spool = saved.spool
    return Placement(spool.part, final, spool.size_bytes, spool.sha256, spool.body() if spool.in_memory else None)


def _host(verdict: Verdict) -> str | None:
    """The host of the candidate that won or is next; None leaves the row's host as it is."""
    if verdict.candidate == verdict.work.candidate:
        return verdict.work.host or None  # nearly always: no need to read it out of the URL
    url = next((each.url for each in verdict.work.candidates if each.position == verdict.candidate), None)
    return (host_of(url) or None) if url else None


def _transition(verdict: Verdict, file: NewFile | None) -> Transition:
    return Transition(
        verdict.work.id,
        verdict.to,
        verdict.due_ms,
        verdict.attempts,
        error=verdict.error,
        candidate=verdict.candidate,
        host=_host(verdict),
        file=file,
        spent=verdict.spent,
    )


def _manifest_transition(verdict: Verdict) -> ManifestTransition:
    return ManifestTransition(verdict.work.id, verdict.to, verdict.due_ms, verdict.attempts, verdict.error, verdict.canvases)


def _events(finished: Finished, at_ms: int) -> list[events.Event]:
    """What watchers are told of one committed line."""
    told: list[events.Event] = []
    verdict, failure, work = finished.verdict, finished.failure, finished.work
    if work is None:
        return told
    if failure is not None:
        detail = failure.evidence.detail
        told.append(events.RequestFailed(at_ms, work.external_id, work.number, failure.host, failure.error, detail, finished.note))
    if verdict is None:
        return told
    host = _host(verdict) or work.host
    if verdict.saved is not None:
        told.append(events.ImageSaved(at_ms, work.external_id, work.number, host, verdict.saved.spool.size_bytes))
    elif work.kind is WorkKind.MANIFEST and verdict.to is ImageStatus.SUCCESS:
        told.append(events.ManifestExpanded(at_ms, work.external_id, len(verdict.canvases)))
    elif work.kind is WorkKind.IMAGE and verdict.to.terminal:
        told.append(events.ImageClosed(at_ms, work.external_id, work.number, host, verdict.to.label, verdict.error or ""))
    return told
