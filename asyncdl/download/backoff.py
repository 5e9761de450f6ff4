"""How long to wait: pauses of a lane, and the next attempt at an image. Pure arithmetic with an injected random source.

Pauses grow per incident, carry jitter so that many lanes do not come back in step, and are capped. Jitter only ever
lengthens a pause: a host never sees us earlier than the rule says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """The shape of a lane's pauses: `first` seconds, times `factor` per further incident, at most `max`."""

    first_pause_seconds: float = 5.0
    # The first pause of a host that answers others of our requests: it is not closed, we were too fast.
    crowded_pause_seconds: float = 2.0
    factor: float = 2.0
    max_pause_seconds: float = 86_400.0
    jitter: float = 0.25
    # Quiet time after a pause, in multiples of that pause, after which its incidents are forgiven.
    forgive_after_pauses: float = 5.0
    min_forgive_seconds: float = 20.0
    max_forgive_seconds: float = 1_800.0

    def pause_seconds(
        self, incidents: int, random: Random, *, crowded: bool = False, longest_seconds: float | None = None
    ) -> float:
        """The pause for the `incidents`-th incident in a row (1 is the first), with jitter on top.

        `crowded`: the host answers, but not all. `longest_seconds`: a cap that is lower for the moment than `max_pause_seconds`.
        """
        first = self.crowded_pause_seconds if crowded else self.first_pause_seconds
        # The exponent is bounded before the power is taken: a host may fail for years.
        longest = self.max_pause_seconds if longest_seconds is None else min(self.max_pause_seconds, longest_seconds)
        bare = min(longest, first * self.factor ** min(incidents - 1, 64))
        return bare * (1 + self.jitter * random.random())

    def forgive_seconds(self, pause_seconds: float) -> float:
        """How long a lane must stay quiet after a pause of this length until its incidents are forgotten."""
        return min(self.max_forgive_seconds, max(self.min_forgive_seconds, pause_seconds * self.forgive_after_pauses))


def retry_delay_seconds(delays_seconds: Sequence[float], attempts: int, random: Random) -> float:
    """The wait before the next attempt when `attempts` (at least 1) have been paid, with 10 % jitter to either side.

    Beyond the end of the table its last entry holds.
    """
    delay = delays_seconds[min(attempts, len(delays_seconds)) - 1]
    return delay * (0.9 + 0.2 * random.random())
