"""Jobs that were answered with 401 or 403 and wait to learn whether that was about the image or about us. Pure.

They are kept beside the queue of their lane, a bounded number. A proper answer of the host says that they were about the images: each is
charged as any failure is. As many in a row as mean a ban (`bans`) say that they were about us: nobody is charged, the rows go back with a later due time, so
that the next probe asks for another image. When the host has nothing else to be asked, there is no burst, and they are charged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container
from random import Random

from asyncdl.clock import Instant
from asyncdl.download.bans import REFUSALS
from asyncdl.download.breaker import SYMPTOMS
from asyncdl.download.job import Job
from asyncdl.download.lane_table import LaneQueue, LaneTable
from asyncdl.download.outcome import Failed, Finished, ManifestRead, Outcome, Redirected, Saved, Ticket
from asyncdl.errors import Blame, error_type

Charge = Callable[[Job, Failed, Instant], Finished]
SetAside = Callable[[Job, LaneQueue, Failed, Instant], Finished]

_SAYS_NOTHING = SYMPTOMS | REFUSALS | {"invalid_content_type", "forbidden_address", "invalid_url", "too_many_redirects"}
"""Failures that do not show that the host serves us: pages with status 200 are what some firewalls answer."""


class Doubts:
    """What is kept aside, and what became of it (`settled`)."""

    def __init__(self, lanes: LaneTable, charge: Charge, set_aside: SetAside) -> None:
        self._lanes = lanes
        self._charge = charge
        self._set_aside = set_aside
        self._doubtful: dict[str, LaneQueue] = {}
        self.settled: deque[Finished] = deque()

    def __bool__(self) -> bool:
        return bool(self._doubtful)

    def refused(self, queue: LaneQueue, ticket: Ticket, job: Job, outcome: Failed, now: Instant, random: Random) -> Finished:
        """A job was refused: kept aside, or, when that makes it a ban, put off with all others."""
        job.refused = True
        queue.kept.append((job, outcome))
        self._doubtful[queue.lane.name] = queue
        if not queue.lane.forbidden(ticket.issued, now, outcome.retry_after_seconds, random):
            return Finished(note="kept aside until its host has answered others")
        self._lanes.remember(queue, now)
        self.settled += [self._set_aside(job, queue, outcome, now) for job, outcome in self._emptied(queue)]
        return self.settled.popleft()

    def answered(self, queue: LaneQueue, job: Job, outcome: Outcome, lane_now: str, now: Instant) -> None:
        """A request was answered; `lane_now` is where its job stands. Only a proper answer about an image tells anything."""
        if not _shows_welcome(outcome, job, elsewhere=lane_now != queue.lane.name):
            return
        if queue.lane.welcomed():
            self._lanes.remember(queue, now)
        if queue.kept:
            self._charge_all(queue, now)

    def close(self, fed: Container[str], now: Instant) -> None:
        """Charge what waits in lanes that have nothing else to ask; `fed` are those that rows may still come for."""
        for name, queue in list(self._doubtful.items()):
            if not len(queue) and not queue.tickets and name not in fed:
                self._charge_all(queue, now)

    def released(self, queue: LaneQueue) -> list[Job]:
        """Take out what is kept of a lane: its rows go back as they were."""
        return [job for job, _ in self._emptied(queue)]

    def _charge_all(self, queue: LaneQueue, now: Instant) -> None:
        self.settled += [self._charge(job, outcome, now) for job, outcome in self._emptied(queue)]

    def _emptied(self, queue: LaneQueue) -> list[tuple[Job, Failed]]:
        self._doubtful.pop(queue.lane.name, None)
        kept, queue.kept = queue.kept, []
        return kept


def _shows_welcome(outcome: Outcome, job: Job, *, elsewhere: bool) -> bool:
    """Whether an answer shows that the host serves us. robots.txt and a redirect to itself are served to everybody."""
    if isinstance(outcome, Failed):
        return job.work is not None and outcome.error not in _SAYS_NOTHING and error_type(outcome.error).blame is Blame.IMAGE
    return isinstance(outcome, (Saved, ManifestRead)) or (isinstance(outcome, Redirected) and job.work is not None and elsewhere)
