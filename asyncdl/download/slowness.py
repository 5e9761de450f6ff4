"""How slow a host answers now, as a multiple of the fastest it was seen to be. Pure."""

from __future__ import annotations

import math
from typing import Final

_SMOOTHING: Final = 0.2

_NOISE_SECONDS: Final = 0.05
"""Latencies differ by this much for reasons of their own."""


class Slowness:
    """Takes in latencies, seconds until the first byte. `latency_seconds` is the present one, smoothed; 0 before the first."""

    def __init__(self) -> None:
        self.latency_seconds = 0.0
        self._base_seconds = math.inf

    def of(self, latency_seconds: float | None) -> float:
        """How many times the shortest latency the present one is; 1 where nothing is known."""
        if latency_seconds is None:
            return 1.0
        self._base_seconds = min(self._base_seconds, latency_seconds)
        present = self.latency_seconds
        self.latency_seconds = latency_seconds if not present else present + _SMOOTHING * (latency_seconds - present)
        beyond_noise = self.latency_seconds - _NOISE_SECONDS
        return beyond_noise / max(self._base_seconds, 1e-3) if beyond_noise > 0 else 1.0
