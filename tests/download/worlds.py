"""Rows, lanes and a clock for tests of the scheduler: no network, no files, no waiting."""

from __future__ import annotations

import math
from random import Random

from asyncdl.clock import Instant, VirtualClock
from asyncdl.download.caution import Caution
from asyncdl.download.lane import LaneLimits
from asyncdl.download.outcome import Finished, Ticket, Wait
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.model import Candidate, CandidateKind, Work, WorkKind
from asyncdl.status import ImageStatus


def host_of(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return rest.partition("/")[0] if scheme in ("http", "https") else ""


lane_of_url = host_of


def image(number: int, *urls: str, attempts: int = 0, kinds: tuple[CandidateKind, ...] = (), host: str = "") -> Work:
    candidates = tuple(
        Candidate(position, url, kinds[position] if kinds else CandidateKind.IMAGE) for position, url in enumerate(urls)
    )
    name = host or (host_of(urls[0]) if urls else "nowhere.test")
    status = ImageStatus.RETRY if attempts else ImageStatus.PENDING
    return Work(WorkKind.IMAGE, number, name, name, 1_000_000 + number, 0, attempts, status, 0, candidates)


def manifest(number: int, url: str) -> Work:
    host = host_of(url)
    candidates = (Candidate(0, url, CandidateKind.MANIFEST),)
    return Work(WorkKind.MANIFEST, number, host, host, 1_000_000 + number, 0, 0, ImageStatus.PENDING, 0, candidates)


TRUSTING = Caution(first_rate_per_second=math.inf, first_connections=100)
"""For lanes that need not earn their pace."""


class World:
    """A scheduler with a clock. Every step ends with the scheduler's own check of its invariants."""

    def __init__(self, rules: SchedulerRules | None = None, *, robots: RobotsGate | None = None, seed: int = 7) -> None:
        self.clock = VirtualClock()
        self.rules = rules or SchedulerRules(lane_limits=LaneLimits(0.0, 0), caution=TRUSTING)
        self.scheduler = Scheduler(self.rules, Random(seed), lane_of_url, robots or RobotsGate(ignore_all=True))
        self.remembered: dict[str, LaneRecord] = {}
        self.rules_read: list[RobotsRecord] = []

    @property
    def now(self) -> Instant:
        return self.clock.now()

    def add(self, *works: Work) -> list[Finished]:
        closed = [finished for work in works if (finished := self.scheduler.add(work, self.now))]
        self.introduce()
        return closed

    def introduce(self) -> None:
        names = self.scheduler.lanes.unknown()
        self.scheduler.restore(names, self.remembered, self.now, [row for row in self.rules_read if row.lane in names])
        self.scheduler.check()

    def take(self) -> Ticket | Finished | Wait:
        step = self.scheduler.take(self.now)
        self.scheduler.check()
        return step

    def ticket(self) -> Ticket:
        step = self.take()
        assert isinstance(step, Ticket), step
        return step

    def wait(self) -> float | None:
        """Nothing may start now: seconds until the scheduler wants to be asked again."""
        step = self.take()
        assert isinstance(step, Wait), step
        return None if step.until is None else step.until - self.now.monotonic

    def finish(self, ticket: Ticket, outcome: object) -> Finished:
        finished = self.scheduler.finish(ticket, outcome, self.now)  # type: ignore[arg-type]
        self.introduce()
        return finished
