"""What becomes of a row from its first candidate to its verdict: which link is next, what a failure costs, and when the row is due again. Pure.

A pass is one walk over the candidates of a row (`Job`). It moves from lane to lane as its links do; here it is said where to, and how it ends. When a request may start is the
scheduler's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from asyncdl.clock import Instant
from asyncdl.download import verdicts
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.breaker import BreakerPolicy
from asyncdl.download.caution import Caution
from asyncdl.download.job import Job, job_of
from asyncdl.download.lane import LaneLimits
from asyncdl.download.lane_table import LaneQueue, LaneTable
from asyncdl.download.outcome import Failed, Finished
from asyncdl.download.robots_gate import RobotsGate, authority_of
from asyncdl.errors import error_type
from asyncdl.limits import NOTHING_SAID, Stop
from asyncdl.model import Candidate, Evidence, Work, WorkKind

_LONGEST_DEFERRAL_SECONDS: Final = 86_400.0
"""A row whose host waits for longer, or for a person, is looked at again so soon."""


@dataclass(frozen=True, slots=True)
class SchedulerRules:
    """The numbers a scheduler works by. Rates are per second, 0 means no limit.

    `concurrency` is what `Scheduler.slots` begins with and never exceeds; `presets` says what is known of a lane, and only makes `lane_limits` tighter.
    """

    concurrency: int = 128
    rate_per_second: float = 0.0
    lane_limits: LaneLimits = field(default_factory=lambda: LaneLimits(3.0, 2))
    presets: Callable[[str], LaneLimits] = lambda _: NOTHING_SAID
    max_attempts: int = 4
    retry_delays_seconds: tuple[float, ...] = (5.0, 600.0, 43_200.0)
    max_redirects: int = 5
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)
    caution: Caution = field(default_factory=Caution)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


class Passes:
    """The rows in hand, each on its way over its candidates."""

    def __init__(
        self, rules: SchedulerRules, lanes: LaneTable, robots: RobotsGate, lane_of_url: Callable[[str], str], random: Random
    ) -> None:
        self._rules = rules
        self._lanes = lanes
        self._robots = robots
        self._lane_of_url = lane_of_url
        self._random = random
        self.held: set[tuple[WorkKind, int]] = set()
        """The rows that are queued, in flight, or between two candidates."""

    # -- beginning, going on, ending -------------------------------------------------------------------------

    def begin(self, work: Work, now: Instant) -> Finished | None:
        """Take up a row. One with nothing to ask for gets its verdict at once; otherwise it is queued and None returned."""
        if (work.kind, work.id) in self.held:
            raise ValueError(f"{work.kind} {work.id} is already with the scheduler")
        self.held.add((work.kind, work.id))
        return self.advance(job_of(work), now)

    def advance(self, job: Job, now: Instant) -> Finished | None:
        """Turn to the next candidate, or close the pass and say what becomes of the row."""
        candidate = job.next_candidate()
        while candidate is not None and verdicts.is_request(job, candidate):
            job.aim(candidate)
            if lane := self._lane_of_url(candidate.url):
                self._lanes.put(self._lanes.of(lane), job, front=job.first_error is not None)
                return None
            job.first_error = job.first_error or "invalid_url"
            job.spent[candidate.position] = "invalid_url"
            candidate = job.next_candidate()
        return self._end(job, candidate, now)

    def _end(self, job: Job, waiting: Candidate | None, now: Instant) -> Finished:
        """The pass is over without success."""
        work = self.close(job)
        rules = self._rules
        return Finished(verdicts.close(job, waiting, rules.max_attempts, rules.retry_delays_seconds, now, self._random), work=work)

    def _has_candidate_elsewhere(self, job: Job, lane: str) -> bool:
        candidate = job.next_candidate()
        return candidate is not None and verdicts.is_request(job, candidate) and self._lane_of_url(candidate.url) != lane

    def close(self, job: Job) -> Work:
        """Let go of the row of a job, and return it."""
        if job.work is None:
            raise AssertionError("only rows are closed")
        self.held.remove((job.work.kind, job.work.id))
        return job.work

    # -- what keeps it from its picture ----------------------------------------------------------------------

    def let_go(self, job: Job, queue: LaneQueue, now: Instant) -> Work | Finished | None:
        """Give the row back as it was; what has been asked for it already must not be asked again, so its pass ends with what it has met.

        At a host that a person blocks it turns to another host's link first.
        """
        if queue.lane.stop is Stop.BLOCK and self._has_candidate_elsewhere(job, queue.lane.name):
            job.defer(_back_ms(queue, now))
            return self.advance(job, now)
        if not job.begun:
            return self.close(job)
        job.defer(_back_ms(queue, now))
        return self._end(job, None, now)

    def host_blamed(self, job: Job, queue: LaneQueue, outcome: Failed, now: Instant) -> Finished:
        """The job waits in its lane, unpaid; when the host is down and another has a candidate, it turns there meanwhile."""
        note = f"host paused for {queue.lane.paused_seconds(now):.0f} s"
        if job.work is None:
            self._lanes.put(queue, job, front=True)
            return Finished(note=note)
        failure = verdicts.failure_row(job, outcome, job.work.attempts, now)
        if queue.lane.down and self._has_candidate_elsewhere(job, queue.lane.name):
            job.defer(queue.lane.pauses.until_ms)
            finished = self.advance(job, now)
            return Finished(finished.verdict if finished else None, failure, job.work, note="host is down: next candidate")
        self._lanes.put(queue, job, front=True)
        return Finished(None, failure, job.work, note=note)

    def set_aside(self, job: Job, queue: LaneQueue, outcome: Failed, now: Instant) -> Finished:
        """The host refuses us, whatever we ask for: another host's candidate, or due again when the host is probed, behind all others."""
        if job.work is None:
            raise AssertionError("only rows are kept aside")
        failure = verdicts.failure_row(job, outcome, job.work.attempts, now)
        job.first_error = "banned"
        job.defer(max(queue.lane.pauses.until_ms, now.utc_ms))
        job.tried |= {each.position for each in job.work.candidates if self._lane_of_url(each.url) == queue.lane.name}
        finished = self.advance(job, now)
        return Finished(finished.verdict if finished else None, failure, job.work, note="host refuses us")

    def candidate_failed(self, job: Job, outcome: Failed, now: Instant) -> Finished:
        """The image is to blame, or its link: the next candidate, or the end of the pass and an attempt."""
        attempts = job.work.attempts + 1 if job.work else 0
        failure = verdicts.failure_row(job, outcome, attempts, now)
        job.first_error = job.first_error or outcome.error
        if error_type(outcome.error).transient:
            job.transient_error = job.transient_error or outcome.error
        else:
            job.spent[job.candidate] = outcome.error
        finished = self.advance(job, now)
        verdict = finished.verdict if finished else None
        return Finished(verdict, failure, job.work, note=verdicts.describe(verdict, now))

    def disallowed(self, job: Job, now: Instant) -> Finished:
        """The rules of the host forbid this URL: the next candidate, or asked again when they may have changed. Nothing was asked, nobody pays."""
        if job.work is None:
            raise AssertionError("robots.txt is not asked for by its own leave")
        outcome = Failed("robots_disallowed", Evidence(f"forbidden by {authority_of(job.url)}/robots.txt"))
        failure = verdicts.failure_row(job, outcome, job.work.attempts, now)
        job.first_error = job.first_error or outcome.error
        if job.disallowed is None:
            job.disallowed, job.disallowed_until_ms = job.candidate, self._robots.asks_again_ms(job.url, now)
        finished = self.advance(job, now)
        verdict = finished.verdict if finished else None
        return Finished(verdict, failure, job.work, note=verdicts.describe(verdict, now))

    def hopeless(self, job: Job, now: Instant) -> Finished:
        """The host of this job was given up: the next candidate, or the end."""
        job.first_error = job.first_error or verdicts.GIVEN_UP
        job.spent[job.candidate] = verdicts.GIVEN_UP
        return self.advance(job, now) or Finished(note="host given up: next candidate")


def _back_ms(queue: LaneQueue, now: Instant) -> int:
    return now.plus(min(queue.lane.paused_seconds(now), _LONGEST_DEFERRAL_SECONDS)).utc_ms
