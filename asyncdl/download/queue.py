"""Brings due rows from the database to the scheduler: host by host, a bounded look-ahead each, a bounded window of hosts.

What is handed out is remembered until its batch is committed, and is not brought twice. Everything here can be forgotten at any
moment: the rows still say that they are due.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from asyncdl.clock import Clock, Instant
from asyncdl.download.outcome import Finished
from asyncdl.download.scheduler import Scheduler
from asyncdl.limits import Stop
from asyncdl.model import HostDue, Work, WorkKind
from asyncdl.store import QUEUE_START, Store

WINDOW_HOSTS = 1_024
"""Hosts whose rows are paged at the same time; further hosts wait for a place."""

LARGEST_HOSTS = 256
RANK_SECONDS = 600.0
"""Where hosts wait for a place, so many of the largest get one first; they are looked for at the beginning, and again after this time."""

MAX_QUEUED_ROWS = 8_192
"""Rows held in memory over all hosts, at more than 1 kB each: enough for the shortest look-ahead of a full window."""

MAX_LOOK_AHEAD_ROWS = 512
_EVER_MS = 2**62
MIN_LOOK_AHEAD_ROWS = 8
HOLD_PAUSED_SECONDS = 30.0
"""Rows of a lane that is paused for longer are given back, or sooner when the run would not wait that long."""


@dataclass(slots=True)
class _ActiveHost:
    """A host in the window, how far its two queues were paged, and how many images are left behind what was paged."""

    due: HostDue
    left: int = 0
    after: dict[WorkKind, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(WorkKind, QUEUE_START))


class Feeder:
    """Keeps the scheduler's lanes filled. One coroutine calls `feed`; `committed` may be called from another."""

    def __init__(
        self, store: Store, scheduler: Scheduler, clock: Clock, *, max_images: int | None = None, wait_seconds: float = math.inf
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._clock = clock
        self._images_left = max_images
        self._hold_seconds = min(HOLD_PAUSED_SECONDS, wait_seconds)
        self._active: dict[int, _ActiveHost] = {}
        self._handed: set[tuple[WorkKind, int]] = set()
        self._sweep_after = 0
        self._swept_at = float("-inf")
        self._ranked_at = float("-inf")
        self._passed_over: set[int] = set()  # blocked hosts whose rows were looked through for links to other hosts

    @property
    def handed(self) -> int:
        """Rows handed out and not committed yet."""
        return len(self._handed)

    @property
    def images_left(self) -> int | None:
        """How many more images may be begun; None without a limit."""
        return self._images_left

    def committed(self, kind: WorkKind, work_id: int) -> None:
        """The verdict on a row is in the database: it may be brought again when it is due again."""
        self._handed.discard((kind, work_id))

    def given_back(self, works: list[Work]) -> None:
        """Rows were released untouched: they may be brought again."""
        if not works:
            return
        for work in works:
            self._handed.discard((work.kind, work.id))
            if self._images_left is not None and work.kind is WorkKind.IMAGE:
                self._images_left += 1
        # They lie behind the cursors of their hosts: there paging starts over, which the set of handed rows makes harmless.
        # Rows of a blocked host are looked at once.
        hosts = {work.host for work in works}
        for host in self._active.values():
            if host.due.host in hosts and self._stop_of(host.due, self._clock.now()) is not Stop.BLOCK:
                host.after = dict.fromkeys(WorkKind, QUEUE_START)

    async def feed(self) -> list[Finished]:
        """Fill every lane that wants rows. Returns the verdicts on rows that needed no request."""
        now = self._clock.now()
        released = self._scheduler.release_paused(now, self._hold_seconds)
        self.given_back(released.works)
        self._scheduler.lanes.forget_idle(now)
        await self._widen(now)
        closed = released.closed
        for host in list(self._active.values()):
            if self._images_left == 0:
                break
            closed += await self._feed_host(host, now)
        if self._scheduler.doubts:
            fed = set() if self._images_left == 0 else {host.due.lane for host in self._active.values()}
            self._scheduler.doubts.close(fed, now)
        await self._introduce_lanes()
        return closed

    async def _introduce_lanes(self) -> None:
        """Tell the scheduler what is remembered of the lanes it met since; redirects lead to hosts nobody listed."""
        if names := self._scheduler.lanes.unknown():
            remembered, robots = await self._store.load_lanes(names), await self._store.load_robots(names)
            self._scheduler.restore(names, remembered, self._clock.now(), robots)

    async def _widen(self, now: Instant) -> None:
        """Fill the window of active hosts from a sweep over all hosts that have due rows."""
        room = WINDOW_HOSTS - len(self._active)
        # A full window needs no sweep; a sweep that found nothing new is not repeated at once.
        if room <= 0 or now.monotonic - self._swept_at < 1.0:
            return
        page = await self._store.hosts_due(self._sweep_after, room)
        if not page and self._sweep_after:
            self._sweep_after = 0
            page = await self._store.hosts_due(0, room)
        swept_to = page[-1].host_id if len(page) == room else 0
        if swept_to and now.monotonic - self._ranked_at >= RANK_SECONDS:
            largest = await self._largest(now)
            page = page[: max(1, room - len(largest))]
            swept_to = page[-1].host_id
            page = list({due.host_id: due for due in (*largest, *page)}.values())
        new = [
            due for due in page if due.next_due_ms <= now.utc_ms and due.host_id not in self._active and not self._held_up(due, now)
        ][:room]
        left = await self._store.images_left([due.host_id for due in new]) if new else {}
        for due in new:
            self._active[due.host_id] = host = _ActiveHost(due)
            self._expect(host, left.get(due.host_id, 0))
        self._sweep_after = swept_to
        if not swept_to:
            self._swept_at = now.monotonic

    async def _largest(self, now: Instant) -> list[HostDue]:
        """The hosts with most images, where there are more hosts than places: whoever decides the end of the run must not wait for a place."""
        self._ranked_at = now.monotonic
        found: list[HostDue] = []
        for largest in await self._store.largest_waiting(LARGEST_HOSTS):
            found += [due for due in await self._store.hosts_due(largest.host_id - 1, 1) if due.host_id == largest.host_id]
        return found

    def _expect(self, host: _ActiveHost, images: int) -> None:
        """So many more images of a host are still to be brought (fewer, when negative): who needs longest goes first when slots are short."""
        change = max(images, -host.left)
        host.left += change
        self._scheduler.lanes.expect(host.due.lane, change)

    def _leave(self, host: _ActiveHost) -> None:
        del self._active[host.due.host_id]
        self._expect(host, -host.left)

    def _held_up(self, due: HostDue, now: Instant) -> bool:
        """Whether the host is paused for longer than its rows, or its place in the window, are worth holding.

        A host that a person blocks is not, until its rows were looked through once for links to other hosts.
        """
        if self._stop_of(due, now) is Stop.BLOCK:
            return due.host_id in self._passed_over
        self._passed_over.discard(due.host_id)
        if self._scheduler.lanes.get(due.lane) is not None:
            return self._scheduler.paused_seconds(due.lane, now) > self._hold_seconds
        return due.not_before_ms is None or now.seconds_until(due.not_before_ms) > self._hold_seconds

    def _stop_of(self, due: HostDue, now: Instant) -> Stop | None:
        """A person's stop of the host's lane: as the lane knows it, else as it was stored when the host was found."""
        queue = self._scheduler.lanes.get(due.lane)
        if queue is not None and queue.known:
            return None if queue.lane.given_up else queue.lane.stop
        return due.stop if due.not_before_ms is None or due.not_before_ms > now.utc_ms else None

    async def _feed_host(self, host: _ActiveHost, now: Instant) -> list[Finished]:
        if self._held_up(host.due, now):
            self._leave(host)
            return []
        look_ahead = max(MIN_LOOK_AHEAD_ROWS, min(MAX_LOOK_AHEAD_ROWS, MAX_QUEUED_ROWS // max(1, len(self._active))))
        wanted = self._scheduler.wants(host.due.lane, look_ahead)
        if wanted * 2 < look_ahead:
            return []
        closed: list[Finished] = []
        brought = 0
        for kind in (WorkKind.MANIFEST, WorkKind.IMAGE):
            if wanted <= 0:
                break
            before_ms = _EVER_MS if host.due.given_up else now.utc_ms
            page = await self._store.due_work(host.due.host_id, kind, host.after[kind], before_ms, wanted)
            brought += len(page)
            for work in page:
                host.after[kind] = (work.due_ms, work.id)
                if finished := self._hand_out(work, now):
                    closed.append(finished)
            wanted -= len(page)
        self._expect(host, -brought)
        if not brought:
            self._leave(host)
            if self._stop_of(host.due, now) is Stop.BLOCK:
                self._passed_over.add(host.due.host_id)
        return closed

    def _hand_out(self, work: Work, now: Instant) -> Finished | None:
        identity = (work.kind, work.id)
        if identity in self._handed:
            return None
        if self._images_left is not None and work.kind is WorkKind.IMAGE:
            if self._images_left == 0:
                return None
            self._images_left -= 1
        self._handed.add(identity)
        return self._scheduler.add(work, now)

    async def next_due_ms(self, now: Instant) -> int | None:
        """When the next row may be asked for, lanes' pauses considered; None when no row is due ever. Call it with nothing in flight."""
        earliest: int | None = None
        after = 0
        while page := await self._store.hosts_due(after, WINDOW_HOSTS):
            for due in page:
                if due.not_before_ms is not None:
                    at = max(due.next_due_ms, due.not_before_ms)
                    earliest = at if earliest is None else min(earliest, at)
            if earliest is not None and earliest <= now.utc_ms:
                break
            after = page[-1].host_id
        return earliest
