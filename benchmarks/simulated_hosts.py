"""Hosts that exist only as numbers: hidden limits, faults and latencies, and what each would have allowed. Pure; time is an argument.

Nothing here knows asyncdl. A host is asked with `arrive`, says how long the answer takes and what it is, and is told with `leave` when the
answer has ended. Times are seconds since the start of the simulation, which is midnight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0
REFUSED_IN_SECONDS = 0.01
_INTEGRATION_STEP_SECONDS = 900.0
_BAN_MEMORY_SECONDS = HOUR_SECONDS
_JITTER = 0.2
_ROUNDING = 1e-6


class Outage(NamedTuple):
    """From `begins` until `ends` every request comes to `error`."""

    begins: float
    ends: float
    error: str


class Answer(NamedTuple):
    """What a request comes to after `seconds`; `error` None is a picture, or whatever else was asked for (then it does not count).

    `admitted` requests hold a connection until they `leave`.
    """

    seconds: float
    first_byte_seconds: float
    error: str | None = None
    retry_after_seconds: float | None = None
    admitted: bool = True
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Traits:
    """What a host is like. 0 means: no such limit.

    `rate_per_second` and `burst` are a leaky bucket: what does not fit is refused, and costs nothing. `window_requests` in each `window_seconds`
    of the clock, and refusals for the rest of it. `comfort`: more requests at once than this slow each other down. Between 8 and 18 o'clock the rate is `office_share` of
    itself. After `ban_after` refusals within an hour everything is 403 for `ban_seconds`.
    """

    images: int
    latency_seconds: float = 0.15
    body_seconds: float = 0.05
    rate_per_second: float = 0.0
    burst: int = 0
    connections: int = 0
    comfort: int = 0
    window_requests: int = 0
    window_seconds: float = 60.0
    office_share: float = 1.0
    refusal: str = "rate_limited"
    retry_after_seconds: float | None = None
    outages: tuple[Outage, ...] = ()
    ban_after: int = 0
    ban_seconds: float = 7 * DAY_SECONDS
    dead: str = ""
    missing_share: float = 0.0
    broken_share: float = 0.0
    kind: str = "healthy"

    @property
    def limited(self) -> bool:
        """Whether the host refuses what is too much."""
        return bool(self.rate_per_second or self.connections or self.window_requests)

    def is_missing(self, number: int) -> bool:
        """Whether this image is gone (404)."""
        return number * 7_919 % 1_000 < 1_000 * self.missing_share

    def rate_at(self, at: float) -> float:
        """Requests per second that the bucket admits at this time of day."""
        hour = at % DAY_SECONDS / HOUR_SECONDS
        return self.rate_per_second * (self.office_share if 8 <= hour < 18 else 1.0)

    def capacity_at(self, at: float, ceiling_per_second: float = 0.0, ceiling_connections: int = 0) -> float:
        """Images per second for a client that never asks for too much; infinite where nothing limits."""
        if self.dead or any(outage.begins <= at < outage.ends for outage in self.outages):
            return 0.0
        service = self.latency_seconds + self.body_seconds
        at_once = [count for count in (self.connections, ceiling_connections) if count]
        if self.comfort:
            at_once.append(self.comfort)
        rates = [self.rate_at(at), self.window_requests / self.window_seconds, ceiling_per_second]
        return min([rate for rate in rates if rate] + [count / service for count in at_once], default=math.inf)

    def allows(self, until: float, ceiling_per_second: float = 0.0, ceiling_connections: int = 0) -> float:
        """How many images a client that knew all this could have by `until`."""
        admitted, at = float(self.burst), 0.0
        edges = sorted({edge for outage in self.outages for edge in outage[:2]})
        while at < until and admitted < self.images:
            step = min([_INTEGRATION_STEP_SECONDS, until - at] + [edge - at for edge in edges if edge > at])
            admitted += step * self.capacity_at(at, ceiling_per_second, ceiling_connections)
            at += step
        return min(float(self.images), admitted)

    def ideal_seconds(self, ceiling_per_second: float = 0.0, ceiling_connections: int = 0) -> float:
        """When such a client would have the last image; infinite for a dead host."""
        if self.dead:
            return math.inf
        low, high = 0.0, 60.0
        while self.allows(high, ceiling_per_second, ceiling_connections) < self.images:
            low, high = high, high * 2
        while high - low > max(0.01, 1e-4 * high):
            middle = (low + high) / 2
            if self.allows(middle, ceiling_per_second, ceiling_connections) < self.images:
                low = middle
            else:
                high = middle
        return high + self.latency_seconds + self.body_seconds


class SimulatedHost:
    """One host at work. `asked`, `refused`, `served` (404 for what is not there among them) and `forbidden` (403) count requests.

    `finished_at` is when the last answer was served.
    """

    __slots__ = (
        "_banned_until", "_excess", "_in_window", "_last", "_refusals", "_window", "asked", "finished_at", "forbidden", "refused", "served",
        "traits", "under_way",
    )  # fmt: skip

    def __init__(self, traits: Traits) -> None:
        self.traits = traits
        self.under_way = 0
        self.asked = self.refused = self.served = self.forbidden = 0
        self.finished_at = 0.0
        self._excess = 0.0
        self._last = 0.0
        self._window = -1.0
        self._in_window = 0
        self._refusals: list[float] = []
        self._banned_until = -math.inf

    def arrive(self, number: int | None, now: float, random: Random) -> Answer:
        """A request for image `number`; None for anything else."""
        self.asked += 1
        traits = self.traits
        if traits.dead:
            return _broken(traits.dead)
        for outage in traits.outages:
            if outage.begins <= now < outage.ends:
                if outage.error == "unavailable":
                    self.refused += 1
                    return _broken(outage.error, traits.retry_after_seconds)
                return _broken(outage.error)
        if now < self._banned_until:
            self.forbidden += 1
            return Answer(REFUSED_IN_SECONDS, REFUSED_IN_SECONDS, "http_403", None, False)
        if not self._admits(now):
            return self._refuse(now)
        self.under_way += 1
        crowd = max(1.0, self.under_way / traits.comfort) if traits.comfort else 1.0
        first = traits.latency_seconds * crowd * (1 - _JITTER + 2 * _JITTER * random.random())
        if number is None:
            return Answer(first, first, counts=False)
        if traits.is_missing(number):
            return Answer(first, first, "http_404")
        if traits.broken_share and random.random() < traits.broken_share:
            return Answer(first + traits.body_seconds / 2, first, "truncated")
        return Answer(first + traits.body_seconds * crowd, first)

    def leave(self, now: float, answer: Answer) -> None:
        """An answer has ended."""
        if answer.admitted:
            self.under_way -= 1
        if answer.error in (None, "http_404") and answer.counts:
            self.served += 1
            self.finished_at = now

    def _admits(self, now: float) -> bool:
        traits = self.traits
        if traits.window_requests:
            window = now // traits.window_seconds
            if window != self._window:
                self._window, self._in_window = window, 0
            self._in_window += 1
            if self._in_window > traits.window_requests:
                return False
        if traits.rate_per_second:
            self._excess = max(0.0, self._excess - (now - self._last) * traits.rate_at(now))
            self._last = now
            if self._excess > traits.burst + _ROUNDING:
                return False
            self._excess += 1
        return not traits.connections or self.under_way < traits.connections

    def _refuse(self, now: float) -> Answer:
        self.refused += 1
        traits = self.traits
        if traits.ban_after:
            self._refusals = [at for at in self._refusals if now - at < _BAN_MEMORY_SECONDS] + [now]
            if len(self._refusals) >= traits.ban_after:
                self._banned_until = now + traits.ban_seconds
        return Answer(REFUSED_IN_SECONDS, REFUSED_IN_SECONDS, traits.refusal, traits.retry_after_seconds, False)


_SECONDS_OF_ERRORS = {"timeout": 60.0, "connect_timeout": 10.0}


def _broken(error: str, retry_after_seconds: float | None = None) -> Answer:
    seconds = _SECONDS_OF_ERRORS.get(error, REFUSED_IN_SECONDS)
    return Answer(seconds, seconds, error, retry_after_seconds, False)
