"""Where a collection stands, as a frozen value, and the JSON of it that programs read.

Only counters, lanes, runs and sources are asked, never images, so the answer takes as long for fifty million
images as for fifty. How it looks to people is in `status_view`.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from asyncdl.collection import Holder
from asyncdl.errors import error_type
from asyncdl.forecast import LaneCeilings, SizeEstimate
from asyncdl.model import Counts
from asyncdl.report.ahead import Ahead, gather_ahead
from asyncdl.report.wording import time_or_none, time_text
from asyncdl.status import ImageStatus
from asyncdl.store import ROBOTS_LEAVE_KEY, ErrorCount, HostCounts, RunRecord, SourceState
from asyncdl.store.reader import Reader

_WITHDRAWN: Final = "withdrawn"
MAX_HOSTS: Final = 1000
"""Hosts in a report, those with most images first."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The figures of a collection at `at_ms`.

    `as_of_ms` is set when they come from a snapshot that a run keeps, and says how old it is. `next_due_ms`
    is the earliest time at which something may be asked; in the past when it could be asked now.
    `paused_images` are open images at hosts that are left alone for the moment.
    """

    at_ms: int
    images: Counts
    records: Counts
    manifests: Counts
    errors: tuple[ErrorCount, ...]
    hosts: tuple[HostCounts, ...]
    next_due_ms: int | None
    saved_bytes: int
    paused_images: int
    sources: tuple[SourceState, ...]
    last_run: RunRecord | None
    running: Holder | None = None
    as_of_ms: int | None = None
    robots_ignored: tuple[str, ...] = ()
    """Hosts whose robots.txt the last run did not obey, and the note that was left with them."""
    robots_note: str = ""
    ahead: Ahead = field(default_factory=Ahead)

    @property
    def due_now(self) -> bool:
        """Whether something could be asked at once."""
        return self.next_due_ms is not None and self.next_due_ms <= self.at_ms

    @property
    def crashed(self) -> bool:
        """Whether the last run neither runs nor ended."""
        return self.last_run is not None and self.last_run.ended_ms is None and self.running is None

    @property
    def images_gone(self) -> int:
        """Images that no living source names any more."""
        return sum(source.images_gone for source in self.sources)

    @property
    def images_withdrawn(self) -> int:
        """Those of them that were still to be asked, and no longer are."""
        return sum(row.images for row in self.errors if row.error == _WITHDRAWN)

    def in_status(self, status: ImageStatus) -> int:
        """Images that stand in `status`."""
        return self.images.by_status.get(status.label, 0)

    def exceptions(self) -> dict[str, list[str]]:
        """What was excepted from the rules in the last run, by the name of the setting."""
        found = None if self.last_run is None else _json_or_none(self.last_run.info.settings_json)
        kinds = found.get("exceptions") if isinstance(found, dict) else None
        return {str(kind): [str(host) for host in hosts] for kind, hosts in kinds.items()} if isinstance(kinds, dict) else {}

    def run_counts(self) -> dict[str, Any]:
        """What the last run noted of itself; empty when it noted nothing."""
        found = None if self.last_run is None else _json_or_none(self.last_run.counts_json)
        return found if isinstance(found, dict) else {}

    def causes(self) -> list[ErrorCount]:
        """Why images are not saved, most first; flags of saved images and images never asked are left out."""
        return [row for row in self.errors if row.error is not None and row.status is not ImageStatus.SUCCESS]


async def gather_status(
    store: Reader, now_ms: int, *, running: Holder | None = None, as_of_ms: int | None = None, ceilings: LaneCeilings | None = None
) -> StatusReport:
    """Ask the store for all figures. Raises what the store raises when the database cannot be read.

    `ceilings`: the limits of a host of which nothing is known; without them nothing is said of times left.
    """
    leave = _json_or_none(await store.get_meta(ROBOTS_LEAVE_KEY)) or {}
    images, hosts, saved_bytes = await store.counts(), await store.counts_by_host(MAX_HOSTS), await store.saved_bytes()
    ahead = Ahead()
    if ceilings is not None:
        sizes = SizeEstimate(images.by_status[ImageStatus.SUCCESS.label], saved_bytes)
        ahead = await gather_ahead(store, {host.lane for host in hosts if host.lane}, ceilings, sizes, now_ms)
    return StatusReport(
        robots_ignored=tuple(leave.get("hosts", ())),
        robots_note=leave.get("note", ""),
        at_ms=now_ms,
        images=images,
        records=await store.record_counts(),
        manifests=await store.manifest_counts(),
        errors=tuple(await store.counts_by_error()),
        hosts=tuple(hosts),
        next_due_ms=await store.next_due_ms(),
        saved_bytes=saved_bytes,
        paused_images=await store.waiting_in_paused_lanes(now_ms),
        sources=tuple(await store.sources()),
        last_run=await store.last_run(),
        running=running,
        as_of_ms=as_of_ms,
        ahead=ahead,
    )


def pause_of(host: HostCounts, now_ms: int) -> tuple[int | None, str]:
    """Until when a host is left alone, and why; None when it is not, or without end: held by a person, or given up."""
    lane = host.lane_record
    if lane is None:
        return None, ""
    if lane.given_up_ms:
        return None, f"given up {time_text(lane.given_up_ms)}"
    if lane.order is not None and (stop := lane.order.stop_at(now_ms)):
        return lane.order.stop_until_ms or None, f"{stop} ordered by you: {lane.order.stop_note}"
    if lane.banned_since_ms and lane.held:
        return None, f"refuses us since {time_text(lane.banned_since_ms)}: {lane.note or 'held by hand'}"
    if lane.held:
        return None, lane.note or "held by hand"
    return (lane.pause_until_ms, lane.pause_reason) if lane.pause_until_ms > now_ms else (None, "")


def to_json(report: StatusReport) -> dict[str, Any]:
    """The report as JSON values. Keys are never renamed; times are ISO 8601 in UTC.

    `next_due_at` is the present when something could be asked at once, null when nothing waits.
    """
    due = report.next_due_ms
    return {
        "at": time_text(report.at_ms),
        "as_of": time_or_none(report.as_of_ms),
        "images": _counts(report.images),
        "records": _counts(report.records),
        "manifests": _counts(report.manifests),
        "gone": {"images": report.images_gone, "withdrawn": report.images_withdrawn},
        "by_error_type": _by_error_type(report),
        "flags": {row.error: row.images for row in report.errors if row.error and row.status is ImageStatus.SUCCESS},
        "causes": [_cause(row) for row in report.causes()],
        "eta": _eta(report),
        "hosts": [_host(host, report.at_ms) | {"eta_seconds": report.ahead.eta_seconds(host.lane)} for host in report.hosts],
        "hosts_complete": len(report.hosts) < MAX_HOSTS,
        "next_due_at": None if due is None else time_text(max(due, report.at_ms)),
        "due_now": report.due_now,
        "bytes": report.saved_bytes,
        "paused_images": report.paused_images,
        "robots_ignored": {"hosts": list(report.robots_ignored), "note": report.robots_note or None},
        "running": None if report.running is None else _holder(report.running),
        "last_run": None if report.last_run is None else _run(report.last_run),
        "sources": [_source(source) for source in report.sources],
        "exceptions": report.exceptions(),
    }


def _counts(counts: Counts) -> dict[str, int]:
    return {"total": counts.total, **counts.by_status}


def _by_error_type(report: StatusReport) -> dict[str, int]:
    images: Counter[str] = Counter()
    for row in report.causes():
        if row.error is not None:
            images[row.error] += row.images
    return dict(images.most_common())


def _cause(row: ErrorCount) -> dict[str, Any]:
    found = error_type(row.error or "")
    return {
        "error_type": row.error,
        "status": row.status.label,
        "images": row.images,
        "blame": str(found.blame),
        "transient": found.transient,
        "meaning": found.meaning,
        "remedy": found.remedy,
    }


def _host(host: HostCounts, now_ms: int) -> dict[str, Any]:
    until_ms, reason = pause_of(host, now_ms)
    return {
        "host": host.host,
        "lane": host.lane,
        "total": host.images,
        **{status.label: host.by_status.get(status.label, 0) for status in ImageStatus},
        "bytes": host.size_bytes,
        "main_error": host.main_error,
        "paused_until": time_or_none(until_ms),
        "pause_reason": reason or None,
        "held": host.lane_record is not None and host.lane_record.held,
        "banned_since": time_or_none(host.lane_record.banned_since_ms) if host.lane_record else None,
        "down_since": time_or_none(host.lane_record.down_since_ms) if host.lane_record else None,
        "given_up_at": time_or_none(host.lane_record.given_up_ms) if host.lane_record else None,
        "stop": _stop(host, now_ms),
    }


def _stop(host: HostCounts, now_ms: int) -> str | None:
    order = None if host.lane_record is None else host.lane_record.order
    stop = None if order is None else order.stop_at(now_ms)
    return None if stop is None else str(stop)


def _eta(report: StatusReport) -> dict[str, Any] | None:
    """The earliest end: of the host that takes longest at the pace that was learnt, or at its limits."""
    lane = report.ahead.decides
    if lane is None:
        return None
    return {
        "seconds": lane.seconds,
        "end_at": time_text(report.at_ms + round(lane.seconds * 1000)),
        "host": lane.lane,
        "limit": lane.binds or None,
    }


def _source(source: SourceState) -> dict[str, Any]:
    told = asdict(source)
    added_at = time_or_none(told.pop("loaded_ms"))
    return {**told, "living": source.living, "added_at": added_at}


def _holder(holder: Holder) -> dict[str, Any]:
    return {"host": holder.host, "pid": holder.pid, "since": time_text(holder.since_ms)}


def _run(run: RunRecord) -> dict[str, Any]:
    return {
        "id": run.id,
        "started_at": time_text(run.info.started_ms),
        "ended_at": time_or_none(run.ended_ms),
        "host": run.info.host,
        "pid": run.info.pid,
        "version": run.info.version,
        "exit_status": run.exit_status,
        "counts": _json_or_none(run.counts_json),
        "settings": _json_or_none(run.info.settings_json),
    }


def _json_or_none(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:  # of another version, or by another hand: the rest of the report still holds
        return None
