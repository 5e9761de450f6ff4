"""Decides which request may start now, and what follows from how it ended. Pure and synchronous.

Rules of this module: no clock, no I/O, no randomness of its own; `now` and the random source are given. The shell around it
feeds it with due rows (`add`), carries its tickets out (`take`), and tells it what came of them (`finish`). Nobody waits while
holding a slot: what may not start yet is a queue entry, not a task.

Cost: a decision is logarithmic in the lanes that have something queued, and does not depend on the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from asyncdl.clock import Instant
from asyncdl.download import verdicts
from asyncdl.download.bans import REFUSALS
from asyncdl.download.breaker import SYMPTOMS
from asyncdl.download.doubts import Doubts
from asyncdl.download.issued import Issued, IssuedTickets
from asyncdl.download.job import Job
from asyncdl.download.lane import LaneState
from asyncdl.download.lane_table import LaneQueue, LaneTable
from asyncdl.download.outcome import (
    Failed,
    Finished,
    ManifestRead,
    Outcome,
    Redirected,
    RobotsRead,
    Saved,
    Ticket,
    TicketKind,
    Wait,
)
from asyncdl.download.passes import Passes, SchedulerRules
from asyncdl.download.robots_gate import Permission, RobotsGate
from asyncdl.download.robots_tickets import RobotsTickets
from asyncdl.errors import Blame, error_type
from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.limits import LaneOrder
from asyncdl.model import Work

__all__ = ["Scheduler", "SchedulerRules"]

BUSY_SECONDS = 0.25
"""How long a host waits whose server is busy with other hosts."""


class Released(NamedTuple):
    """Rows that go back to the queue as they were, and the ends of passes that had begun."""

    works: list[Work]
    closed: list[Finished]


class Scheduler:
    """The one place that says *now*. See the module's docstring for its use."""

    def __init__(self, rules: SchedulerRules, random: Random, lane_of_url: Callable[[str], str], robots: RobotsGate) -> None:
        self.rules = rules
        self.lanes = LaneTable(self._make_lane)
        self._random = random
        self._lane_of_url = lane_of_url
        self.robots = robots
        self._robots_tickets = RobotsTickets(robots, self.lanes, random)
        self.passes = Passes(rules, self.lanes, robots, lane_of_url, random)
        self.doubts = Doubts(self.lanes, self.passes.candidate_failed, self.passes.set_aside)
        self.slots = rules.concurrency
        self.short_of_slots = 0  # answers that came while something waited for nothing but a slot
        self._short = False
        self._issued = IssuedTickets(self.lanes)
        self._not_before = -math.inf

    def _make_lane(self, name: str) -> LaneState:
        rules = self.rules
        return LaneState(name, rules.lane_limits.tightened(rules.presets(name)), rules.backoff, rules.caution, rules.breaker)

    @property
    def in_flight(self) -> int:
        """Requests under way: tickets handed out whose answer has not been received yet."""
        return self._issued.in_flight

    @property
    def inspecting(self) -> int:
        """Tickets whose answer has been received, and is still looked at."""
        return self._issued.inspecting

    @property
    def works(self) -> int:
        """Rows held: queued, in flight, or between two candidates."""
        return len(self.passes.held)

    # -- rows in, rows back ----------------------------------------------------------------------------------

    def add(self, work: Work, now: Instant) -> Finished | None:
        """Take up a due row. A row with nothing to ask for gets its verdict at once; otherwise it is queued and None returned."""
        return self.passes.begin(work, now)

    def wants(self, lane: str, look_ahead: int) -> int:
        """How many more rows of this lane to bring."""
        queue = self.lanes.get(lane)
        return look_ahead if queue is None else max(0, look_ahead - len(queue.jobs))

    def paused_seconds(self, lane: str, now: Instant) -> float:
        """How much longer nothing of this lane may start; 0 for a lane that is not in use."""
        queue = self.lanes.get(lane)
        return 0.0 if queue is None else queue.lane.paused_seconds(now)

    def release_paused(self, now: Instant, longest_pause_seconds: float) -> Released:
        """Let go of the rows of lanes that are paused longer than this: memory is for lanes that move."""
        self.lanes.lapse(now)
        rows: list[Work] = []
        closed: list[Finished] = []
        for queue in list(self.lanes):
            if (len(queue) or queue.kept) and queue.lane.paused_seconds(now) > longest_pause_seconds:
                for job in self._rows_of(queue):
                    finished = self.passes.let_go(job, queue, now)
                    if isinstance(finished, Finished):
                        closed.append(finished)
                    elif finished is not None:
                        rows.append(finished)
        return Released(rows, closed)

    def release_all(self) -> list[Work]:
        """Give back every row that is not in flight: the run is stopping."""
        return [self.passes.close(job) for queue in list(self.lanes) for job in self._rows_of(queue)]

    def _rows_of(self, queue: LaneQueue) -> list[Job]:
        """Take all jobs of rows out of a queue, kept ones too."""
        jobs = self.lanes.empty(queue) + self.doubts.released(queue)
        for job in jobs:
            if job.work is None:
                self._robots_tickets.abandoned(job)
        return [job for job in jobs if job.work is not None]

    def obey(self, order: LaneOrder, now: Instant, *, lift: bool = False) -> None:
        """A person's order about a lane, in use or not, holds from now on; `lift` also ends a ban and trouble that was no word of the host."""
        queue = self.lanes.get(order.lane)
        if queue is not None:  # an empty one is false
            queue.lane.obey(order, now)
            if lift and queue.known:
                queue.lane.lift()
                self.lanes.remember(queue, now)
            self.lanes.schedule(queue)

    def restore(
        self, names: Sequence[str], remembered: Mapping[str, LaneRecord], now: Instant, robots: Iterable[RobotsRecord] = ()
    ) -> None:
        """Let newly met lanes begin, with what earlier runs learnt of them and of their robots.txt; see `LaneTable.unknown`."""
        self._robots_tickets.recall(names, robots, now)
        self.lanes.restore(names, remembered, now)

    def give_up(self, lane: str, now: Instant) -> bool:
        """A person gives a host up: whatever needs it ends as it comes up (`lane_given_up`). False when the lane is not in use."""
        queue = self.lanes.get(lane)
        if queue is None or not queue.known:
            return False
        queue.lane.breaker.give_up(now)
        self.lanes.remember(queue, now)
        self.lanes.schedule(queue)
        return True

    def pause_all(self, seconds: float, now: Instant) -> None:
        """Start nothing for a while: the trouble is ours."""
        self._not_before = max(self._not_before, now.monotonic + seconds)

    # -- tickets out -----------------------------------------------------------------------------------------

    def take(self, now: Instant) -> Ticket | Finished | Wait:
        """A ticket that may start now; or what became of a row that needs no request; or when to ask again."""
        if self.doubts.settled:
            return self.doubts.settled.popleft()
        # Bodies that wait for inspection hold no connection, but they hold memory: as many again and no more.
        if self.in_flight >= self.slots or len(self._issued) >= 2 * self.slots:
            self._short = self.in_flight >= self.slots
            return Wait(None)
        self._short = False
        if self._not_before > now.monotonic:
            return Wait(self._not_before)
        while True:
            queue = self.lanes.next_ready(now)
            if not isinstance(queue, LaneQueue):
                return Wait(queue)
            step = self._begin(queue, now)
            self.lanes.schedule(queue)
            if step is not None:
                return step

    def _begin(self, queue: LaneQueue, now: Instant) -> Ticket | Finished | None:
        job = queue.head
        if queue.lane.given_up:
            self.lanes.pop(queue)
            return self._robots_tickets.unreachable(job, None, now) if job.work is None else self.passes.hopeless(job, now)
        if not self._admits(queue, now):
            return None
        if job.kind is not TicketKind.ROBOTS:
            permission = self.robots.permission(job.url, now)
            if permission is Permission.UNKNOWN:
                return self._issue(self._robots_tickets.job_for(job.url, queue), queue, now)
            if permission is Permission.DISALLOWED:
                return self.passes.disallowed(self.lanes.pop(queue), now)
        return self._issue(self.lanes.pop(queue), queue, now)

    def _admits(self, queue: LaneQueue, now: Instant) -> bool:
        """Whether the budgets of the lane let a request start. What they reserve, and how long they wait, is stored."""
        admits = queue.lane.admits(now)
        if queue.lane.budgets.unsaved or not admits:
            self.lanes.remember(queue, now)
        return admits

    def _issue(self, job: Job, queue: LaneQueue, now: Instant) -> Ticket:
        if rate := self.rules.rate_per_second:
            self._not_before = max(self._not_before, now.monotonic) + 1 / rate
        return self._issued.issue(job, queue, now)

    # -- outcomes in -----------------------------------------------------------------------------------------

    def received(self, ticket: Ticket, latency_seconds: float | None = None, now: Instant | None = None) -> None:
        """The whole body is here and the connection is free; what it holds is still to be found out. Optional before `finish`.

        A picture that was computed for us costs its server more than a file: the connection rests for as long as the answer took, if `now` is told.
        """
        if self._issued.received(ticket, latency_seconds, now):
            self.short_of_slots += self._short

    def came(self, ticket: Ticket, size_bytes: int, now: Instant) -> None:
        """So many bytes came for a ticket, whatever they were, and no more will. Without this the lane's average stays charged."""
        self._issued.came(ticket, size_bytes, now)

    def finish(self, ticket: Ticket, outcome: Outcome, now: Instant) -> Finished:
        """Learn how a ticket ended, and say what follows. Each ticket is finished exactly once."""
        self.received(ticket, now=now)
        issued = self._issued.close(ticket)
        job, queue = issued.job, issued.queue
        lane_now = self._lane_of_url(outcome.url) if isinstance(outcome, Redirected) else queue.lane.name
        self.doubts.answered(queue, job, outcome, lane_now, now)
        try:
            if isinstance(outcome, Failed):
                return self._failed(ticket, job, issued, outcome, now)
            self._answered(issued, now)
            if isinstance(outcome, Redirected):
                return self._redirected(job, outcome, now)
            if isinstance(outcome, RobotsRead):
                return self._robots_tickets.read(job, outcome, now)
            return self._obtained(job, outcome)
        finally:
            self.lanes.schedule(queue)

    def _obtained(self, job: Job, outcome: Saved | ManifestRead) -> Finished:
        work = self.passes.close(job)
        if isinstance(outcome, Saved):
            return Finished(verdicts.saved(work, job, outcome), work=work)
        return Finished(verdicts.expanded(work, outcome.canvases), work=work)

    def _redirected(self, job: Job, outcome: Redirected, now: Instant) -> Finished:
        job.hop += 1
        lane = self._lane_of_url(outcome.url)
        if job.hop > self.rules.max_redirects or outcome.url in job.seen or not lane:
            error = "too_many_redirects" if lane else "invalid_url"
            return self._image_blamed(job, Failed(error, verdicts.redirect_evidence(outcome.url)), now)
        job.seen.add(outcome.url)
        job.url = outcome.url
        self.lanes.put(self.lanes.of(lane), job, front=True)
        return Finished(note="redirected")

    def _failed(self, ticket: Ticket, job: Job, issued: Issued, outcome: Failed, now: Instant) -> Finished:
        queue = issued.queue
        kind = error_type(outcome.error)
        if outcome.error == "address_busy":
            queue.lane.hold_back(BUSY_SECONDS, now)
            self.lanes.put(queue, job, front=True)
            return Finished(note=kind.meaning)
        if kind.blame is Blame.LOCAL:
            if outcome.error == "local_network" and job.hop:  # where a log-in page of our own network led counts for nothing
                job.begin_again()
                queue = self.lanes.of(self._lane_of_url(job.url))
            self.lanes.put(queue, job, front=True)
            return Finished(local_fault=outcome.error, note=kind.meaning)
        if outcome.error in REFUSALS and job.work is not None:
            return self.doubts.refused(queue, ticket, job, outcome, now, self._random)
        if kind.blame is Blame.HOST:
            queue.lane.refused(outcome.error, ticket.issued, now, outcome.retry_after_seconds, self._random, issued.beside)
            self.lanes.remember(queue, now)
            return self.passes.host_blamed(job, queue, outcome, now)
        if outcome.error not in SYMPTOMS:
            self._answered(issued, now)
        elif queue.lane.faltered(outcome.error, ticket.issued, now, self._random):
            self.lanes.remember(queue, now)
        return self._image_blamed(job, outcome, now)

    def _image_blamed(self, job: Job, outcome: Failed, now: Instant) -> Finished:
        if job.work is not None:
            return self.passes.candidate_failed(job, outcome, now)
        if error_type(outcome.error).transient:
            return self._robots_tickets.unreachable(job, outcome.retry_after_seconds, now)
        # There is no way to a file (a reserved address, endless redirects): no rules (RFC 9309, 2.3.1.2). The rows fail by themselves.
        return self._robots_tickets.read(job, RobotsRead(404, b""), now)

    def _answered(self, issued: Issued, now: Instant) -> None:
        queue = issued.queue
        troubled = queue.lane.troubled
        queue.lane.answered(now, issued.beside, issued.latency_seconds)
        if troubled:
            self.lanes.remember(queue, now)

    def check(self) -> None:
        """Raise AssertionError when an invariant is broken; tests call it after every step, production never does."""
        self.lanes.check()
        self._issued.check()
        assert self.in_flight <= self.rules.concurrency, "more requests in flight than allowed"
        rows = [job.work for queue in self.lanes for job in queue.jobs if job.work]
        rows += [job.work for queue in self.lanes for job, _ in queue.kept if job.work]
        rows += [issued.job.work for issued in self._issued if issued.job.work]
        held = [(work.kind, work.id) for work in rows]
        assert len(held) == len(set(held)), "a row is held twice"
        assert set(held) == self.passes.held, "a row is lost, or was not let go"
