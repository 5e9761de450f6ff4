"""Whether a host is down, and since when: up, down, given up. Pure; knows no pauses of its own, no pace, no rows.

*Up to down* by either of two signs: connections that fail one after the other with a pause between each, or a *share* of failures among the last
requests, counted only when there were enough of them. A number of failures alone never says anything: a host that answers a million requests may fail at a
thousand. Failures of requests that were out when a pause began are part of its incident and are not counted again.

*Down* is the open state: the lane asks one thing at a time, at the end of each pause (half-open). While a host has been down for less than a day, pauses grow to an hour;
later a probe a day is enough. A good answer closes the breaker. A probe that fails when the host has been down for long enough is the last one: *given up*, until a person says otherwise.

The time that counts is that of the process, which a corrected clock does not move; only between runs is it taken from stored times.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from asyncdl.clock import Instant

CONNECTION_ERRORS: Final = frozenset({"connect_failed", "connect_timeout", "dns_error", "tls_error"})

SYMPTOMS: Final = frozenset({"timeout", "server_error", "connection_broken", "protocol_error"})
"""Failures that an image pays for, and that speak against its host when nearly everything fails like that."""

COUNTED: Final = CONNECTION_ERRORS | SYMPTOMS | {"unavailable", "robots_unreachable"}
"""What counts as a failure of the host. 429 does not: who asks us to slow down is there. 4xx do not: they are answers."""


class Health(StrEnum):
    """The states of a host."""

    UP = "up"
    DOWN = "down"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a host is taken to be down, how far apart it is probed, and when that ends (`give_up_after_seconds`, None: never)."""

    connection_errors_in_a_row: int = 3
    sample_requests: int = 20
    failed_share: float = 0.9
    probe_seconds: float = 3_600.0
    late_probe_seconds: float = 86_400.0
    late_after_seconds: float = 86_400.0
    give_up_after_seconds: float | None = 14 * 86_400.0


class Breaker:
    """The health of one host. `down_since_ms` is 0 while it is up, and the first failure of those that showed it to be down otherwise."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self.down_since_ms = 0
        self.given_up_ms = 0
        self.errors_in_a_row = 0  # failed connections without an answer between them
        self._sample: deque[bool] = deque(maxlen=policy.sample_requests)  # True: failed
        self._failing_since: Instant | None = None
        self._down_since = 0.0  # monotonic; earlier than this process when restored

    @property
    def health(self) -> Health:
        """The state now."""
        if self.given_up_ms:
            return Health.GIVEN_UP
        return Health.DOWN if self.down_since_ms else Health.UP

    @property
    def failing(self) -> bool:
        """Whether no connection has been made since one failed: time alone does not heal that."""
        return bool(self.down_since_ms or self.errors_in_a_row)

    def longest_pause_seconds(self, now: Instant) -> float | None:
        """How far apart probes may be now; None while the host is up."""
        if not self.down_since_ms:
            return None
        policy = self._policy
        return policy.probe_seconds if self._down_seconds(now) < policy.late_after_seconds else policy.late_probe_seconds

    # -- what happens ----------------------------------------------------------------------------------------

    def answered(self) -> None:
        """The host gave an answer that an image may be blamed for, or none. It takes back what silence did, and no person's word about a host that works."""
        if self.given_up_ms and not self.down_since_ms:
            return
        if self.down_since_ms:
            self._sample.clear()
        self._sample.append(False)
        self.down_since_ms = self.given_up_ms = self.errors_in_a_row = 0
        if not any(self._sample):
            self._failing_since = None

    def failed(self, error: str, now: Instant) -> None:
        """A request failed by one of `COUNTED`, in an incident of its own."""
        self.errors_in_a_row = self.errors_in_a_row + 1 if error in CONNECTION_ERRORS else 0
        self._failing_since = self._failing_since or now
        self._sample.append(True)
        if not self.down_since_ms and self._looks_down():
            self.down_since_ms = self._failing_since.utc_ms
            self._down_since = self._failing_since.monotonic
        patience = self._policy.give_up_after_seconds
        if self.down_since_ms and not self.given_up_ms and patience is not None and self._down_seconds(now) >= patience:
            self.given_up_ms = now.utc_ms

    def give_up(self, now: Instant) -> None:
        """A person gives the host up, down or not."""
        self.given_up_ms = now.utc_ms

    def reopen(self) -> None:
        """A person takes the host back: what it did before counts no more."""
        self._sample.clear()
        self._failing_since = None
        self.down_since_ms = self.given_up_ms = self.errors_in_a_row = 0

    def restore(self, *, down_since_ms: int, given_up_ms: int, errors_in_a_row: int, now: Instant) -> None:
        """Take up what an earlier run has stored. A time in the future is taken for the present."""
        self.given_up_ms = given_up_ms
        self.errors_in_a_row = errors_in_a_row
        if down_since_ms:
            self.down_since_ms = min(down_since_ms, now.utc_ms)
            self._down_since = now.monotonic + now.seconds_until(self.down_since_ms)

    # -- judging ---------------------------------------------------------------------------------------------

    def _looks_down(self) -> bool:
        policy = self._policy
        if self.errors_in_a_row >= policy.connection_errors_in_a_row:
            return True
        return len(self._sample) == policy.sample_requests and sum(self._sample) >= policy.failed_share * policy.sample_requests

    def _down_seconds(self, now: Instant) -> float:
        return max(0.0, now.monotonic - self._down_since)
