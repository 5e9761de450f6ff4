"""A run without sockets, files and waiting: the real scheduler and the real feeder, a virtual clock, simulated hosts.

What is not here: fetching, inspection (it takes no time), the recorder (verdicts are committed at once). What is timed is the scheduler's own work.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import cast

from asyncdl.app.jobs import lane_of_url
from asyncdl.blobs import Spool
from asyncdl.clock import Instant
from asyncdl.download.outcome import Failed, Finished, Outcome, RobotsRead, Saved, Ticket, TicketKind, Wait
from asyncdl.download.queue import Feeder
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.model import ImageFacts
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from benchmarks.populations import Population
from benchmarks.simulated_hosts import Answer, SimulatedHost
from benchmarks.virtual_rows import VirtualRows, host_of_lane, number_of_work

MIDNIGHT_MS = 1_767_225_600_000
BIN_SECONDS = 900.0
_FEED_SECONDS = 0.5
_FEW_ROWS = 16
"""As in `asyncdl.download.run`: how often the feeder is called at least, and when it is called sooner."""

_HUNGRY_SECONDS = 0.1
"""How soon then. A run does not wait so long (10 ms), but a call goes through all active hosts, and weeks have many of them."""

_FACTS = ImageFacts("jpg", "image/jpeg", 4, 3)
_SAVED = Saved(_FACTS, cast(Spool, None))  # the scheduler never looks into it
REFUSALS = frozenset({"rate_limited", "unavailable", "http_403"})
"""What a host answers when it does not want to be asked now."""


class SimulatedClock:
    """Both clocks follow one number, so that no fraction is lost over millions of steps."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> Instant:
        """The moment the simulation has come to."""
        return Instant(self.at, MIDNIGHT_MS + round(self.at * 1000))


@dataclass(slots=True)
class Bin:
    """What happened in a quarter of an hour."""

    served: int = 0
    refused: int = 0
    paused_hosts: int = 0
    busy_hosts: int = 0


@dataclass(slots=True)
class Figures:
    """What a run came to."""

    seconds: float = 0.0
    tickets: int = 0
    decision_seconds: float = 0.0
    feeder_seconds: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    bins: dict[int, Bin] = field(default_factory=dict)

    def bin_at(self, at: float) -> Bin:
        """The quarter of an hour that a moment is in."""
        return self.bins.setdefault(int(at / BIN_SECONDS), Bin())


class VirtualRun:
    """Run once. `hosts` holds the hosts that were asked, unless `forget_hosts` drops each when its rows have ended."""

    def __init__(
        self, population: Population, rules: SchedulerRules, seed: int, *, forget_hosts: bool = False, robots: bool = True
    ) -> None:
        self.clock = SimulatedClock()
        self.rows = VirtualRows(population)
        self.hosts: dict[int, SimulatedHost] = {}
        self.figures = Figures()
        self.scheduler = Scheduler(rules, Random(seed), lane_of_url, RobotsGate(ignore_all=not robots))
        self._feeder = Feeder(cast(Store, self.rows), self.scheduler, self.clock)
        self._population = population
        self._random = Random(seed + 1)
        self._forget_hosts = forget_hosts
        self._events: list[tuple[float, int, Ticket, SimulatedHost, Answer]] = []
        self._order = itertools.count()
        self._feed_at = 0.0
        self._fed_at = -1.0

    async def run(self, *, images: int, until_seconds: float = math.inf) -> Figures:
        """Until so many images have ended (those given up with their host do not count), until then, or until nothing is due any more."""
        while sum(self.rows.ended.values()) - self.rows.given_up < images and self.clock.at < until_seconds:
            if self._feed_at <= self.clock.at:
                await self._feed()
            wait = self._start_all()
            upcoming = [self._feed_at]
            if self._events:
                upcoming.append(self._events[0][0])
            if wait.until is not None:
                upcoming.append(wait.until)
            self.clock.at = max(self.clock.at, min(upcoming))
            if math.isinf(self.clock.at):
                break
            self._end_all()
        self.figures.seconds = self.clock.at
        return self.figures

    async def _feed(self) -> None:
        began = time.thread_time()
        for finished in await self._feeder.feed():
            self._settle(finished)
        lanes = self.scheduler.lanes.changed()
        self.rows.save_lanes(lanes)
        self.scheduler.lanes.stored(lanes)
        now = self.clock.now()
        self._fed_at, self._feed_at = now.monotonic, now.monotonic + _FEED_SECONDS
        if self.scheduler.works == 0 and not self._events:
            due_ms = await self._feeder.next_due_ms(now)
            self._feed_at = math.inf if due_ms is None else now.monotonic + max(_HUNGRY_SECONDS, now.seconds_until(due_ms))
        self.figures.feeder_seconds += time.thread_time() - began
        self._note_hosts(now)

    def _note_hosts(self, now: Instant) -> None:
        """Once per quarter of an hour."""
        if int(now.monotonic / BIN_SECONDS) not in self.figures.bins:
            noted = self.figures.bin_at(now.monotonic)
            for queue in self.scheduler.lanes:
                noted.paused_hosts += queue.lane.paused_seconds(now) > 0
                noted.busy_hosts += queue.lane.in_flight > 0 or len(queue) > 0

    def _start_all(self) -> Wait:
        """Take every ticket that may start now."""
        now = self.clock.now()
        while True:
            began = time.thread_time()
            step = self.scheduler.take(now)
            self.figures.decision_seconds += time.thread_time() - began
            if isinstance(step, Wait):
                return step
            if isinstance(step, Finished):
                self._settle(step)
                continue
            self.figures.tickets += 1
            host = self._host(host_of_lane(step.lane))
            answer = host.arrive(number_of_work(step.work) if step.work else None, now.monotonic, self._random)
            heapq.heappush(self._events, (now.monotonic + answer.seconds, next(self._order), step, host, answer))

    def _host(self, number: int) -> SimulatedHost:
        host = self.hosts.get(number)
        if host is None:
            host = self.hosts[number] = SimulatedHost(self._population.traits(number))
        return host

    def _end_all(self) -> None:
        """Finish every ticket whose answer has come."""
        while self._events and self._events[0][0] <= self.clock.at:
            _, _, ticket, host, answer = heapq.heappop(self._events)
            host.leave(self.clock.at, answer)
            outcome = self._outcome(ticket, answer)
            now = self.clock.now()
            began = time.thread_time()
            if answer.error is None:
                self.scheduler.received(ticket, answer.first_byte_seconds)
            finished = self.scheduler.finish(ticket, outcome, now)
            self.figures.decision_seconds += time.thread_time() - began
            self._settle(finished)
            queue = self.scheduler.lanes.get(ticket.lane)
            if queue is None or len(queue) < _FEW_ROWS or not self.scheduler.works or self.scheduler.lanes.has_unknown:
                self._feed_at = min(self._feed_at, max(self.clock.at, self._fed_at + _HUNGRY_SECONDS))

    def _outcome(self, ticket: Ticket, answer: Answer) -> Outcome:
        noted = self.figures.bin_at(self.clock.at) if self.clock.at < 86_400 else Bin()
        if answer.error is None:
            noted.served += 1
            return RobotsRead(404, b"") if ticket.kind is TicketKind.ROBOTS else _SAVED
        self.figures.errors[answer.error] += 1
        noted.refused += answer.error in REFUSALS
        if ticket.kind is TicketKind.ROBOTS and answer.error.startswith("http_"):
            return RobotsRead(int(answer.error.removeprefix("http_")), b"")
        return Failed(answer.error, retry_after_seconds=answer.retry_after_seconds)

    def _settle(self, finished: Finished) -> None:
        """What the recorder does: the row moves, and may be brought again."""
        if finished.verdict is None:
            return
        self.rows.apply(finished.verdict)
        self._feeder.committed(finished.verdict.work.kind, finished.verdict.work.id)
        if self._forget_hosts and finished.verdict.to is ImageStatus.SUCCESS:
            host = host_of_lane(finished.verdict.work.lane)
            if host in self.hosts and self.rows.is_done(host):
                del self.hosts[host]
