"""Our own side of a run: what it is known to suffer from, and how everything pauses for it and goes on by itself.

Outcomes pass here before the scheduler hears of them (`suspicion`). While our own network is at fault nothing starts but a probe: one ticket at a time,
with growing pauses between them, until one is answered. How many requests the line carries at once is found here too (`concurrency`). Trouble with the disk or with handles pauses everything for a few seconds at a time. Trouble that outlives the patience ends the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from asyncdl import events
from asyncdl.clock import Instant
from asyncdl.download.concurrency import Gauge, SlotSearch
from asyncdl.download.fetch import Fetcher
from asyncdl.download.outcome import Failed, Outcome, Saved, Ticket
from asyncdl.download.scheduler import Scheduler
from asyncdl.download.suspicion import Fault, Finding, Settled, Surroundings, Suspicion
from asyncdl.errors import EnvironmentStops
from asyncdl.events import EventHub

LOCAL_PAUSE_SECONDS: Final = 5.0
FIRST_PROBE_SECONDS: Final = 1.0
LONGEST_PROBE_SECONDS: Final = 60.0
"""Pauses between two probes of our own network: doubled from the first to the longest."""


@dataclass(frozen=True, slots=True)
class OwnPatience:
    """How long trouble of this machine may last before it ends the run; `network_seconds` only where anybody has answered in this run before."""

    storage_seconds: float
    network_seconds: float
    unused_proxies: tuple[str, ...] = ()
    """Variables that tell other programs of a proxy which this run does not use."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be told later: an event for the database."""

    at_ms: int
    kind: str
    detail: str


class OwnLine:
    """Weighs outcomes, pauses the scheduler for our own trouble, and says when it is too much."""

    def __init__(
        self, scheduler: Scheduler, fetcher: Fetcher, hub: EventHub, patience: OwnPatience, search: SlotSearch | None = None
    ) -> None:
        self._scheduler = scheduler
        self._fetcher = fetcher
        self._hub = hub
        self._patience = patience
        self._suspicion = Suspicion(walled_in=bool(patience.unused_proxies))
        self._search = search
        self._slots = scheduler.rules.concurrency if search is None else search.slots
        scheduler.slots = self._slots
        self._gauge = Gauge()
        self._received_bytes = 0
        self._heard = float("-inf")  # when bytes have come in for certain: the look before they were noticed
        self._ticked = float("-inf")
        self._shown: Finding | None = None
        self._probe_seconds = FIRST_PROBE_SECONDS
        self._local_since: float | None = None
        self._notes: list[Note] = []

    def weigh(self, ticket: Ticket, outcome: Outcome, now: Instant) -> list[Settled]:
        """What may be settled now; see `Suspicion.weigh`."""
        queue = self._scheduler.lanes.get(ticket.lane)
        around = Surroundings(
            (each.lane.name for each in self._scheduler.lanes if len(each) or each.tickets),
            troubled=queue is not None and queue.lane.troubled,
            crowded=self._search is not None and self._search.crowded,
            heard=self._heard,
        )
        if isinstance(outcome, Failed):
            if outcome.evidence.http_status not in (None, 200):
                self._gauge.answered(ticket.lane, None)
        elif not isinstance(outcome, Saved):  # bodies were counted when they were here
            self._gauge.answered(ticket.lane, None)
        settled = self._suspicion.weigh(ticket, outcome, now, around)
        self._follow(now)
        return settled

    def answered(self, lane: str, latency_seconds: float | None) -> None:
        """A whole answer came; the time to its first byte."""
        self._gauge.answered(lane, latency_seconds)

    def tick(self, now: Instant) -> list[Settled]:
        """Look at the line; call it at a steady pace. Returns what was in doubt for too long."""
        received = self._fetcher.received_bytes
        if received != self._received_bytes:
            self._received_bytes, self._heard = received, self._ticked
        self._ticked = now.monotonic
        if self._search is not None and self._suspicion.finding is None:
            window = self._gauge.window(now.monotonic, self._slots, received, self._scheduler.short_of_slots)
            if window is not None:
                self._scheduler.slots = self._slots = self._search.measured(window)
        return self._suspicion.overdue(now)

    def settled(self, each: Settled, local_fault: str | None, now: Instant) -> EnvironmentStops | None:
        """Follow what the scheduler made of an outcome: pause for trouble of ours. The error that ends the run when it lasts."""
        outcome = each.outcome
        if local_fault is None:
            if not isinstance(outcome, Failed):
                self._local_since = None
            return None
        detail = outcome.evidence.detail if isinstance(outcome, Failed) else ""
        if self._suspicion.finding is not None and local_fault == "local_network":
            return self._probe_failed(self._suspicion.finding, each.ticket, now)
        if self._local_since is None:
            self._local_since = now.monotonic
            self._hub.emit(events.Notice(now.utc_ms, f"paused: {local_fault}: {detail}"))
        self._scheduler.pause_all(LOCAL_PAUSE_SECONDS, now)
        if now.monotonic - self._local_since < self._patience.storage_seconds:
            return None
        return _stops(f"{local_fault}: {detail}")

    def notes(self) -> list[Note]:
        """What is to be stored since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def _follow(self, now: Instant) -> None:
        """Say what has begun or ended, and let one ticket at a time through while it lasts."""
        finding = self._suspicion.finding
        if finding is self._shown:
            return
        if finding is not None:
            self._probe_seconds = FIRST_PROBE_SECONDS
            self._fetcher.forget_network()
            self._scheduler.slots = 1
            if finding.fault is Fault.CROWDING and self._search is not None:
                self._slots = self._search.shed(now.monotonic)
            self._scheduler.pause_all(self._probe_seconds, now)
            self._tell(now, "own-network", f"paused: our network: {finding}")
        else:
            self._fetcher.forget_network()
            self._scheduler.slots = self._slots
            self._gauge.restart(now.monotonic, self._fetcher.received_bytes, self._scheduler.short_of_slots)
            self._tell(now, "own-network", "our network answers again: going on; nobody was charged")
        self._shown = finding
        self._hub.emit(events.OwnTrouble(now.utc_ms, "" if finding is None else f"our network: {finding}"))

    def _tell(self, now: Instant, kind: str, text: str) -> None:
        self._hub.emit(events.Notice(now.utc_ms, text))
        self._notes.append(Note(now.utc_ms, kind, text))

    def _probe_failed(self, finding: Finding, ticket: Ticket, now: Instant) -> EnvironmentStops | None:
        if ticket.issued.monotonic > finding.since.monotonic:
            self._fetcher.forget_network()
            self._probe_seconds = min(2 * self._probe_seconds, LONGEST_PROBE_SECONDS)
            self._scheduler.pause_all(self._probe_seconds, now)
        patience = self._patience.network_seconds if self._suspicion.heard_anybody else self._patience.storage_seconds
        if now.monotonic - finding.since.monotonic < patience:
            return None
        return _stops(f"our network: {finding}", self._patience.unused_proxies)


def _stops(what: str, unused_proxies: tuple[str, ...] = ()) -> EnvironmentStops:
    todo = "nothing was lost: `asyncdl run` goes on once it is mended"
    if unused_proxies:
        todo += (
            f"\n{' and '.join(unused_proxies)} set here and not used: if only a proxy leads out of this network, say --proxy URL"
        )
    return EnvironmentStops(what, todo)
