"""The lanes of a run, each with its queue of jobs, and the heaps that say which may start next.

A lane whose time has come waits among the *ready* ones for a slot. When slots are short, the order there decides how long the run takes: the lane that will need
longest (images left by its pace) goes first, because nobody can make up for what it loses. Its lead is bounded, so that every ready lane has its turn.

Lanes are made when first met and forgotten when idle, or while they rest, so that their number follows what is queued, not what the source holds, nor how many hosts are dead.
A lane waits until the shell has said what earlier runs learnt of it (`unknown`, `restore`). Pure, like the scheduler.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from asyncdl.clock import Instant, iso_utc
from asyncdl.download.job import Job
from asyncdl.download.lane import LaneState
from asyncdl.download.outcome import Failed, TicketKind
from asyncdl.lane_records import LaneRecord

HEAD_START_SECONDS: Final = 5.0
LONGEST_HEAD_START_SECONDS: Final = 60.0
"""A ready lane goes before those that were ready earlier by so much for each doubling of the minutes it still needs; at most by the longest."""

MAX_PACE_PER_SECOND: Final = 1_000.0


MAX_LEARNT_LANES = 2_048
"""Up to so many lanes, one whose host has answered is kept through its pauses: how the search for its pace stands is not stored."""


class LaneQueue:
    """A lane and the jobs waiting in it; robots.txt fetches go before everything else. `kept` are jobs in doubt (`doubts`), not counted.

    `version` tells its live heap entry from stale ones.
    """

    __slots__ = ("awaits_robots", "jobs", "kept", "known", "lane", "ready_at", "resting", "robots", "tickets", "version")

    def __init__(self, lane: LaneState) -> None:
        self.lane = lane
        self.robots: deque[Job] = deque()
        self.jobs: deque[Job] = deque()
        self.kept: list[tuple[Job, Failed]] = []
        self.known = False
        self.awaits_robots = False
        self.resting = False  # nothing to do before a pause ends, and noted as it is
        self.ready_at: float | None = None
        self.tickets = 0  # out and not finished, the ones in inspection included
        self.version = 0

    @property
    def head(self) -> Job:
        """The job whose turn is next."""
        return self.robots[0] if self.robots else self.jobs[0]

    def __len__(self) -> int:
        return len(self.robots) + len(self.jobs)

    def __bool__(self) -> bool:
        """A lane that is in use is true, whatever waits in it: an empty one is not a missing one."""
        return True


class LaneTable:
    """Queues by lane name, and the order in which they may start."""

    def __init__(self, make_lane: Callable[[str], LaneState]) -> None:
        self.queued = 0
        self.longest_head_start_seconds = LONGEST_HEAD_START_SECONDS
        self.farewell: Callable[[LaneState], None] | None = None  # told of each lane that is forgotten
        self._make_lane = make_lane
        self._ready: list[tuple[float, int, int, LaneQueue]] = []
        self._left: dict[str, int] = {}
        self._queues: dict[str, LaneQueue] = {}
        self._heap: list[tuple[float, int, int, LaneQueue]] = []
        self._sequence = itertools.count()
        self._unknown: list[str] = []
        self._changed: dict[str, LaneRecord] = {}
        self._storing: dict[str, LaneRecord] = {}
        self.urgent = False  # whether a lane can go on only when what has changed of it is stored
        self._news: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[LaneQueue]:
        return iter(self._queues.values())

    def get(self, name: str) -> LaneQueue | None:
        """The queue of a lane that is in use."""
        return self._queues.get(name)

    def of(self, name: str) -> LaneQueue:
        """The queue of a lane, made when it is not in use yet."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = LaneQueue(self._make_lane(name))
            self._unknown.append(name)
        return queue

    # -- jobs ------------------------------------------------------------------------------------------------

    def put(self, queue: LaneQueue, job: Job, *, front: bool) -> None:
        """Queue a job; `front` for work already begun, which ends before fresh work starts."""
        queue.resting = False
        jobs = queue.robots if job.kind is TicketKind.ROBOTS else queue.jobs
        if front:
            jobs.appendleft(job)
        else:
            jobs.append(job)
        self.queued += 1
        self.schedule(queue)

    def pop(self, queue: LaneQueue) -> Job:
        """Take the head of a queue. The caller schedules the queue again."""
        self.queued -= 1
        return (queue.robots or queue.jobs).popleft()

    def empty(self, queue: LaneQueue) -> list[Job]:
        """Take all jobs out of a queue."""
        jobs = [*queue.robots, *queue.jobs]
        queue.robots.clear()
        queue.jobs.clear()
        self.queued -= len(jobs)
        self.schedule(queue)
        return jobs

    # -- order -----------------------------------------------------------------------------------------------

    def schedule(self, queue: LaneQueue) -> None:
        """Give the queue its one live heap entry at the time its head may start, or none while it may not start."""
        ready_at = self._ready_at(queue)
        if ready_at == queue.ready_at:
            return
        queue.version += 1
        queue.ready_at = ready_at
        if ready_at is not None:
            heapq.heappush(self._heap, (ready_at, next(self._sequence), queue.version, queue))

    def _ready_at(self, queue: LaneQueue) -> float | None:
        if not queue.known or not (queue.robots or (queue.jobs and not queue.awaits_robots)):
            return None
        return queue.lane.ready_at()

    def expect(self, name: str, images: int) -> None:
        """So many more images (or fewer, when negative) are left of a lane beside those in its queue."""
        left = self._left.pop(name, 0) + images
        if left > 0:
            self._left[name] = left

    def remaining_seconds(self, queue: LaneQueue) -> float:
        """How long a lane will still need at its pace of now."""
        return (self._left.get(queue.lane.name, 0) + len(queue)) / min(queue.lane.rate_per_second, MAX_PACE_PER_SECOND)

    def next_ready(self, now: Instant) -> LaneQueue | float | None:
        """The queue whose turn it is, taken off the heaps; else the time (monotonic) of the next; else None."""
        self._collect_ready(now)
        while self._ready:
            _, _, version, queue = heapq.heappop(self._ready)
            if version == queue.version:
                queue.version += 1
                queue.ready_at = None
                return queue
        return self._heap[0][0] if self._heap else None

    def _collect_ready(self, now: Instant) -> None:
        """Move what may start now to the ready ones, and drop stale entries on the way."""
        while self._heap:
            ready_at, sequence, version, queue = self._heap[0]
            if version == queue.version and ready_at > now.monotonic:
                return
            heapq.heappop(self._heap)
            if version == queue.version:
                minutes = self.remaining_seconds(queue) / 60
                head_start = min(HEAD_START_SECONDS * math.log2(1 + minutes), self.longest_head_start_seconds)
                heapq.heappush(self._ready, (ready_at - head_start, sequence, version, queue))

    def lapse(self, now: Instant) -> None:
        """Let orders of people end that were given until now. Call it every second or so."""
        for queue in self:
            if queue.lane.lapse(now):
                self.schedule(queue)

    # -- memory ----------------------------------------------------------------------------------------------

    @property
    def has_unknown(self) -> bool:
        """Whether lanes wait for `unknown` and `restore`."""
        return bool(self._unknown)

    def unknown(self) -> list[str]:
        """Lanes made since the last call: the shell looks up what is remembered of them and calls `restore`."""
        unknown, self._unknown = self._unknown, []
        return unknown

    def restore(self, names: Sequence[str], remembered: Mapping[str, LaneRecord], now: Instant) -> None:
        """Let lanes begin, with what earlier runs learnt of them."""
        for name in names:
            queue = self._queues.get(name)
            if queue is not None:  # an empty one is false
                # What this run has saved but not committed yet is newer than what was read; orders are never its own.
                record, newer = remembered.get(name), self._changed.get(name) or self._storing.get(name)
                if newer is not None:
                    record = replace(newer, order=record.order if record is not None else None)
                if record is not None:
                    queue.lane.restore(record, now)
                queue.known = True
                self.schedule(queue)

    def remember(self, queue: LaneQueue, now: Instant) -> None:
        """Note that what is to be remembered of this lane has changed."""
        lane = queue.lane
        self._changed[lane.name] = lane.record(now)
        self.urgent |= lane.budgets.waits
        if lane.news:
            probe = f"; next asked {iso_utc(lane.pauses.until_ms)}" if (lane.down or lane.ban.banned) and not lane.held else ""
            self._news += [(lane.name, text + probe) for text in lane.news]
            lane.news = []

    def remember_paces(self, now: Instant) -> None:
        """Note what was learnt and spent of every lane: asking is over."""
        for queue in self:
            queue.lane.budgets.release()
            if queue.known and queue.lane.worth_keeping:
                self.remember(queue, now)

    @property
    def has_changed(self) -> bool:
        """Whether there is something for `changed` to return."""
        return bool(self._changed)

    def changed(self) -> tuple[LaneRecord, ...]:
        """What is to be stored of lanes since the last call."""
        self.urgent = False
        self._storing |= self._changed
        changed, self._changed = tuple(self._changed.values()), {}
        return changed

    def stored(self, records: Sequence[LaneRecord]) -> None:
        """These records of `changed` are committed: what was reserved of budgets may be spent."""
        for record in records:
            if self._storing.get(record.lane) is record:
                del self._storing[record.lane]
            queue = self._queues.get(record.lane)
            if queue is not None and record.lane not in self._changed:
                queue.lane.budgets.confirm()
                self.schedule(queue)

    def news(self) -> list[tuple[str, str]]:
        """Turns in the health of lanes since the last call, as name and words: what a person should know of."""
        news, self._news = self._news, []
        return news

    def forget_idle(self, now: Instant) -> int:
        """Drop lanes with nothing queued or in flight that may start now, or that rest and are stored as they are. How many."""
        without_work = [
            queue for queue in self if queue.known and not (len(queue) or queue.kept or queue.tickets or queue.awaits_robots)
        ]
        return sum(self._forgotten(queue, now) for queue in without_work)

    def _forgotten(self, queue: LaneQueue, now: Instant) -> bool:
        name = queue.lane.name
        if queue.lane.idle(now):
            if queue.lane.worth_keeping:
                self.remember(queue, now)
        elif not queue.lane.rests(now) or (queue.lane.answers and len(self._queues) <= MAX_LEARNT_LANES):
            return False
        elif not queue.resting:
            self.remember(queue, now)
            queue.resting = True
            return False
        elif name in self._changed or name in self._storing:
            return False
        del self._queues[name]
        if self.farewell is not None:
            self.farewell(queue.lane)
        return True

    def check(self) -> None:
        """Raise AssertionError when an invariant of this table is broken; for tests."""
        assert self.queued == sum(len(queue) for queue in self), "queued jobs are miscounted"
        live = [entry[3] for entry in (*self._heap, *self._ready) if entry[2] == entry[3].version]
        assert len(live) == len(set(map(id, live))), "a lane has two live heap entries"
        for queue in self:
            assert queue.lane.in_flight >= 0, f"{queue.lane.name}: negative requests in flight"
            assert queue.ready_at == self._ready_at(queue), f"{queue.lane.name} is not scheduled as it should be"
            assert (queue.ready_at is not None) == (queue in live), f"{queue.lane.name} waits outside the heap"
