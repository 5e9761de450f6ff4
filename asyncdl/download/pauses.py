"""The pauses of one host: how long it is left alone after trouble, and when that is forgiven. Pure; knows no pace, no budget, no rows.

Failures of requests that were out when a pause began are part of its *incident*; later ones are a new incident, and its pause is longer (`backoff`). No pause is
shorter than the `Retry-After` that a host sent. Pauses are remembered in UTC, so that they hold across restarts; in a run
the monotonic clock counts, so that a correction of the other one strands nothing.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

from asyncdl.clock import Instant
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.lane_records import LaneRecord
from asyncdl.retry_after import MAX_RETRY_AFTER_SECONDS

FORGIVING_ANSWERS: Final = 20
"""So many good answers since an incident make it forgotten, as quiet time does: the pause was long enough."""

LONGEST_ROBOTS_PAUSE_SECONDS: Final = 3_600.0
"""That robots.txt could not be read is believed for at most an hour."""

SLOW_DOWN: Final = frozenset({"rate_limited", "unavailable"})
"""By these a host says itself that it is asked for too much."""


class Pauses:
    """Until when a host is left alone, and for how many incidents in a row. `suspect`: it has not answered since the last one."""

    def __init__(self, policy: BackoffPolicy) -> None:
        self.incidents = 0
        self.suspect = False
        self.reason = ""
        self.until = -math.inf  # monotonic
        self.until_ms = 0  # UTC; 0: there was none
        self.last_incident_ms = 0
        self._policy = policy
        self._last_pause_seconds = 0.0
        self._last_incident = -math.inf  # monotonic
        self._answers_since_incident = 0

    def fresh(self, issued: Instant) -> bool:
        """Whether a request was issued after the last incident began: its failure is a new one."""
        return issued.monotonic > self._last_incident

    # -- what happens ----------------------------------------------------------------------------------------

    def answered(self) -> None:
        """The host gave a proper answer."""
        self._answers_since_incident += 1
        self.suspect = False

    def incident(
        self,
        reason: str,
        issued: Instant,
        now: Instant,
        retry_after_seconds: float | None,
        random: Random,
        *,
        failing: bool,
        longest_seconds: float | None,
    ) -> float | None:
        """A failure that makes a pause. Returns the seconds of the pause where this is a new incident, None where it is part of the last.

        `failing`: no connection has been made since one failed, which quiet time does not heal. `longest_seconds`: how far apart probes may be now.
        """
        fresh = self.fresh(issued)
        if fresh:
            self._begin_incident(now, failing=failing)
        answered = self._answers_since_incident > 0
        if longest_seconds is None and reason == "robots_unreachable":
            longest_seconds = LONGEST_ROBOTS_PAUSE_SECONDS
        crowded = answered and reason in SLOW_DOWN
        own_seconds = self._policy.pause_seconds(self.incidents, random, crowded=crowded, longest_seconds=longest_seconds)
        if retry_after_seconds:  # 0, or a date that has passed, promises nothing: our own pause holds
            # The promise is the server's; a second of jitter on top keeps lanes from coming back in step. A host that was asked
            # when it said and refused again has said too little: then our own pause holds where it is longer.
            seconds = min(retry_after_seconds, MAX_RETRY_AFTER_SECONDS) + random.random()
            seconds = max(seconds, own_seconds) if fresh and not answered else seconds
        elif fresh:
            seconds = own_seconds
        else:
            return None
        self._last_pause_seconds = seconds
        self.pause(seconds, reason, now)
        if not fresh:
            return None
        self._answers_since_incident = 0
        return seconds

    def _begin_incident(self, now: Instant, *, failing: bool) -> None:
        quiet_ms = now.utc_ms - max(self.last_incident_ms, self.until_ms)
        quiet = not failing and quiet_ms >= 1000 * self._policy.forgive_seconds(self._last_pause_seconds)
        if quiet or self._answers_since_incident >= FORGIVING_ANSWERS:
            self.incidents = 0
        self.incidents += 1
        self.last_incident_ms = now.utc_ms
        self.distrust(now)

    def distrust(self, now: Instant) -> None:
        """What was out until now says nothing new, and the host is suspect until it answers."""
        self._last_incident = now.monotonic
        self.suspect = True

    def pause(self, seconds: float, reason: str, now: Instant) -> None:
        """Start no request for `seconds`; never shortens a pause that is already longer."""
        until = now.plus(seconds)
        if until.monotonic > self.until:
            self.until = until.monotonic
            self.until_ms = until.utc_ms
            self.reason = reason

    def end(self) -> None:
        """What the pause was for is over."""
        self.until, self.until_ms = -math.inf, 0

    def lift(self) -> None:
        """A person says that the host may be asked again: only what it asked for itself still counts."""
        if self.reason not in SLOW_DOWN:
            self.incidents = 0
            self.suspect = False
            self.end()

    # -- memory between runs ---------------------------------------------------------------------------------

    def restore(self, record: LaneRecord, now: Instant, *, failing: bool) -> None:
        """Take up what was remembered. Stored times are clamped: a wrong clock must not strand a lane for years. `failing` as for `incident`."""
        remaining = min(now.seconds_until(record.pause_until_ms), MAX_RETRY_AFTER_SECONDS)
        if remaining > 0:
            self.pause(remaining, record.pause_reason, now)
        self.incidents = record.incidents
        self.last_incident_ms = min(record.last_incident_ms, now.utc_ms)
        self._last_pause_seconds = max(0.0, (record.pause_until_ms - record.last_incident_ms) / 1000)
        self.suspect = record.incidents > 0 and (remaining > 0 or failing)
