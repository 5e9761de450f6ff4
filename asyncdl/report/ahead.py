"""How long the hosts of a report still take, at the pace that was learnt of them or at their limits: the short sister of a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from asyncdl.forecast import LaneCeilings, LaneForecast, SizeEstimate, Standing
from asyncdl.forecast.lanes import forecast_lane
from asyncdl.presets import shipped_presets
from asyncdl.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Ahead:
    """What lies ahead at some hosts, by their lanes."""

    lanes: Mapping[str, LaneForecast] = field(default_factory=dict)

    def eta_seconds(self, lane: str) -> float | None:
        """How long a lane still takes at least; None when nothing waits there, or nobody can say."""
        found = self.lanes.get(lane)
        return found.seconds if found is not None and found.requests and found.standing is Standing.OPEN else None

    @property
    def decides(self) -> LaneForecast | None:
        """The lane that takes longest, of those that can be reckoned with."""
        known = [lane for name, lane in self.lanes.items() if self.eta_seconds(name) is not None]
        return max(known, key=lambda lane: lane.seconds, default=None)


async def gather_ahead(store: Reader, lanes: Collection[str], default: LaneCeilings, sizes: SizeEstimate, now_ms: int) -> Ahead:
    """Look ahead at these lanes."""
    presets = shipped_presets().limits
    loads = await store.loads_of(sorted(lanes))
    return Ahead({load.lane: forecast_lane(load, default, sizes, now_ms, presets(load.lane)) for load in loads})
