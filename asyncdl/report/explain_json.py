"""The JSON of an explanation: every fact that `explain` gathers, for programs. Keys are never renamed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from asyncdl.errors import error_type
from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.limits import LaneOrder
from asyncdl.model import CandidateKind
from asyncdl.report.explain import Explanation, RecordSaid, key_of
from asyncdl.report.standing import Standing, host_standing, image_standing
from asyncdl.report.wording import time_or_none, time_text, verdict_text
from asyncdl.store import HostStory, ImageStory, ManifestStory, RecordStory, StoredCandidate, StoredFailure, StoredFile
from asyncdl.urls import host_of, resolve


def explanation_json(found: Explanation, place: str) -> dict[str, Any]:
    """An explanation as JSON values. Texts are as received; times are ISO 8601 in UTC."""
    head = {"asked": found.asked, "kind": str(found.subject), "key": found.asked_key or None, "at": time_text(found.at_ms)}
    if found.host is not None:
        return head | {"host": _host(found.host, found.at_ms, place)}
    return head | {"records": [_record(story, found, place) for story in found.records]}


def _record(story: RecordStory, found: Explanation, place: str) -> dict[str, Any]:
    row = story.record
    return {
        "id": row.external_id,
        "status": row.status.label,
        "images_total": row.images,
        "images_saved": row.successes,
        "images_open": row.open_images,
        "completed_at": time_or_none(row.completed_ms),
        "occurrence": dict(_said(found, story).kept),
        "images": [_image(image, story, found, place) for image in story.images],
        "manifests": [_manifest(manifest, found.at_ms) for manifest in story.manifests],
    }


def _said(found: Explanation, story: RecordStory) -> RecordSaid:
    return found.said.get(story.record.id, RecordSaid())


def _image(image: ImageStory, story: RecordStory, found: Explanation, place: str) -> dict[str, Any]:
    state, key = image.state, key_of(image)
    standing = image_standing(image, story.manifests, found.lanes, found.at_ms, place)
    return {
        "number": state.number,
        "key": key,
        "asked_for": bool(found.asked_key) and key == found.asked_key,
        "host": state.host,
        "status": state.status.label,
        "attempts": state.attempts,
        **_due(state.due_ms, found.at_ms),
        "error": _error(state.error),
        **_standing(standing),
        "candidates": [_candidate(candidate, current=candidate.position == state.candidate) for candidate in image.candidates],
        "files": [_file(file) for file in image.files],
        "failures": [_failure(failure) for failure in image.failures],
        "gone": _gone(image, found),
        "source_rows": [asdict(row) for row in _said(found, story).of_image(image)],
    }


def _gone(image: ImageStory, found: Explanation) -> dict[str, Any] | None:
    if image.gone is None:
        return None
    source = found.sources.get(image.gone)
    name, since_ms = (source.name, source.loaded_ms) if source else (None, None)
    return {"source": image.gone, "name": name, "since": time_or_none(since_ms)}


def _manifest(manifest: ManifestStory, now_ms: int) -> dict[str, Any]:
    return {
        "url": manifest.url,
        "host": manifest.host,
        "status": manifest.status.label,
        "attempts": manifest.attempts,
        **_due(manifest.due_ms, now_ms),
        "error": _error(manifest.error),
        "canvases": manifest.canvases,
        "expanded_at": time_or_none(manifest.expanded_ms),
        "failures": [_failure(failure) for failure in manifest.failures],
    }


def _host(story: HostStory, now_ms: int, place: str) -> dict[str, Any]:
    counts = story.counts
    return {
        "host": counts.host,
        "lane": counts.lane,
        "images": {"total": counts.images, **counts.by_status},
        "bytes": counts.size_bytes,
        "main_error": _error(counts.main_error),
        **_standing(host_standing(story, now_ms, place)),
        "state": None if counts.lane_record is None else _lane(counts.lane_record, now_ms),
        "errors": [{"status": row.status.label, "error_type": row.error, "images": row.images} for row in story.errors],
        "robots": [_robots(file) for file in story.robots],
        "last_failures": [_failure(failure) for failure in story.failures],
    }


def _robots(file: RobotsRecord) -> dict[str, Any]:
    return {
        "url": f"{file.authority}/robots.txt",
        "status": file.status,
        "read_at": time_text(file.fetched_ms),
        "unchanged_since": time_text(file.since_ms),
        "text": file.text,
    }


def _lane(lane: LaneRecord, now_ms: int) -> dict[str, Any]:
    order = lane.order or LaneOrder(lane.lane)
    limits, stop = order.limits_at(now_ms), order.stop_at(now_ms)
    return {
        "paused_until": time_or_none(lane.pause_until_ms if lane.pause_until_ms > now_ms else None),
        "pause_reason": lane.pause_reason or None,
        "incidents": lane.incidents,
        "last_incident_at": time_or_none(lane.last_incident_ms),
        "down_since": time_or_none(lane.down_since_ms),
        "given_up_at": time_or_none(lane.given_up_ms),
        "banned_since": time_or_none(lane.banned_since_ms),
        "ban_probes": lane.ban_probes,
        "rate_per_second": limits.rate_per_second,
        "connections": limits.connections,
        "limits": {name: value for name, value in asdict(limits).items() if value is not None},
        "limits_note": order.limits_note if limits.any else None,
        "stop": None if stop is None else str(stop),
        "stop_until": time_or_none(order.stop_until_ms) if stop else None,
        "stop_note": order.stop_note if stop else None,
        "held": lane.held,
        "note": lane.note or None,
    }


def _candidate(candidate: StoredCandidate, *, current: bool) -> dict[str, Any]:
    return {
        "url": candidate.url,
        "key": resolve(candidate.url).key,
        "rank": candidate.rank,
        "host": host_of(candidate.url),
        "kind": CandidateKind(candidate.kind).name.lower(),
        "current": current,
        "spent": candidate.spent,
    }


def _file(file: StoredFile) -> dict[str, Any]:
    return {
        "role": str(file.role),
        "path": file.path,
        "bytes": file.size_bytes,
        "sha256": file.sha256.hex() or None,
        "origin": file.recipe,
        "type": file.media_type,
        "width": file.width,
        "height": file.height,
        "created_at": time_text(file.created_ms),
    }


def _failure(failure: StoredFailure) -> dict[str, Any]:
    return {
        "at": time_text(failure.at_ms),
        "error": _error(failure.error),
        "verdict": verdict_text(error_type(failure.error), failure.attempt),
        "attempt": failure.attempt,
        "host": failure.host,
        "url": failure.url,
        "final_url": failure.final_url or None,
        "http_status": failure.http_status,
        "media_type": failure.media_type or None,
        "detail": failure.detail or None,
        "page_text": failure.page_text or None,
        "page_seen": failure.page_count,
    }


def _error(name: str | None) -> dict[str, Any] | None:
    if name is None:
        return None
    found = error_type(name)
    return {
        "name": found.name,
        "blame": str(found.blame),
        "transient": found.transient,
        "meaning": found.meaning,
        "remedy": found.remedy,
    }


def _due(due_ms: int | None, now_ms: int) -> dict[str, Any]:
    return {
        "due_at": None if due_ms is None else time_text(max(due_ms, now_ms)),
        "due_now": due_ms is not None and due_ms <= now_ms,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {"why": standing.why, "what_to_do": standing.todo or None}
