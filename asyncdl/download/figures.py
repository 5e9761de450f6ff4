"""What a person wants to know of a run in progress, counted from events: totals, rates, hosts, recent failures.

The live display, the plain lines and the run's last line are all drawn from the same `Snapshot`. Bounded: hosts with nothing
queued are dropped from the count when there are too many, failures are kept to the last few.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from asyncdl import events
from asyncdl.clock import Instant
from asyncdl.download.headway import Headway
from asyncdl.download.lane import LaneState
from asyncdl.download.scheduler import Scheduler

MAX_COUNTED_HOSTS = 2_000
MAX_RECENT_FAILURES = 6
MAX_NOTICES = 3
REFUSALS = frozenset({"rate_limited", "unavailable"})
WINDOW_SECONDS = 30.0
LEAST_SPEED_SECONDS = 20.0
"""Over less time the speed of a line is chance."""


@dataclass(frozen=True, slots=True)
class HostFigures:
    """One lane as people see it. `failed`: requests, not images; `stop`: how a person stops it. `rate_per_second` and `connections` are its ceilings now, 0 for none.

    `left`: images that still need something, None where that was not counted; `eta_seconds`: how long they take.
    """

    host: str
    saved: int
    failed: int
    in_flight: int
    queued: int
    rate_per_second: float
    connections: float
    paused_seconds: float
    pause_reason: str
    incidents: int
    down: bool
    held: bool
    given_up: bool = False
    stop: str = ""
    left: int | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RecentFailure:
    """A failed request; its texts are as received."""

    image: str
    host: str
    error: str
    detail: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of one moment. `decides`: the host that takes longest; `eta_seconds` is its time where one is known.

    `refused`: answers 429 and 503; `efficiency`: see `headway`.
    """

    elapsed_seconds: float
    total: int
    done_before: int
    saved: int
    closed: int
    waiting: int
    size_bytes: int
    images_per_second: float
    bytes_per_second: float
    eta_seconds: float | None
    in_flight: int
    queued: int
    inspecting: int
    hosts: tuple[HostFigures, ...]
    failures: tuple[RecentFailure, ...]
    notices: tuple[str, ...]
    own_trouble: str = ""
    slots: int = 0
    decides: str = ""
    requests: int = 0
    refused: int = 0
    efficiency: float | None = None

    @property
    def done(self) -> int:
        """Images that need nothing more, of this run and of earlier ones."""
        return self.done_before + self.saved + self.closed


class Figures:
    """Counts events. `total` and `done_before` are the collection's images at the start."""

    def __init__(self, total: int, done_before: int, now: Instant, headway: Headway) -> None:
        self.total = total
        self.done_before = done_before
        self.saved = 0
        self.closed = 0
        self.deferred = 0
        self.size_bytes = 0
        self.own_trouble = ""
        self.refused = 0
        self.headway = headway
        self._noted = (now.monotonic, 0)
        self._top_speed = 0.0  # bytes per second between two notes
        self._began = now
        self._hosts: OrderedDict[str, list[int]] = OrderedDict()
        self._failures: deque[RecentFailure] = deque(maxlen=MAX_RECENT_FAILURES)
        self._notices: deque[str] = deque(maxlen=MAX_NOTICES)
        self._window: deque[tuple[float, int, int]] = deque([(now.monotonic, 0, 0)])

    def watch(self, event: events.Event) -> None:
        """Take in one event."""
        match event:
            case events.ImageSaved():
                self.saved += 1
                self.size_bytes += event.size_bytes
                self._host(event.host)[0] += 1
                self.headway.ended(event.host)
            case events.ImageClosed():
                self.closed += 1
                self.headway.ended(event.host)
            case events.ImagesEnded():
                self.closed += event.images
            case events.ImagesAdded():
                self.total += event.images
            case events.RequestFailed():
                self._host(event.host)[1] += 1
                self.refused += event.error in REFUSALS
                image = f"{event.external_id}-{event.number:02d}"
                self._failures.append(RecentFailure(image, event.host, event.error, event.detail, event.verdict))
            case events.OwnTrouble():
                self.own_trouble = event.text
            case events.Notice():
                self._notices.append(event.text)
            case _:
                pass

    def recount(self, ended: int, left: Mapping[str, int], now: Instant) -> None:
        """Take the collection's own counts, since a person has opened images again: those that have ended, and those left by lane."""
        reopened = max(0, self.done_before + self.saved + self.closed - ended)
        of_this_run = min(self.closed, reopened)
        self.closed -= of_this_run
        self.done_before -= reopened - of_this_run
        self.headway.recount(left, now.monotonic)

    def _host(self, name: str) -> list[int]:
        counts = self._hosts.get(name)
        if counts is None:
            counts = self._hosts[name] = [0, 0]
            if len(self._hosts) > MAX_COUNTED_HOSTS:
                self._hosts.popitem(last=False)
        return counts

    def snapshot(self, scheduler: Scheduler, now: Instant) -> Snapshot:
        """The figures now. Call it at a steady pace: rates are taken over the calls of the last half minute."""
        self._window.append((now.monotonic, self.saved, self.size_bytes))
        while len(self._window) > 2 and now.monotonic - self._window[0][0] > WINDOW_SECONDS:
            self._window.popleft()
        then, saved_then, bytes_then = self._window[0]
        seconds = max(now.monotonic - then, 1e-9)
        rate = (self.saved - saved_then) / seconds
        left = max(0, self.total - self.done_before - self.saved - self.closed)
        self.look(scheduler, now)
        slowest = self.headway.decides(now.monotonic) if left else None
        of_all = left / rate if rate > 0 else None
        return Snapshot(
            elapsed_seconds=now.monotonic - self._began.monotonic,
            total=self.total,
            done_before=self.done_before,
            saved=self.saved,
            closed=self.closed,
            waiting=left,
            size_bytes=self.size_bytes,
            images_per_second=rate,
            bytes_per_second=(self.size_bytes - bytes_then) / seconds,
            eta_seconds=slowest[1] if slowest else of_all,
            in_flight=scheduler.in_flight,
            queued=scheduler.lanes.queued,
            inspecting=scheduler.inspecting,
            hosts=tuple(self._figures_of(queue.lane, len(queue), now) for queue in scheduler.lanes),
            failures=tuple(self._failures),
            notices=tuple(self._notices),
            own_trouble=self.own_trouble,
            slots=scheduler.slots,
            decides=slowest[0] if slowest else "",
            requests=self.headway.requests,
            refused=self.refused,
            efficiency=self.headway.efficiency(now.monotonic),
        )

    def look(self, scheduler: Scheduler, now: Instant) -> None:
        """Take in where the lanes stand; what is said of times left and of efficiency follows from these looks."""
        self.headway.look(((queue.lane, queue.lane.paused_seconds(now)) for queue in scheduler.lanes), now.monotonic)

    def so_far(self, now: Instant) -> dict[str, int | float | str | None]:
        """What is kept of a run with its row. Call it at a steady pace: the top speed is that between two calls."""
        slowest = self.headway.decides(now.monotonic)
        efficiency = self.headway.efficiency(now.monotonic)
        then, bytes_then = self._noted
        if now.monotonic - then >= LEAST_SPEED_SECONDS:
            self._top_speed = max(self._top_speed, (self.size_bytes - bytes_then) / (now.monotonic - then))
            self._noted = (now.monotonic, self.size_bytes)
        return {
            "saved": self.saved,
            "bytes": self.size_bytes,
            "requests": self.headway.requests,
            "refused": self.refused,
            "top_bits_per_second": round(8 * self._top_speed),
            "efficiency": None if efficiency is None else round(efficiency, 4),
            "eta_seconds": round(slowest[1]) if slowest else None,
            "decides": slowest[0] if slowest else None,
        }

    def _figures_of(self, lane: LaneState, queued: int, now: Instant) -> HostFigures:
        saved, failed = self._hosts.get(lane.name, (0, 0))
        return HostFigures(
            host=lane.name,
            saved=saved,
            failed=failed,
            in_flight=lane.in_flight,
            queued=queued,
            rate_per_second=lane.rate_per_second,
            connections=lane.connections,
            paused_seconds=lane.paused_seconds(now),
            pause_reason=lane.pauses.reason,
            incidents=lane.pauses.incidents,
            down=lane.down,
            held=lane.held or lane.stop is not None,
            left=self.headway.left(lane.name),
            eta_seconds=self.headway.eta_seconds(lane.name, now.monotonic),
            given_up=lane.given_up,
            stop=lane.stop or "",
        )
