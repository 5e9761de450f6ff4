"""Which hosts a collection asks, what each may be asked, who says so, and how it stands: for `asyncdl hosts list`.

Lanes, not hosts, are listed: what is one server to be polite to is one line. Only counters and lanes are asked, never images.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from asyncdl.lane_records import LaneRecord
from asyncdl.limits import BUDGET_SECONDS, LIMIT_NAMES, NOTHING_SAID, LaneLimits
from asyncdl.presets import Preset, Presets
from asyncdl.report.standing import lane_text
from asyncdl.report.wording import time_or_none
from asyncdl.status import ImageStatus
from asyncdl.store import HostCounts
from asyncdl.store.reader import Reader

MAX_HOSTS: Final = 1_000
"""Hosts that are looked at, those with most images first; lanes about which people ordered something are always there."""

_WAITING: Final = (ImageStatus.PENDING.label, ImageStatus.RETRY.label)


class Word(StrEnum):
    """Whose word a limit is."""

    YOURS = "you"
    PRESET = "preset"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as it is listed. `limits` are those in force, `whose` says of each that is said at all whose word it is."""

    name: str
    hosts: tuple[str, ...]
    waiting: int
    saved: int
    size_bytes: int
    limits: LaneLimits
    whose: dict[str, Word]
    record: LaneRecord
    standing: str
    preset: Preset | None = None

    @property
    def ordered(self) -> bool:
        """Whether a person's word holds."""
        return Word.YOURS in self.whose.values() or (self.record.order is not None and self.record.order.stop is not None)


async def gather_lanes(store: Reader, settings: LaneLimits, presets: Presets, now_ms: int) -> list[Lane]:
    """The lanes of the collection, those with most waiting images first."""
    by_lane: dict[str, list[HostCounts]] = defaultdict(list)
    for counts in await store.counts_by_host(MAX_HOSTS):
        if counts.host:
            by_lane[counts.lane].append(counts)
    for name in await store.ordered_lanes(MAX_HOSTS):
        by_lane.setdefault(name, [])
    remembered = await store.load_lanes(list(by_lane))
    lanes = [
        _lane(name, hosts, remembered.get(name, LaneRecord(name)), settings, presets.of(name), now_ms)
        for name, hosts in by_lane.items()
    ]
    # An order that was taken back says nothing any more, and a lane whose hosts are in another now is none.
    lanes = [lane for lane in lanes if by_lane[lane.name] or lane.ordered]
    return sorted(lanes, key=lambda lane: (-lane.waiting, lane.name))


def _lane(name: str, hosts: list[HostCounts], record: LaneRecord, settings: LaneLimits, preset: Preset | None, now_ms: int) -> Lane:
    known = settings if preset is None else settings.tightened(preset.limits)
    ordered = NOTHING_SAID if record.order is None else record.order.limits_at(now_ms)
    limits = known.overruled(ordered)
    whose = {
        each: Word.YOURS
        if getattr(ordered, each) is not None
        else Word.SETTINGS
        if getattr(known, each) == getattr(settings, each)
        else Word.PRESET
        for each in LIMIT_NAMES
        if getattr(limits, each) is not None
    }
    return Lane(
        name=name,
        hosts=tuple(sorted(each.host for each in hosts)) or (name,),
        waiting=_sum(hosts, lambda each: sum(each.by_status.get(status, 0) for status in _WAITING)),
        saved=_sum(hosts, lambda each: each.by_status.get(ImageStatus.SUCCESS.label, 0)),
        size_bytes=_sum(hosts, lambda each: each.size_bytes),
        limits=limits,
        whose=whose,
        record=record,
        standing=lane_text(record, now_ms),
        preset=preset,
    )


def _sum(hosts: list[HostCounts], figure: Callable[[HostCounts], int]) -> int:
    return sum(figure(each) for each in hosts)


def lanes_json(lanes: list[Lane], now_ms: int) -> list[dict[str, Any]]:
    """The lanes as JSON values. A limit of 0 means that there is none; times are ISO 8601 in UTC."""
    return [_lane_json(lane, now_ms) for lane in lanes]


def _lane_json(lane: Lane, now_ms: int) -> dict[str, Any]:
    order, record = lane.record.order, lane.record
    stop = None if order is None else order.stop_at(now_ms)
    limits_hold = order is not None and order.limits_at(now_ms).any
    return {
        "host": lane.name,
        "hosts": list(lane.hosts),
        "waiting": lane.waiting,
        "saved": lane.saved,
        "bytes": lane.size_bytes,
        "limits": {name: value for name, value in asdict(lane.limits).items() if value is not None},
        "whose": {name: str(word) for name, word in lane.whose.items()},
        "preset": None if lane.preset is None else _preset(lane.preset),
        "spent": spent_of(record, lane.limits, now_ms),
        "limits_until": time_or_none(order.limits_until_ms) if order and limits_hold else None,
        "limits_note": order.limits_note if order and limits_hold else None,
        "stop": None if stop is None else str(stop),
        "stop_until": time_or_none(order.stop_until_ms) if order and stop else None,
        "stop_note": order.stop_note if order and stop else None,
        "paused_until": time_or_none(record.pause_until_ms if record.pause_until_ms > now_ms else None),
        "pause_reason": record.pause_reason if record.pause_until_ms > now_ms else None,
        "held": record.held,
        "state": lane.standing or "open",
    }


def spent_of(record: LaneRecord, limits: LaneLimits, now_ms: int) -> dict[str, int]:
    """What counts of each budget now, reserved units included, as it was last stored."""
    return {
        name: sum(slot.amount for slot in (record.spent or {}).get(name, ()) if now_ms - slot.began_ms < seconds * 1000)
        for name, seconds in BUDGET_SECONDS.items()
        if getattr(limits, name)
    }


def _preset(preset: Preset) -> dict[str, Any]:
    return {"source": preset.source, "read": preset.read.isoformat(), "ask_first": preset.ask_first, "note": preset.note}
