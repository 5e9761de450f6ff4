"""What a host of the museum admits: requests a second, requests in flight, and the seconds it is closed at first.

Pure: `now` (monotonic seconds) is an argument. Knows no socket.
"""

from __future__ import annotations

from dataclasses import dataclass

from asyncdl.demo.hosts import MuseumHost


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not admitted: the status to answer with and what its Retry-After says."""

    status: int
    retry_after_seconds: int


class Gate:
    """The door of one host. Each admitted request must `leave` once."""

    def __init__(self, host: MuseumHost, *, enforce: bool, closed_for_seconds: float) -> None:
        self._host = host
        self._enforce = enforce
        self._closed_for_seconds = closed_for_seconds
        self._first_knock: float | None = None
        self._next_at = 0.0
        self.in_flight = 0

    def knock(self, now: float) -> Refusal | None:
        """Admit one more request (None), or say why not.

        The pace is "next permitted start" with a burst of one second's worth; a refused request costs no pace.
        """
        if self._first_knock is None:
            self._first_knock = now
        if now - self._first_knock < self._closed_for_seconds:
            return Refusal(503, self._host.retry_after_seconds)
        if self._enforce and not self._has_room(now):
            return Refusal(429, self._host.retry_after_seconds)
        self.in_flight += 1
        return None

    def _has_room(self, now: float) -> bool:
        spacing = 1 / self._host.requests_per_second
        burst_seconds = max(0.0, 1.0 - spacing)
        if self.in_flight >= self._host.connections or self._next_at - now > burst_seconds:
            return False
        self._next_at = max(self._next_at, now) + spacing
        return True

    def leave(self) -> None:
        """An admitted request has been answered."""
        self.in_flight -= 1
