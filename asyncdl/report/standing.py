"""Why an image or a host stands where it stands, and what to do about it, in words. Pure.

The texts contain what servers and people wrote (reasons of pauses, notes, URLs): escape them before a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from asyncdl.errors import Blame, error_type
from asyncdl.lane_records import LaneRecord
from asyncdl.limits import Stop
from asyncdl.report.wording import counted, when
from asyncdl.status import ImageStatus
from asyncdl.store import HostStory, ImageState, ImageStory, ManifestStory, StoredCandidate
from asyncdl.units import approximate_size

_GIVEN_UP: Final = "lane_given_up"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where it stands, and what a person may do; `todo` is empty when there is nothing to do."""

    why: str
    todo: str = ""


def image_standing(
    image: ImageStory, manifests: tuple[ManifestStory, ...], lanes: Mapping[str, LaneRecord], now_ms: int, place: str
) -> Standing:
    """The standing of an image of a record with these manifests, and lanes by host. `place` is the collection as it is typed."""
    state = image.state
    if state.status is ImageStatus.SUCCESS:
        return _saved(image)
    if state.status is ImageStatus.FAILED:
        return _failed(image, place)
    if state.status is ImageStatus.EXHAUSTED:
        cause = error_type(state.error or "")
        if cause.name == _GIVEN_UP:
            host = lane_text(lanes.get(state.host), now_ms) or cause.meaning
            return Standing(f"given up with its host: {host}", f"`asyncdl retry {place} --host {state.host}` asks it again")
        why = f"given up after {counted(state.attempts, 'attempt')}: {cause.meaning}"
        return Standing(why, f"{cause.remedy}; `asyncdl retry {place} --error-type {cause.name}` re-opens it")
    if state.due_ms is None:
        return _waits_for_manifest(image, manifests, lanes, now_ms)
    return _waits(state, state.due_ms, lanes, now_ms)


def current_candidate(image: ImageStory) -> StoredCandidate | None:
    """The candidate that is tried next, or won."""
    return next((one for one in image.candidates if one.position == image.state.candidate), None)


def host_standing(story: HostStory, now_ms: int, place: str) -> Standing:
    """The standing of a host."""
    counts = story.counts
    lane = counts.lane_record
    waiting = counts.by_status.get(ImageStatus.PENDING.label, 0) + counts.by_status.get(ImageStatus.RETRY.label, 0)
    ended = counts.by_status.get(ImageStatus.EXHAUSTED.label, 0)
    if lane is not None and lane.given_up_ms:
        why = f"{lane_text(lane, now_ms)}; {counted(waiting, 'image')} waiting to be ended, {ended:,} given up"
        return Standing(why, f"`asyncdl retry {place} --host {counts.host}` asks it again")
    if pause := lane_text(lane, now_ms):
        stopped = lane is not None and (lane.held or (lane.order is not None and lane.order.stop_at(now_ms) is not None))
        todo = f"`asyncdl hosts resume {place} {counts.host} --note WHY` lets it go on" if stopped else _remedy(counts.main_error)
        return Standing(f"{pause}; {counted(waiting, 'image')} waiting", todo)
    if waiting:
        return Standing(f"open: {counted(waiting, 'image')} waiting for their turn", f"`asyncdl run {place}`")
    if ended:
        return Standing(f"nothing waits; {counted(ended, 'image')} given up", f"`asyncdl retry {place} --host {counts.host}`")
    return Standing("nothing waits here", _remedy(counts.main_error))


def lane_text(lane: LaneRecord | None, now_ms: int) -> str:
    """Why a lane is not asked now; "" when it may be."""
    if lane is None:
        return ""
    if lane.given_up_ms:
        down = f", down since {when(lane.down_since_ms, now_ms)}" if lane.down_since_ms else ""
        return f"the host was given up {when(lane.given_up_ms, now_ms)}{down}"
    if lane.order is not None and (stop := lane.order.stop_at(now_ms)):
        until = f" until {when(lane.order.stop_until_ms, now_ms)}" if lane.order.stop_until_ms else ""
        return f"{'blocked' if stop is Stop.BLOCK else 'paused'} by you{until}: {lane.order.stop_note}"
    if lane.banned_since_ms:
        return _ban_text(lane, now_ms)
    if lane.held:
        return f"held by hand{f': {lane.note}' if lane.note else ''}"
    if lane.down_since_ms:
        probe = (
            f"next probe {when(lane.pause_until_ms, now_ms)}" if lane.pause_until_ms > now_ms else "to be probed by the next run"
        )
        return f"the host has been down since {when(lane.down_since_ms, now_ms)}, {probe}: {lane.pause_reason or 'no reason noted'}"
    if lane.pause_until_ms > now_ms:
        return f"the host is left alone until {when(lane.pause_until_ms, now_ms)}: {lane.pause_reason or 'no reason noted'}"
    return ""


def lane_word(lane: LaneRecord | None, now_ms: int) -> str:
    """`lane_text` in a word or two, for a column; `open` where it may be asked."""
    if lane is None or not lane_text(lane, now_ms):
        return "open"
    if lane.given_up_ms:
        return "given up"
    if lane.order is not None and (stop := lane.order.stop_at(now_ms)):
        return "blocked by you" if stop is Stop.BLOCK else "paused by you"
    if lane.banned_since_ms:
        return "refuses us"
    if lane.held:
        return "held"
    return "down" if lane.down_since_ms else "left alone"


def _ban_text(lane: LaneRecord, now_ms: int) -> str:
    said = f"the host has refused us altogether (401, 403) since {when(lane.banned_since_ms, now_ms)}"
    if lane.held:
        return f"{said}, {counted(lane.ban_probes, 'probe')} included: it waits for you{f' ({lane.note})' if lane.note else ''}"
    probe = f"{when(lane.pause_until_ms, now_ms)}" if lane.pause_until_ms > now_ms else "by the next run"
    return f"{said}; probe {lane.ban_probes + 1} {probe}"


def _saved(image: ImageStory) -> Standing:
    files = f"{counted(len(image.files), 'file')}, {approximate_size(sum(file.size_bytes for file in image.files))}"
    if image.state.error is None:
        return Standing(f"saved: {files}")
    flag = error_type(image.state.error)
    return Standing(f"saved: {files}; {flag.meaning}", "" if flag.remedy == "none" else flag.remedy)


def _failed(image: ImageStory, place: str) -> Standing:
    cause = error_type(image.state.error or "no_url")
    spent = sum(candidate.spent is not None for candidate in image.candidates)
    links = f" ({spent} of {counted(len(image.candidates), 'link')} ruled out)" if len(image.candidates) > 1 else ""
    again = (
        ""
        if cause.name in {"no_url", "withdrawn"}
        else f"; `asyncdl retry {place} --error-type {cause.name}` asks again all the same"
    )
    if cause.name == "withdrawn":
        links = ""
    return Standing(f"a lasting cause: {cause.meaning}{links}", f"{cause.remedy}{again}")


def _waits_for_manifest(
    image: ImageStory, manifests: tuple[ManifestStory, ...], lanes: Mapping[str, LaneRecord], now_ms: int
) -> Standing:
    current = current_candidate(image)
    manifest = next(
        (one for one in manifests if current is not None and one.url == current.url), manifests[0] if manifests else None
    )
    if manifest is None:
        return Standing(
            "pending, but with no due time and no manifest to wait for", "`asyncdl verify --db --fix` puts it back into the queue"
        )
    if manifest.due_ms is None:
        return Standing(f"waits for its IIIF manifest, which is {manifest.status.label}", "`asyncdl verify --db --fix`")
    why = _waits(manifest, manifest.due_ms, lanes, now_ms).why
    return Standing(f"waits for its IIIF manifest: {why}")


def _waits(row: ImageState | ManifestStory, due_ms: int, lanes: Mapping[str, LaneRecord], now_ms: int) -> Standing:
    before = "not asked yet" if row.error is None else f"last time {error_type(row.error).meaning}"
    paid = f", {counted(row.attempts, 'attempt')} so far" if row.attempts else ""
    todo = _remedy(row.error) if row.error is not None and error_type(row.error).blame is Blame.HOST else ""
    if pause := lane_text(lanes.get(row.host), now_ms):
        return Standing(f"{before}{paid}; {pause}", todo)
    turn = "due now, in its host's queue" if due_ms <= now_ms else f"due {when(due_ms, now_ms)}"
    return Standing(f"{before}{paid}; {turn}", todo)


def _remedy(error: str | None) -> str:
    return "" if error is None else error_type(error).remedy
