"""How carefully the pace of a host is searched for: the numbers that `pace` works with, and the degrees that people choose from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Caution:
    """How careful the search for a host's pace is. Shares are of the pace at which the host was seen to answer.

    `first_rate_per_second` and `first_connections` are what a host that nobody knows begins with. `gain_per_answer`: requests per second that each good answer adds at the start. `first_share`, `soon_share`, `later_share`: what a refusal leaves, at the start, within
    `soon_seconds` of the last change, and later. `rise_per_second`: growth after the first refusal; each further one leaves `rise_share` of it.
    """

    first_rate_per_second: float = 1.0
    first_connections: int = 1
    gain_per_answer: float = 1.5
    first_share: float = 0.5
    soon_share: float = 0.7
    later_share: float = 0.85
    soon_seconds: float = 6.0
    rise_per_second: float = 0.04
    rise_share: float = 0.25
    slow_factor: float = 2.0
    """Answers that take so many times the shortest latency end the search upwards."""
    crowded_factor: float = 5.0
    """Answers that take so many times the shortest latency push the pace down."""


CAUTIONS: Final = {
    "low": Caution(gain_per_answer=2.0, first_share=0.75, soon_share=0.8, later_share=0.95, rise_per_second=0.08, rise_share=0.5),
    "normal": Caution(),
    "high": Caution(gain_per_answer=0.5, first_share=0.45, soon_share=0.6, later_share=0.75, rise_per_second=0.01, rise_share=0.1),
}
"""Degrees of caution by the names that `--caution` takes."""
