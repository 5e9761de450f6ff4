"""A line that exists only in numbers: capacity, round trip, and what becomes of it when too much goes over it; and a run over it, with the real scheduler.

Every answer begins a round trip after its request and then shares the capacity with all that are under way. Beyond `knee` transfers the line loses what it is
given: at twice the knee half of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from asyncdl.clock import Instant, VirtualClock
from asyncdl.download.concurrency import SlotSearch
from asyncdl.download.outcome import Finished, Saved, Ticket, Wait
from asyncdl.download.ownline import OwnLine, OwnPatience
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.events import EventHub
from asyncdl.limits import LaneLimits, LaneOrder
from asyncdl.model import ImageFacts
from tests.download.worlds import TRUSTING, image, lane_of_url

STEP_SECONDS = 0.05
TICK_STEPS = 10
FOUR_CONNECTIONS = LaneLimits(0.0, 4)
SAVED = Saved(ImageFacts("jpg", "image/jpeg", 4, 3), spool=None)  # type: ignore[arg-type]  # nobody looks into it


@dataclass(slots=True, eq=False)
class _Transfer:
    ticket: Ticket
    begins: float
    left_bytes: float
    latency_seconds: float


@dataclass(slots=True)
class VirtualLine:
    """Bytes per second, seconds of a round trip, transfers beyond which it loses; it stands for the fetcher of a run."""

    capacity: float
    round_trip_seconds: float = 0.1
    knee: int = 100_000
    received_bytes: int = 0
    lost_names: int = 0
    transfers: list[_Transfer] = field(default_factory=list)

    def forget_network(self) -> None:
        self.lost_names += 1

    def send(self, ticket: Ticket, size_bytes: float, now: Instant) -> None:
        queue_seconds = sum(each.left_bytes for each in self.transfers) / self.capacity / 10
        latency = self.round_trip_seconds + queue_seconds
        self.transfers.append(_Transfer(ticket, now.monotonic + latency, size_bytes, latency))

    def step(self, now: Instant) -> list[_Transfer]:
        """Move on by one step; the transfers that are through."""
        busy = [each for each in self.transfers if each.begins <= now.monotonic]
        if not busy:
            return []
        kept = min(1.0, self.knee / len(busy))
        share = self.capacity * STEP_SECONDS * kept / len(busy)
        for each in busy:
            self.received_bytes += int(min(share, each.left_bytes))
            each.left_bytes -= share
        through = [each for each in busy if each.left_bytes <= 0]
        if through:
            self.transfers = [each for each in self.transfers if each.left_bytes > 0]
        return through


class LineRun:
    """A run: how many images each host has, how fast it may be asked (requests per second, connections), and how large its images are."""

    def __init__(
        self,
        line: VirtualLine,
        images: Mapping[str, int],
        *,
        limits: LaneLimits = FOUR_CONNECTIONS,
        slots: int | None = None,
        size_bytes: float = 100_000,
        rates: Mapping[str, float] | None = None,
        seed: int = 7,
    ) -> None:
        self.clock = VirtualClock()
        self.line = line
        self._size = size_bytes
        self._random = Random(seed)
        self.scheduler = Scheduler(
            SchedulerRules(concurrency=slots or 256, lane_limits=limits, caution=TRUSTING),
            self._random,
            lane_of_url,
            RobotsGate(ignore_all=True),
        )
        search = SlotSearch() if slots is None else None
        self.own_line = OwnLine(self.scheduler, line, EventHub(), OwnPatience(60, 60), search)  # type: ignore[arg-type]
        number = 0
        for host, count in images.items():
            for _ in range(count):
                number += 1
                self.scheduler.add(image(number, f"http://{host}/{number}"), self.clock.now())
        self.scheduler.restore(self.scheduler.lanes.unknown(), {}, self.clock.now())
        for queue in self.scheduler.lanes:
            if rates:
                queue.lane.obey(LaneOrder(queue.lane.name, 1, LaneLimits(rates[queue.lane.name])), self.clock.now())
        self.slots: list[int] = []
        self.ended: dict[str, float] = {}

    def run(self, seconds: float) -> float:
        """Until everything is done or the time is over; how long it took."""
        step = 0
        while self.clock.now().monotonic < seconds and self.scheduler.works:
            now = self.clock.advance(STEP_SECONDS)
            for each in self.line.step(now):
                self.scheduler.received(each.ticket, each.latency_seconds)
                self.own_line.answered(each.ticket.lane, each.latency_seconds)
                for settled in self.own_line.weigh(each.ticket, SAVED, now):
                    self.scheduler.finish(settled.ticket, settled.outcome, now)
                self.ended[each.ticket.lane] = now.monotonic
            self._start(now)
            step += 1
            if step % TICK_STEPS == 0:
                self.own_line.tick(now)
                self.slots.append(self.scheduler.slots)
        return self.clock.now().monotonic

    def _start(self, now: Instant) -> None:
        while not isinstance(taken := self.scheduler.take(now), Wait):
            assert not isinstance(taken, Finished)
            self.line.send(taken, self._size * self._random.uniform(0.5, 1.5), now)


def hosts(count: int, images: int | Sequence[int] = 10_000) -> dict[str, int]:
    """So many unrelated hosts with so many images each."""
    return {f"museum{number}.org": images if isinstance(images, int) else images[number] for number in range(count)}
