"""One politeness group: its pace, connections, pauses, health and robots rules. Knows no rows and no queue.

Pure: every method that needs the time is given it. A lane answers one question, *when may the next request start*, and learns
from how requests end. Pauses are remembered in UTC, so that they hold across restarts; pace is monotonic, so that a clock
correction or a suspend neither bursts nor strands anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from asyncdl.clock import Instant
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.pace import Caution, Pace
from asyncdl.model import LaneRecord
from asyncdl.retry_after import MAX_RETRY_AFTER_SECONDS

TIMEOUTS_IN_A_ROW = 5
"""So many unanswered requests one after the other are the host's trouble, no longer the images'."""

DOWN_INCIDENTS = 3
"""So many failed connections with a pause between each, and no answer since, mean that the host is down."""

FORGIVING_ANSWERS = 20
"""So many good answers since an incident make it forgotten, as quiet time does: the pause was long enough."""

CONNECTION_ERRORS = frozenset({"connect_failed", "connect_timeout", "dns_error", "tls_error"})

KEPT_SECONDS = 60.0
"""A lane is kept for so long after it could have started again: most come back, and more was learnt of their pace than is stored."""

_REFUSALS = frozenset({"rate_limited", "unavailable"})


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """The ceilings of a lane: requests per second and requests at the same time; 0 means no ceiling."""

    rate_per_second: float
    connections: int


class LaneState:
    """What is known of a lane, and when it may be asked again."""

    def __init__(self, name: str, limits: LaneLimits, policy: BackoffPolicy, caution: Caution) -> None:
        self.name = name
        self.limits = limits
        self.in_flight = 0
        self.incidents = 0
        self.pause_reason = ""
        self.held = False
        self.note = ""
        self.requests = 0
        self.answers = 0
        self.failures = 0
        self.crawl_delay_seconds = 0.0
        self.down_since_ms = 0
        self._policy = policy
        self.pace = Pace(limits.rate_per_second, limits.connections, caution)
        self._next_start = -math.inf
        self._pause_until = -math.inf
        self._pause_until_ms = 0
        self._last_pause_seconds = 0.0
        self._last_incident_ms = 0
        self._paused_at = -math.inf
        self._timeouts_in_a_row = 0
        self._answers_since_incident = 0
        self._suspect = False
        self._given_rate: float | None = None
        self._given_connections: int | None = None

    # -- when ------------------------------------------------------------------------------------------------

    def ready_at(self) -> float | None:
        """Monotonic time from which the next request may start; None while only a change can make it ready."""
        if self.held or self.in_flight >= self.connections:
            return None
        return max(self._next_start, self._pause_until)

    @property
    def connections(self) -> int:
        """How many requests may run at the same time now: one while the host is suspect, then as many as it has answered well."""
        return 1 if self._suspect else self.pace.connections

    @property
    def rate_per_second(self) -> float:
        """The pace now."""
        rate = self.pace.rate_per_second
        return min(rate, 1 / self.crawl_delay_seconds) if self.crawl_delay_seconds else rate

    @property
    def down(self) -> bool:
        """Whether the host has failed to connect again and again, and has not answered since."""
        return bool(self.down_since_ms) and self.incidents >= DOWN_INCIDENTS

    @property
    def troubled(self) -> bool:
        """Whether the host has not answered since its last trouble."""
        return self._suspect or bool(self.down_since_ms)

    def idle(self, now: Instant) -> bool:
        """Whether nothing runs and nothing has forbidden a start for a while: the lane may be forgotten without breaking a limit."""
        return self.in_flight == 0 and not self.held and max(self._next_start, self._pause_until) + KEPT_SECONDS <= now.monotonic

    def paused_seconds(self, now: Instant) -> float:
        """How much longer the lane is paused; 0 when it is not, infinity while a person holds it."""
        return math.inf if self.held else max(0.0, self._pause_until - now.monotonic)

    @property
    def pause_until_ms(self) -> int:
        """When the current or last pause ends (UTC milliseconds); 0 when there was none."""
        return self._pause_until_ms

    # -- what happens ----------------------------------------------------------------------------------------

    def start(self, now: Instant) -> None:
        """A request starts."""
        self.in_flight += 1
        self.requests += 1
        self.pace.started(self.in_flight, now.monotonic - max(self._next_start, self._pause_until), now.monotonic)
        self._next_start = max(self._next_start, now.monotonic) + 1 / self.rate_per_second

    def release(self) -> None:
        """A request ended, however."""
        self.in_flight -= 1

    def answered(self, now: Instant, beside: int = 1, latency_seconds: float | None = None) -> None:
        """The host gave a proper answer: trust returns, and the pace with it. `beside`: requests under way when this one started, itself included."""
        self.answers += 1
        self._answers_since_incident += 1
        self._timeouts_in_a_row = 0
        self._suspect = False
        self.down_since_ms = 0
        self.pace.answered(beside, latency_seconds, now.monotonic)

    def timed_out(self, issued: Instant, now: Instant, random: Random) -> bool:
        """A request got no whole answer in time. True when that made the lane pause."""
        self.failures += 1
        self._timeouts_in_a_row += 1
        if self._timeouts_in_a_row < TIMEOUTS_IN_A_ROW:
            return False
        self._incident("no answers (time-outs)", issued, now, None, random)
        return True

    def refused(
        self, error: str, issued: Instant, now: Instant, retry_after_seconds: float | None, random: Random, beside: int = 1
    ) -> None:
        """A host-blamed failure: pause. Failures of requests issued before the pause began count as one incident."""
        self.failures += 1
        if error in CONNECTION_ERRORS and not self.down_since_ms:
            self.down_since_ms = now.utc_ms
        if issued.monotonic > self._paused_at:
            if error in _REFUSALS:
                self.pace.refused(beside, now.monotonic)
            else:
                self.pace.failed()
        self._incident(error, issued, now, retry_after_seconds, random)

    def _incident(self, reason: str, issued: Instant, now: Instant, retry_after_seconds: float | None, random: Random) -> None:
        fresh = issued.monotonic > self._paused_at
        if fresh:
            quiet_ms = now.utc_ms - max(self._last_incident_ms, self._pause_until_ms)
            quiet = quiet_ms >= 1000 * self._policy.forgive_seconds(self._last_pause_seconds)
            if quiet or self._answers_since_incident >= FORGIVING_ANSWERS:
                self.incidents = 0
            self.incidents += 1
            self._last_incident_ms = now.utc_ms
            self._paused_at = now.monotonic
            self._suspect = True
        answered = self._answers_since_incident > 0
        own_seconds = self._policy.pause_seconds(self.incidents, random, crowded=answered and reason in _REFUSALS)
        if retry_after_seconds:  # 0, or a date that has passed, promises nothing: our own pause holds
            # The promise is the server's; a second of jitter on top keeps lanes from coming back in step. A host that was asked
            # when it said and refused again has said too little: then our own pause holds where it is longer.
            seconds = min(retry_after_seconds, MAX_RETRY_AFTER_SECONDS) + random.random()
            seconds = max(seconds, own_seconds) if fresh and not answered else seconds
        elif fresh:
            seconds = own_seconds
        else:
            return
        if fresh:
            self._answers_since_incident = 0
            self.pace.paused(seconds, now.monotonic, promised=bool(retry_after_seconds))
        self._last_pause_seconds = seconds
        self.pause(seconds, reason, now)

    def pause(self, seconds: float, reason: str, now: Instant) -> None:
        """Start no request for `seconds`; never shortens a pause that is already longer."""
        until = now.plus(seconds)
        if until.monotonic > self._pause_until:
            self._pause_until = until.monotonic
            self._pause_until_ms = until.utc_ms
            self.pause_reason = reason

    # -- memory between runs ---------------------------------------------------------------------------------

    def record(self, now: Instant) -> LaneRecord:
        """What is to be remembered."""
        return LaneRecord(
            lane=self.name,
            pause_until_ms=self._pause_until_ms,
            pause_reason=self.pause_reason,
            incidents=self.incidents,
            last_incident_ms=self._last_incident_ms,
            down_since_ms=self.down_since_ms,
            rate_per_second=self._given_rate,
            connections=self._given_connections,
            held=self.held,
            note=self.note,
            learnt=self.pace.learnt_pace(now),
        )

    def restore(self, record: LaneRecord, now: Instant) -> None:
        """Take up what was remembered. Stored times are clamped: a wrong clock must not strand a lane for years."""
        remaining = min(now.seconds_until(record.pause_until_ms), MAX_RETRY_AFTER_SECONDS)
        if remaining > 0:
            self.pause(remaining, record.pause_reason, now)
        self.incidents = record.incidents
        self._last_incident_ms = min(record.last_incident_ms, now.utc_ms)
        self._last_pause_seconds = max(0.0, (record.pause_until_ms - record.last_incident_ms) / 1000)
        self._suspect = record.incidents > 0 and remaining > 0
        self.down_since_ms = record.down_since_ms
        self.held = record.held
        self.note = record.note
        if record.learnt is not None:
            self.pace.recall(record.learnt, now)
        self.limit(record.rate_per_second, record.connections)

    def limit(self, rate_per_second: float | None, connections: int | None) -> None:
        """Put a person's limits in the place of the ceilings; None leaves the ceiling that holds."""
        self._given_rate = rate_per_second if rate_per_second is not None else self._given_rate
        self._given_connections = connections if connections is not None else self._given_connections
        self.limits = LaneLimits(
            self.limits.rate_per_second if self._given_rate is None else self._given_rate,
            self.limits.connections if self._given_connections is None else self._given_connections,
        )
        self.pace.rate_ceiling, self.pace.connection_ceiling = self.limits.rate_per_second, self.limits.connections
