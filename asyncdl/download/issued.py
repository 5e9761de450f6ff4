"""The tickets that are out: what each was for, whose connection it holds, and what it was charged with. Pure.

A ticket is *in flight* until its body has been received; then its connection is free, and it is *in inspection* until what came of it is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from asyncdl.clock import Instant
from asyncdl.download.job import Job
from asyncdl.download.lane_table import LaneQueue, LaneTable
from asyncdl.download.outcome import Ticket, TicketKind
from asyncdl.urls import is_dynamic


@dataclass(slots=True)
class Issued:
    """A ticket that is out. Once its body has been received it no longer holds its lane or a slot."""

    job: Job
    queue: LaneQueue
    received: bool = False
    beside: int = 1  # requests under way in the lane when it started, itself included
    latency_seconds: float | None = None
    charged_bytes: int = 0


class IssuedTickets:
    """All tickets that are out, by their ids; `inspecting` of them have been received."""

    def __init__(self, lanes: LaneTable) -> None:
        self.inspecting = 0
        self._lanes = lanes
        self._out: dict[int, Issued] = {}
        self._ids = itertools.count(1)

    def __len__(self) -> int:
        return len(self._out)

    def __iter__(self) -> Iterator[Issued]:
        return iter(self._out.values())

    @property
    def in_flight(self) -> int:
        """Tickets whose answer has not been received yet."""
        return len(self._out) - self.inspecting

    def issue(self, job: Job, queue: LaneQueue, now: Instant) -> Ticket:
        """A request of this job starts in this lane."""
        charged_bytes = queue.lane.start(now)
        ticket = Ticket(
            next(self._ids), job.kind, queue.lane.name, job.url, job.hop, now, job.work, job.candidate, job.first_url,
            queue.lane.limits.bandwidth_bits_per_second or 0.0,
        )  # fmt: skip
        self._out[ticket.id] = Issued(job, queue, beside=queue.lane.in_flight, charged_bytes=charged_bytes)
        queue.tickets += 1
        return ticket

    def received(self, ticket: Ticket, latency_seconds: float | None, now: Instant | None) -> bool:
        """See `Scheduler.received`. False when that was known."""
        issued = self._out[ticket.id]
        if issued.received:
            return False
        issued.received = True
        issued.latency_seconds = latency_seconds
        self.inspecting += 1
        took_seconds = now.monotonic - ticket.issued.monotonic if now is not None else 0.0
        issued.queue.lane.release(now, took_seconds if ticket.kind is TicketKind.IMAGE and is_dynamic(ticket.url) else 0.0)
        self._lanes.schedule(issued.queue)
        return True

    def came(self, ticket: Ticket, size_bytes: int, now: Instant) -> None:
        """See `Scheduler.came`."""
        issued = self._out[ticket.id]
        lane = issued.queue.lane
        if lane.budgets.any:
            lane.budgets.came(issued.charged_bytes, size_bytes, now)
            if lane.budgets.unsaved:
                self._lanes.remember(issued.queue, now)

    def close(self, ticket: Ticket) -> Issued:
        """What came of a ticket that was received is known: it is out no more."""
        self.inspecting -= 1
        issued = self._out.pop(ticket.id)
        issued.queue.tickets -= 1
        return issued

    def check(self) -> None:
        """Raise AssertionError when an invariant is broken."""
        assert self.inspecting == sum(issued.received for issued in self), "bodies in inspection are miscounted"
        for queue in self._lanes:
            flying = sum(1 for issued in self if issued.queue is queue and not issued.received)
            assert flying == queue.lane.in_flight, f"{queue.lane.name}: requests in flight are miscounted"
