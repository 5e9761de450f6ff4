"""How long one politeness group takes at its limits, and which of them decides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from asyncdl.forecast.sizes import SizeEstimate, Spread
from asyncdl.lane_records import LaneLoad, LaneRecord
from asyncdl.limits import DAY_SECONDS, HOUR_SECONDS, NOTHING_SAID, LaneLimits

DOWN_SECONDS: Final = 3_600.0
"""A host that has not answered for so long is left out of the reckoning: nobody knows when it comes back."""


class Standing(StrEnum):
    """Whether a host can be reckoned with."""

    OPEN = "open"
    HELD = "held"
    DOWN = "down"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class LaneCeilings:
    """What may be asked of one lane: requests and bits per second, requests and bytes per day, bytes per hour; 0 means no limit. `learnt`: the pace is what the host was found to bear."""

    rate_per_second: float
    connections: int
    bits_per_second: float
    requests_per_day: int = 0
    bytes_per_day: int = 0
    learnt: bool = False
    bytes_per_hour: int = 0

    @property
    def limits(self) -> LaneLimits:
        """The same as the limits of a lane."""
        return LaneLimits(
            self.rate_per_second,
            self.connections,
            self.bits_per_second,
            self.bytes_per_hour,
            self.bytes_per_day,
            self.requests_per_day,
        )


def ceilings_of(
    record: LaneRecord | None, default: LaneCeilings, now_ms: int = 0, preset: LaneLimits = NOTHING_SAID
) -> LaneCeilings:
    """The limits that hold for a lane: given by a person, else the tighter of what is known of it and those for everybody; and below them what was learnt."""
    if record is None and preset is NOTHING_SAID:
        return default  # nearly all of a million hosts
    order = record.order if record is not None else None
    limits = default.limits.tightened(preset).overruled(order.limits_at(now_ms) if order else NOTHING_SAID)
    rate = limits.rate_per_second or 0.0
    learnt = record is not None and record.learnt is not None and (not rate or record.learnt.rate_per_second < rate)
    if learnt and record is not None and record.learnt is not None:
        rate = record.learnt.rate_per_second
    return LaneCeilings(
        rate, limits.connections or 0, limits.bandwidth_bits_per_second or 0.0, limits.requests_per_day or 0, limits.bytes_per_day or 0,
        learnt, limits.bytes_per_hour or 0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LaneForecast:
    """One lane: what is left to ask, and how long that takes. `times` are seconds by limit; `pause_seconds` come before the first request."""

    lane: str
    hosts: int
    images: int
    requests: int
    size: Spread
    per_image: Spread
    sampled: int
    ceilings: LaneCeilings
    times: tuple[tuple[str, float], ...]
    pause_seconds: float
    standing: Standing

    @property
    def binds(self) -> str:
        """The limit that takes longest; "" where there is none."""
        return max(self.times, key=lambda time: time[1], default=("", 0.0))[0]

    @property
    def seconds(self) -> float:
        """How long the lane takes at least; 0 where nothing limits it."""
        return self.pause_seconds + max((seconds for _, seconds in self.times), default=0.0)

    @property
    def seconds_if_doubled(self) -> float:
        """How long it would take at least if the limit that binds were twice as high."""
        binds = self.binds
        return self.pause_seconds + max((seconds / 2 if name == binds else seconds for name, seconds in self.times), default=0.0)


def forecast_lane(
    load: LaneLoad, default: LaneCeilings, sizes: SizeEstimate, now_ms: int, preset: LaneLimits = NOTHING_SAID
) -> LaneForecast:
    """What a lane comes to; `preset` is what is known of it. Every image is asked for once, every manifest too, and robots.txt once per host."""
    ceilings = ceilings_of(load.record, default, now_ms, preset)
    requests = load.waiting + load.manifests + (load.hosts if load.waiting + load.manifests else 0)
    per_image = sizes.per_image(load.saved, load.size_bytes)
    size = per_image.times(load.waiting)
    times = (
        ("learnt pace" if ceilings.learnt else "rate", requests / ceilings.rate_per_second if ceilings.rate_per_second else 0.0),
        ("bandwidth", size.expected * 8 / ceilings.bits_per_second if ceilings.bits_per_second else 0.0),
        ("requests per day", requests / ceilings.requests_per_day * DAY_SECONDS if ceilings.requests_per_day else 0.0),
        ("bytes per hour", size.expected / ceilings.bytes_per_hour * HOUR_SECONDS if ceilings.bytes_per_hour else 0.0),
        ("bytes per day", size.expected / ceilings.bytes_per_day * DAY_SECONDS if ceilings.bytes_per_day else 0.0),
    )
    return LaneForecast(
        load.lane, load.hosts, load.waiting, requests, size, per_image, load.saved, ceilings,
        tuple(time for time in times if time[1] > 0),
        max(0.0, (load.record.pause_until_ms - now_ms) / 1000) if load.record else 0.0,
        _standing(load.record, now_ms),
    )  # fmt: skip


def _standing(record: LaneRecord | None, now_ms: int) -> Standing:
    if record is None:
        return Standing.OPEN
    if record.held or (record.order is not None and record.order.stop_at(now_ms)):
        return Standing.HELD
    if record.given_up_ms:
        return Standing.GIVEN_UP
    return Standing.DOWN if record.down_since_ms and now_ms - record.down_since_ms > DOWN_SECONDS * 1000 else Standing.OPEN
