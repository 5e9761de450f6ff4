"""What becomes of a row at the end of a pass over its candidates. Pure functions, no state."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from asyncdl.clock import Instant
from asyncdl.download.backoff import retry_delay_seconds
from asyncdl.download.job import Job
from asyncdl.download.outcome import Failed, Saved, TicketKind, Verdict
from asyncdl.model import Candidate, CandidateKind, Canvas, Evidence, Failure, Work
from asyncdl.status import ImageStatus
from asyncdl.units import approximate_duration
from asyncdl.urls import host_of

GIVEN_UP: Final = "lane_given_up"
"""The mark of candidates whose host was given up: it may pass, but not by itself."""


def is_request(job: Job, candidate: Candidate) -> bool:
    """Whether this candidate is asked for by this job; an image waits for its manifest, which is work of its own."""
    return candidate.kind is not CandidateKind.MANIFEST or job.kind is TicketKind.MANIFEST


def saved(work: Work, job: Job, outcome: Saved) -> Verdict:
    """The image is obtained. The attempt that succeeds is counted like one that fails."""
    return Verdict(
        work, ImageStatus.SUCCESS, None, work.attempts + 1, outcome.facts.flag, job.candidate, tuple(job.spent.items()), outcome
    )


def expanded(work: Work, canvases: tuple[Canvas, ...]) -> Verdict:
    """The manifest is read."""
    return Verdict(work, ImageStatus.SUCCESS, None, work.attempts + 1, None, 0, canvases=canvases)


def close(
    job: Job, waiting: Candidate | None, max_attempts: int, delays_seconds: Sequence[float], now: Instant, random: Random
) -> Verdict:
    """The pass is over without success. `waiting` is the manifest that may still bring candidates.

    In this order: a candidate put aside because its host is down leaves the row due when the host is, unpaid; a manifest still to
    come is waited for; a passing cause is tried again until the attempts are spent; what robots.txt forbids is due again, unpaid, when the rules may
    have changed; a host that was given up leaves what only it can give to a person; anything else is final.
    """
    work = job.work
    if work is None:
        raise AssertionError("only rows are closed")
    spent = tuple(job.spent.items())
    if job.deferred is not None:
        return Verdict(
            work, work.status, max(job.deferred_until_ms, now.utc_ms), work.attempts, job.first_error, job.deferred, spent
        )
    if waiting is not None:
        return Verdict(work, ImageStatus.PENDING, None, work.attempts, job.first_error, waiting.position, spent)
    if job.disallowed is not None and (job.transient_error is None or work.attempts + 1 >= max_attempts):
        again_ms = job.disallowed_until_ms
        return Verdict(work, ImageStatus.RETRY, again_ms, work.attempts, "robots_disallowed", job.disallowed, spent)
    if job.transient_error is None and GIVEN_UP in job.spent.values():
        return Verdict(work, ImageStatus.EXHAUSTED, None, work.attempts, GIVEN_UP, job.candidate, spent)
    attempts = work.attempts + 1
    if job.transient_error is None:
        return Verdict(work, ImageStatus.FAILED, None, attempts, job.first_error or "no_url", job.candidate, spent)
    if attempts >= max_attempts:
        return Verdict(work, ImageStatus.EXHAUSTED, None, attempts, job.transient_error, job.candidate, spent)
    due = now.plus(retry_delay_seconds(delays_seconds, attempts, random))
    return Verdict(work, ImageStatus.RETRY, due.utc_ms, attempts, job.transient_error, job.candidate, spent)


def failure_row(job: Job, outcome: Failed, attempt: int, now: Instant) -> Failure:
    """One failed request as it is stored."""
    work = job.work
    if work is None:
        raise AssertionError("only rows keep failures")
    return Failure(work.kind, work.id, now.utc_ms, outcome.error, job.url, host_of(job.url), attempt, outcome.evidence)


def redirect_evidence(target: str) -> Evidence:
    """Where the last redirect pointed."""
    return Evidence(detail=f"redirected to {target}", final_url=target)


def describe(verdict: Verdict | None, now: Instant) -> str:
    """What follows, in a few words for a person."""
    if verdict is None:
        return "next candidate"
    if verdict.to is ImageStatus.RETRY and verdict.due_ms is not None:
        return f"again in {approximate_duration(max(0.0, now.seconds_until(verdict.due_ms)))}"
    if verdict.to is ImageStatus.PENDING:
        return "waits for its manifest" if verdict.due_ms is None else "waits for its host"
    return {ImageStatus.EXHAUSTED: "given up", ImageStatus.FAILED: "failed"}.get(verdict.to, verdict.to.label)
