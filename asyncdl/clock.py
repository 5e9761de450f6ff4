"""Time as a value: an `Instant` of two clocks, and the two sources of it.

Pace, deadlines and pauses are computed with the monotonic clock, which neither jumps nor runs
backwards; what is stored in the database is UTC in milliseconds, which survives a restart. Everything
that decides takes an `Instant` as an argument; only the shell around it asks a `Clock`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on two clocks: `monotonic` in seconds, `utc_ms` in milliseconds since 1970 (UTC)."""

    monotonic: float
    utc_ms: int

    def plus(self, seconds: float) -> Instant:
        """The instant `seconds` later (earlier when negative) on both clocks."""
        return Instant(self.monotonic + seconds, self.utc_ms + round(seconds * 1000))

    def seconds_until(self, utc_ms: int) -> float:
        """Seconds from now until a stored time; negative when it has passed."""
        return (utc_ms - self.utc_ms) / 1000


class Clock(Protocol):
    """Where an `Instant` comes from: the machine, or a test or simulation that moves time itself."""

    def now(self) -> Instant:
        """The present moment."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> Instant:
        """The present moment on the machine's clocks."""
        return Instant(time.monotonic(), time.time_ns() // 1_000_000)


class VirtualClock:
    """A clock that stands still until told otherwise: for simulations, benchmarks and tests."""

    def __init__(self, start: Instant = Instant(0.0, 1_767_225_600_000)) -> None:
        self._now = start

    def now(self) -> Instant:
        """The moment the clock was last moved to."""
        return self._now

    def advance(self, seconds: float) -> Instant:
        """Move both clocks forward and return the new moment. `seconds` must not be negative."""
        if seconds < 0:
            raise ValueError("a virtual clock only moves forward")
        self._now = self._now.plus(seconds)
        return self._now

    def jump_wall_clock(self, seconds: float) -> Instant:
        """Move only the wall clock, in either direction, as a clock correction or a suspend does."""
        self._now = Instant(self._now.monotonic, self._now.utc_ms + round(seconds * 1000))
        return self._now


def iso_utc(utc_ms: int) -> str:
    """A stored time as ISO 8601 in UTC with seconds, `2026-11-21T09:30:00Z`."""
    return datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
