"""Whether a host refuses *us*, or some of its images to everybody. Pure; knows no jobs, no pauses of its own.

Both say 401 or 403. What tells them apart is what the host answers to the requests beside: refusals in a row without one proper answer between them mean a ban.
How many: few for a host that has never answered well, more for one that has, and twice the longest row that turned out to be about images, where
a host keeps whole data sets private. A ban is probed three times, further apart each time; then it waits for a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from asyncdl.clock import Instant

REFUSALS: Final = frozenset({"http_401", "http_403", "banned"})
"""Answers that may be about us: `banned` is a page made to keep programs out."""

MAX_KEPT_ASIDE: Final = 64
"""Jobs of one host that wait to be told apart; no row may be longer, however a host behaves."""

_CAREFUL_AFTER: Final = 3
"""So many refusals in a row, and one request at a time is enough to find out."""


@dataclass(frozen=True, slots=True)
class BanPolicy:
    """Refusals in a row that mean a ban: of a host that has answered well, of one that never has; and how long to wait before each probe."""

    refusals_in_a_row: int = 10
    first_refusals: int = 5
    probes_after_seconds: tuple[float, ...] = (3_600.0, 21_600.0, 86_400.0)


class BanWatch:
    """What refusals of one host come to. `banned_since_ms` is 0 while it does not refuse us, `probes` counts those that were refused since."""

    def __init__(self, policy: BanPolicy) -> None:
        self._policy = policy
        self.banned_since_ms = 0
        self.probes = 0
        self.in_a_row = 0
        self._longest_row = 0
        self._answered_well = False

    @property
    def banned(self) -> bool:
        """Whether the host refuses us."""
        return self.banned_since_ms != 0

    @property
    def careful(self) -> bool:
        """Whether one request at a time is enough."""
        return self.banned or self.in_a_row >= _CAREFUL_AFTER

    @property
    def threshold(self) -> int:
        """So many refusals in a row are a ban."""
        if not self._answered_well:
            return self._policy.first_refusals
        return min(MAX_KEPT_ASIDE, max(self._policy.refusals_in_a_row, 2 * self._longest_row))

    @property
    def probe_after_seconds(self) -> float | None:
        """How long to leave the host alone before the next probe; None when there is none left, and a person has to decide."""
        left = self._policy.probes_after_seconds[self.probes :]
        return left[0] if left else None

    def refused(self, now: Instant, *, fresh: bool) -> bool:
        """The host refused a request. True when that is a ban. `fresh`: asked for since the last pause began; others are no probes."""
        if self.banned:
            self.probes += fresh
            return True
        self.in_a_row += 1
        if self.in_a_row < self.threshold:
            return False
        self.banned_since_ms = now.utc_ms
        self.probes = 0
        return True

    def welcomed(self) -> None:
        """The host gave a proper answer about an image: so the refusals before were about theirs, or their time is over."""
        self._longest_row = max(self._longest_row, self.in_a_row)
        self._answered_well = True
        self.lift()

    def lift(self) -> None:
        """There is no ban, or a person says that there is none any more."""
        self.banned_since_ms = self.probes = self.in_a_row = 0

    def restore(self, banned_since_ms: int, probes: int, *, answered_well: bool = False) -> None:
        """Take up what an earlier run has stored. `answered_well`: whether it knows that the host did."""
        self._answered_well = answered_well
        self.banned_since_ms = banned_since_ms
        self.probes = probes
