"""How far each host has come, how long it still takes, and which of them decides the end. Pure; fed by events and by looks at the lanes.

A host's time left is what is left of it at the pace of the last minute or two, or, as long as nothing came, at the pace it may be
asked; the mean since the start would remember a slow beginning for hours. The hosts work side by side, so the slowest decides.

*Efficiency* is the time that the requests so far would have taken at the limits, divided by the time they took: for each host
requests by pace, of which the longest counts. A limit is the ceiling of a host, or what it was found to bear where that is less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from asyncdl.download.lane import LaneState

MARK_SECONDS: Final = 60.0
_LEAST_SPAN_SECONDS: Final = 5.0


@dataclass(slots=True)
class _Lane:
    """One host. `marks` are two earlier moments and how many images had ended then; `before` counts requests of times before the lane was forgotten."""

    left: int = 0
    ended: int = 0
    older: tuple[float, int] = (0.0, 0)
    newer: tuple[float, int] = (0.0, 0)
    requests: int = 0
    before: int = 0
    limit_per_second: float = 0.0
    paused_seconds: float = 0.0
    waits_for_person: bool = False
    pace_per_second: float = 0.0
    ceiling_per_second: float = 0.0


class Headway:
    """Counts for the hosts it is given (those with most images waiting), and for those that are met on the way."""

    def __init__(
        self, left: Mapping[str, int], lane_of_host: Callable[[str], str], assumed_rate_per_second: float, now: float
    ) -> None:
        self._lane_of_host = lane_of_host
        self._assumed = assumed_rate_per_second
        self._began = now
        self._others_requests = 0
        self._others_needed = 0.0
        self._lanes = {name: _Lane(images, older=(now, 0), newer=(now, 0)) for name, images in left.items()}

    def ended(self, host: str) -> None:
        """An image of this host needs nothing more."""
        if (lane := self._lanes.get(self._lane_of_host(host))) is not None:
            lane.left = max(0, lane.left - 1)
            lane.ended += 1

    def recount(self, left: Mapping[str, int], now: float) -> None:
        """Take what is left of each lane from the counters: people open images again."""
        for name, images in left.items():
            self._lanes.setdefault(name, _Lane(older=(now, 0), newer=(now, 0))).left = images

    def look(self, states: Iterable[tuple[LaneState, float]], now: float) -> None:
        """Take in the lanes in use, each with the seconds that it is paused."""
        for lane in self._lanes.values():
            lane.paused_seconds = 0.0
            if now - lane.newer[0] >= MARK_SECONDS:
                lane.older, lane.newer = lane.newer, (now, lane.ended)
        for state, paused_seconds in states:
            self._take_in(state, paused_seconds, now)

    def forgotten(self, state: LaneState) -> None:
        """A lane is dropped: what it has asked counts all the same. Hosts that were not given at the start leave only their sums."""
        lane = self._take_in(state, 0.0, self._began)
        lane.before += lane.requests
        lane.requests = 0
        if not (lane.left or lane.ended):
            self._others_requests += lane.before
            self._others_needed = max(self._others_needed, _needed(lane))
            del self._lanes[state.name]

    def _take_in(self, state: LaneState, paused_seconds: float, now: float) -> _Lane:
        lane = self._lanes.get(state.name)
        if lane is None:
            lane = self._lanes[state.name] = _Lane(older=(now, 0), newer=(now, 0))
        lane.requests = state.requests
        ceiling, pace = state.limits.rate_per_second, state.rate_per_second
        lane.pace_per_second, lane.ceiling_per_second = pace, ceiling or 0.0
        lane.limit_per_second = min(pace, ceiling or pace) if state.pace.learnt or state.crawl_delay_seconds else ceiling or 0.0
        lane.paused_seconds, lane.waits_for_person = paused_seconds, state.held
        return lane

    def left(self, name: str) -> int | None:
        """Images left of a lane; None where that was not counted."""
        lane = self._lanes.get(name)
        return None if lane is None or not (lane.left or lane.ended) else lane.left

    def eta_seconds(self, name: str, now: float) -> float | None:
        """How long a lane still takes; None when it is held, or nothing of it is left."""
        lane = self._lanes.get(name)
        return None if lane is None else self._eta_of(lane, now)

    def decides(self, now: float) -> tuple[str, float] | None:
        """The lane that takes longest, and how long."""
        found = ((self._eta_of(lane, now), name) for name, lane in self._lanes.items())
        longest = max(((seconds, name) for seconds, name in found if seconds is not None), default=None)
        return None if longest is None else (longest[1], longest[0])

    def efficiency(self, now: float) -> float | None:
        """The share of the time that was used as the limits allow; None while no limit is known or no time has passed."""
        needed = max(self._others_needed, *map(_needed, self._lanes.values()), 0.0)
        elapsed = now - self._began
        return min(1.0, needed / elapsed) if needed and elapsed > 0 else None

    @property
    def requests(self) -> int:
        """Requests so far, as far as lanes were looked at."""
        return self._others_requests + sum(lane.before + lane.requests for lane in self._lanes.values())

    def _eta_of(self, lane: _Lane, now: float) -> float | None:
        if not lane.left or lane.waits_for_person:
            return None
        since, ended = lane.older
        span = now - since
        if lane.ended > ended and span >= _LEAST_SPAN_SECONDS:
            pace = (lane.ended - ended) / span
            if lane.ceiling_per_second:  # what ended without a request, or before a limit was lowered, says nothing of what comes
                pace = min(pace, lane.ceiling_per_second)
        else:
            pace = lane.pace_per_second or self._assumed
        return lane.paused_seconds + lane.left / pace if pace else None


def _needed(lane: _Lane) -> float:
    """Seconds that the requests of a lane take at its limit; 0 where there is none."""
    return (lane.before + lane.requests) / lane.limit_per_second if lane.limit_per_second else 0.0
