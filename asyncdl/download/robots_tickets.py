"""The requests for robots.txt: when one is needed, and what a lane learns from its answer (RFC 9309). Pure.

A lane whose rules are not known waits (`awaits_robots`) for one job that asks for them; that job belongs to no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from asyncdl.clock import Instant
from asyncdl.download.job import Job
from asyncdl.download.lane_table import LaneQueue, LaneTable
from asyncdl.download.outcome import Finished, RobotsRead, TicketKind
from asyncdl.download.robots_gate import RobotsGate, authority_of
from asyncdl.lane_records import RobotsRecord


class RobotsTickets:
    """Jobs that ask for rules, and what became of them."""

    def __init__(self, gate: RobotsGate, lanes: LaneTable, random: Random) -> None:
        self._gate = gate
        self._lanes = lanes
        self._random = random

    def recall(self, names: Sequence[str], robots: Iterable[RobotsRecord], now: Instant) -> None:
        """Take up what earlier runs read for these lanes."""
        self._gate.recall(robots, now)
        for name in names:
            if (queue := self._lanes.get(name)) is not None:
                queue.lane.crawl_delay_seconds = self._gate.crawl_delay_seconds(name)

    def job_for(self, url: str, queue: LaneQueue) -> Job:
        """A job that asks for the rules of this URL, for whose answer the lane waits."""
        queue.awaits_robots = True
        authority = authority_of(url)
        address = f"{authority}/robots.txt"
        return Job(TicketKind.ROBOTS, None, address, authority=authority, for_lane=queue.lane.name, first_url=address)

    def read(self, job: Job, outcome: RobotsRead, now: Instant) -> Finished:
        """An answer came."""
        if not self._gate.learn(job.authority, job.for_lane, outcome.status, outcome.body, now):
            return self.unreachable(job, None, now)
        owner = self._lanes.of(job.for_lane)
        owner.awaits_robots = False
        owner.lane.crawl_delay_seconds = self._gate.crawl_delay_seconds(job.for_lane)
        self._lanes.schedule(owner)
        return Finished(note="robots.txt read")

    def unreachable(self, job: Job, retry_after_seconds: float | None, now: Instant) -> Finished:
        """Broken or endless answers say nothing: as with an unreachable file, the host waits (RFC 9309, 2.3.1.3 and 2.3.1.4)."""
        owner = self._lanes.of(job.for_lane)
        owner.lane.refused("robots_unreachable", now, now, retry_after_seconds, self._random)
        owner.awaits_robots = False
        self._lanes.remember(owner, now)
        self._lanes.schedule(owner)
        return Finished(note="robots.txt unreachable: host paused")

    def abandoned(self, job: Job) -> None:
        """Nobody fetches the rules any more: whoever waits for them asks again."""
        owner = self._lanes.of(job.for_lane)
        owner.awaits_robots = False
        self._lanes.schedule(owner)
