"""Before the first byte: what is waiting at which host, how long it takes at its limits, what binds, whether it fits.

Only counters, hosts and lanes are asked, never images. How it looks to people is in `plan_view`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from asyncdl.forecast import (
    Bound,
    Floor,
    Forecaster,
    LaneCeilings,
    LaneForecast,
    Needs,
    Process,
    Room,
    SizeEstimate,
    Space,
    room_for,
)
from asyncdl.forecast.sizes import Spread
from asyncdl.model import Counts
from asyncdl.presets import shipped_presets
from asyncdl.report.wording import time_text
from asyncdl.settings import RunSettings
from asyncdl.status import ImageStatus
from asyncdl.store.reader import Reader

PAGE_LANES: Final = 2_000
Sizes = Mapping[str, tuple[int, int]]

LOOP_SECONDS_PER_IMAGE: Final = 600e-6
LOOP_SECONDS_PER_BYTE: Final = 5.5e-9
"""What an image costs the process besides decoding, and each of its bytes: the README's figures for 4 kB and 100 kB."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """The plan of a collection at `at_ms`. `line_bits_per_second` is what the line must carry to end when the hosts do.

    `seen_bits_per_second`: the most that came over it in the last run, for half a minute or so; the line may carry more, because hosts may have been
    what bound. 0 when nothing is known.
    """

    at_ms: int
    images: Counts
    default: LaneCeilings
    floor: Floor
    room: Room
    sampled: int
    seen_bits_per_second: float = 0.0

    @property
    def binds(self) -> str:
        """What stands in the way first: the disk, when the job does not fit, else the longest bound; "" when nothing is waiting."""
        return self.room.binds or (self.floor.bounds[0].name if self.floor.bounds else "")

    @property
    def end_ms(self) -> int:
        """The earliest end."""
        return self.at_ms + round(self.floor.seconds * 1000)

    @property
    def line_bits_per_second(self) -> float:
        """What the line must carry, on average, until then."""
        return self.floor.size.expected * 8 / self.floor.seconds if self.floor.seconds else 0.0


def default_ceilings(settings: RunSettings) -> LaneCeilings:
    """The limits of a host of which nothing is known."""
    return LaneCeilings(settings.host_rate_per_second, settings.host_connections, settings.host_bandwidth_bits_per_second)


def process_of(settings: RunSettings, *, processors: int, decode_seconds_per_byte: float) -> Process:
    """What the whole process may and can do; without decoding where that is what the settings say."""
    decodes = settings.validate_mode == "decode"
    return Process(
        rate_per_second=settings.rate_per_second,
        bits_per_second=settings.bandwidth_bits_per_second,
        decoders=max(1, processors - 1),
        loop_seconds_per_image=LOOP_SECONDS_PER_IMAGE,
        loop_seconds_per_byte=LOOP_SECONDS_PER_BYTE,
        decode_seconds_per_byte=decode_seconds_per_byte if decodes else 0.0,
    )


async def gather_floor(
    store: Reader, now_ms: int, default: LaneCeilings, process: Process, shown: int, seen: Sizes = MappingProxyType({})
) -> Floor:
    """Feed all lanes to the reckoning, a page at a time. `seen`: pictures whose size a probe has learnt, and their bytes, by lane."""
    saved = (await store.counts()).by_status[ImageStatus.SUCCESS.label] + sum(images for images, _ in seen.values())
    size_bytes = await store.saved_bytes() + sum(size for _, size in seen.values())
    forecaster = Forecaster(default, SizeEstimate(saved, size_bytes), process, now_ms, shown, shipped_presets().limits)
    after = ""
    while page := await store.lane_loads(after, PAGE_LANES):
        for load in page:
            images, size = seen.get(load.lane, (0, 0))
            forecaster.add(replace(load, saved=load.saved + images, size_bytes=load.size_bytes + size) if images else load)
        after = page[-1].lane
    return forecaster.floor()


async def gather_plan(
    store: Reader,
    now_ms: int,
    *,
    default: LaneCeilings,
    process: Process,
    space: Space,
    keep_free: int | Literal["auto"],
    shown: int,
    seen: Sizes = MappingProxyType({}),
) -> PlanReport:
    """Ask the store for all that the plan needs. `space`: the disk that the files go to; `seen` as for `gather_floor`."""
    images = await store.counts()
    floor = await gather_floor(store, now_ms, default, process, shown, seen)
    room = room_for(Needs(floor.images, floor.size), space, keep_free)
    sampled = images.by_status[ImageStatus.SUCCESS.label] + sum(count for count, _ in seen.values())
    return PlanReport(now_ms, images, default, floor, room, sampled, await _seen_speed(store))


async def _seen_speed(store: Reader) -> float:
    run = await store.last_run()
    try:
        found = json.loads(run.counts_json) if run is not None and run.counts_json else {}
    except ValueError:  # of another version, or by another hand: it is no reason not to plan
        return 0.0
    speed = found.get("top_bits_per_second") if isinstance(found, dict) else None
    return float(speed) if isinstance(speed, int | float) else 0.0


def to_json(plan: PlanReport) -> dict[str, Any]:
    """The plan as JSON values. Keys are never renamed; times are ISO 8601 in UTC, durations seconds, sizes bytes."""
    floor, room = plan.floor, plan.room
    return {
        "at": time_text(plan.at_ms),
        "images": {"total": plan.images.total, **plan.images.by_status, "planned": floor.images},
        "requests": floor.requests,
        "bytes": _spread(floor.size),
        "floor": {"seconds": floor.seconds, "end_at": time_text(plan.end_ms), "binds": plan.binds or None},
        "bounds": [_bound(bound) for bound in floor.bounds],
        "line_bits_per_second": plan.line_bits_per_second,
        "line_seen_bits_per_second": plan.seen_bits_per_second or None,
        "disk": {
            "needed_bytes": _spread(room.needed),
            "free_bytes": room.free_bytes,
            "kept_free_bytes": room.reserve_bytes,
            "needed_files": room.needed_files,
            "free_files": room.free_files,
            "fits": not room.binds,
        },
        "hosts": [_lane(lane) for lane in floor.lanes],
        "other_hosts": {
            "hosts": floor.others,
            "images": floor.others_images,
            "requests": floor.others_requests,
            "bytes": _spread(floor.others_size),
        },
        "aside": floor.aside,
        "write_to": [
            {"host": letter.lane.lane, "limit": letter.lane.binds, "saves_seconds": letter.saves_seconds,
             "together_seconds": letter.together_seconds, "own_seconds": letter.own_seconds}
            for letter in floor.write_to
        ],
        "sampled_images": plan.sampled,
    }  # fmt: skip


def _bound(bound: Bound) -> dict[str, Any]:
    return {"name": bound.name, "seconds": bound.seconds, "what": bound.what}


def _spread(spread: Spread) -> dict[str, int]:
    return {"low": round(spread.low), "expected": round(spread.expected), "high": round(spread.high)}


def _lane(lane: LaneForecast) -> dict[str, Any]:
    return {
        "host": lane.lane,
        "hosts": lane.hosts,
        "images": lane.images,
        "requests": lane.requests,
        "bytes": _spread(lane.size),
        "bytes_per_image": round(lane.per_image.expected),
        "sampled_images": lane.sampled,
        "seconds": lane.seconds,
        "binds": lane.binds or None,
        "rate_per_second": lane.ceilings.rate_per_second or None,
        "rate_learnt": lane.ceilings.learnt,
        "connections": lane.ceilings.connections or None,
        "bits_per_second": lane.ceilings.bits_per_second or None,
        "paused_seconds": lane.pause_seconds,
    }
