"""How an explanation looks to people: the story from the record down to each failed request and its evidence.

Builds what rich prints; every text from outside is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from asyncdl.errors import error_type
from asyncdl.lane_records import LaneRecord
from asyncdl.model import CandidateKind
from asyncdl.report.explain import Explanation, RecordSaid, key_of
from asyncdl.report.hosts_view import limits_text
from asyncdl.report.standing import Standing, host_standing, image_standing
from asyncdl.report.wording import counted, gone_text, time_text, verdict_text, when
from asyncdl.sourcerows import SaidRow
from asyncdl.status import ImageStatus
from asyncdl.store import HostStory, ImageStory, ManifestStory, RecordStory, StoredCandidate, StoredFailure, StoredFile
from asyncdl.terminal import printable
from asyncdl.units import approximate_size
from asyncdl.urls import host_of

SHOWN_IMAGES: Final = 50
SHOWN_FAILURES: Final = 5
SHOWN_SOURCE_ROWS: Final = 3
SHOWN_ROBOTS: Final = 4
MAX_URL_CHARS: Final = 500
MAX_PAGE_CHARS: Final = 300
MAX_KEPT_CHARS: Final = 100

_STYLES: Final = {
    ImageStatus.SUCCESS: "green", ImageStatus.FAILED: "red", ImageStatus.EXHAUSTED: "red",
    ImageStatus.RETRY: "yellow", ImageStatus.PENDING: "cyan",
}  # fmt: skip


def render_explanation(found: Explanation, place: str) -> RenderableType:
    """The story for a console. `place` is the collection as it is typed."""
    if found.host is not None:
        return Group(*_host(found.host, found.at_ms, place))
    parts: list[RenderableType] = []
    for story in found.records:
        parts += [*_record(story, found, place), Text()]
    return Group(*parts[:-1])


def _record(story: RecordStory, found: Explanation, place: str) -> Iterator[RenderableType]:
    row = story.record
    progress = f"{row.successes} of {counted(row.images, 'image')} saved, {row.open_images} open"
    ended = f", ended {time_text(row.completed_ms)}" if row.completed_ms else ""
    yield _line(("record ", "bold"), (printable(str(row.external_id)), "bold"), f": {row.status.label} ({progress}{ended})")
    kept = found.said.get(row.id, RecordSaid()).kept
    if kept:
        said = "; ".join(f"{printable(name, MAX_KEPT_CHARS)} {printable(value, MAX_KEPT_CHARS)}" for name, value in kept.items())
        yield from _indented(1, [_line("occurrence ", said)])
    for manifest in story.manifests[:SHOWN_IMAGES]:
        yield from _indented(1, _manifest(manifest, found.at_ms))
    for image in _asked_first(story.images, found.asked_key)[:SHOWN_IMAGES]:
        yield from _indented(1, _image(image, story, found, place))
    if len(story.images) > SHOWN_IMAGES:
        yield Text(f"  … and {len(story.images) - SHOWN_IMAGES} more images (--json has all)", "dim")


def _asked_first(images: tuple[ImageStory, ...], key: str) -> list[ImageStory]:
    return sorted(images, key=lambda image: not key or key_of(image) != key) if key else list(images)


def _image(image: ImageStory, story: RecordStory, found: Explanation, place: str) -> Iterator[RenderableType]:
    state, key = image.state, key_of(image)
    asked = "   <- asked for" if found.asked_key and key == found.asked_key else ""
    yield _line((f"image {state.number:02d} ", "bold"), (state.status.label, _STYLES[state.status]), asked)
    yield from _indented(1, _standing(image_standing(image, story.manifests, found.lanes, found.at_ms, place)))
    if image.gone is not None:
        yield from _indented(1, [_line("gone  ", printable(gone_text(found.sources.get(image.gone)), MAX_URL_CHARS))])
    yield from _indented(1, [_line("key   ", printable(key, MAX_URL_CHARS) if key else "none: no usable link")])
    yield from _indented(1, (_candidate(one, current=one.position == state.candidate) for one in image.candidates))
    yield from _indented(1, (line for file in image.files for line in _file(file)))
    yield from _indented(1, _failures(image.failures))
    said = found.said.get(story.record.id, RecordSaid())
    yield from _indented(1, _source_rows(said.of_image(image), numbered=len(found.sources) > 1))


def _manifest(manifest: ManifestStory, now_ms: int) -> Iterator[RenderableType]:
    canvases = "" if manifest.canvases is None else f", canvases: {manifest.canvases}"
    due = "" if manifest.due_ms is None else ", due now" if manifest.due_ms <= now_ms else f", due {when(manifest.due_ms, now_ms)}"
    error = f", {error_type(manifest.error).meaning}" if manifest.error else ""
    label = (manifest.status.label, _STYLES[manifest.status])
    yield _line(("manifest ", "bold"), label, f"{canvases}{error}{due}: {printable(manifest.url, MAX_URL_CHARS)}")
    yield from _indented(1, _failures(manifest.failures))


def _candidate(candidate: StoredCandidate, *, current: bool) -> Text:
    marks = [f"rank {candidate.rank}", CandidateKind(candidate.kind).name.lower(), host_of(candidate.url) or "no host"]
    if candidate.spent is not None:
        marks.append(f"spent: {candidate.spent}")
    style = "dim" if candidate.spent is not None else ""
    return _line(
        "link  ",
        (printable(candidate.url, MAX_URL_CHARS), style),
        f" ({printable(', '.join(marks))})",
        " <- current" if current else "",
    )


def _file(file: StoredFile) -> Iterator[Text]:
    pixels = f", {file.width} x {file.height}" if file.width and file.height else ""
    facts = f"{approximate_size(file.size_bytes)} ({file.size_bytes:,} B), {printable(file.media_type)}{pixels}"
    digest = f"sha256 {file.sha256.hex()}" if file.sha256 else "sha256 not known: never read as a whole"
    yield _line("file  ", f"{printable(file.path)} ({file.role}): {facts}, {digest}, {time_text(file.created_ms)}")
    if file.recipe:
        yield _line("      ", printable(file.recipe, MAX_URL_CHARS))


def _failures(failures: tuple[StoredFailure, ...], *, newest_first: bool = False) -> Iterator[Text]:
    """The last failed requests, oldest above."""
    shown = failures[:SHOWN_FAILURES][::-1] if newest_first else failures[-SHOWN_FAILURES:]
    if len(failures) > len(shown):
        yield _line("failed ", f"{len(failures) - len(shown)} requests before these (--json has all)")
    for failure in shown:
        yield from _failure(failure)


def _failure(failure: StoredFailure) -> Iterator[Text]:
    cause = error_type(failure.error)
    status = f", status {failure.http_status}" if failure.http_status else ""
    kind = f", {printable(failure.media_type, 80)}" if failure.media_type else ""
    yield _line("failed ", f"{time_text(failure.at_ms)} ", (printable(cause.name), "bold"), f"{status}{kind}: {cause.meaning}")
    yield _line(f"       {verdict_text(cause, failure.attempt)}")
    yield _line("       ", printable(failure.url, MAX_URL_CHARS))
    if failure.final_url and failure.final_url != failure.url:
        yield _line("       led to ", printable(failure.final_url, MAX_URL_CHARS))
    if failure.detail:
        yield _line("       ", printable(failure.detail))
    if failure.page_text:
        yield _line(
            f"       the page ({counted(failure.page_count, 'time')} seen): ",
            (printable(_one_line(failure.page_text), MAX_PAGE_CHARS), "italic"),
        )


def _source_rows(rows: Iterable[SaidRow], *, numbered: bool) -> Iterator[Text]:
    rows = tuple(rows)
    for row in rows[:SHOWN_SOURCE_ROWS]:
        facts = {
            "licence": row.licence, "rights holder": row.rights_holder, "creator": row.creator,
            "format": row.media_format, "references": row.reference, "title": row.title,
        }  # fmt: skip
        said = "; ".join(f"{name} {printable(text)}" for name, text in facts.items() if text)
        yield _line("source ", f"{f'{row.source} ' if numbered else ''}row {row.line}: {said or 'only the link'}")
    if len(rows) > SHOWN_SOURCE_ROWS:
        yield _line("source ", f"… and {len(rows) - SHOWN_SOURCE_ROWS} more rows (--json has all)")


def _host(story: HostStory, now_ms: int, place: str) -> Iterator[RenderableType]:
    counts = story.counts
    group = f" (in the lane of {printable(counts.lane)})" if counts.lane != counts.host else ""
    yield _line(
        ("host ", "bold"),
        (printable(counts.host), "bold"),
        f"{group}: {counted(counts.images, 'image')}, {approximate_size(counts.size_bytes)} saved",
    )
    yield from _indented(1, _standing(host_standing(story, now_ms, place)))
    yield from _indented(1, [_line("status ", ", ".join(f"{images:,} {name}" for name, images in counts.by_status.items()))])
    if counts.lane_record is not None:
        yield from _indented(1, [_lane(counts.lane_record, now_ms)])
    for file in story.robots[:SHOWN_ROBOTS]:
        read = f"status {file.status}, read {when(file.fetched_ms, now_ms)}, unchanged since {time_text(file.since_ms)}"
        yield from _indented(1, [_line("robots ", f"{printable(file.authority, MAX_URL_CHARS)}/robots.txt: {read}")])
    for row in story.errors:
        if row.error is not None:
            yield from _indented(
                1, [_line("cause  ", f"{row.images:,} {row.status.label}: {printable(row.error)}, {error_type(row.error).meaning}")]
            )
    yield from _indented(1, _failures(story.failures, newest_first=True))


def _lane(lane: LaneRecord, now_ms: int) -> Text:
    facts = [f"{counted(lane.incidents, 'incident')}"]
    if lane.incidents and lane.last_incident_ms:  # those that are forgiven do not count any more
        facts.append(f"the last {when(lane.last_incident_ms, now_ms)}")
    if lane.down_since_ms:
        facts.append(f"down since {when(lane.down_since_ms, now_ms)}")
    if lane.given_up_ms:
        facts.append(f"given up {when(lane.given_up_ms, now_ms)}")
    if lane.order is not None and (limits := lane.order.limits_at(now_ms)).any:
        until = f" until {when(lane.order.limits_until_ms, now_ms)}" if lane.order.limits_until_ms else ""
        facts.append(f"your limits{until}: {limits_text(limits)} ({printable(lane.order.limits_note)})")
    return _line("lane   ", ", ".join(facts))


def _standing(standing: Standing) -> Iterator[Text]:
    yield _line("why   ", printable(standing.why, MAX_URL_CHARS))
    if standing.todo:
        yield _line("to do ", printable(standing.todo, MAX_URL_CHARS))


def _line(*parts: str | tuple[str, str]) -> Text:
    """One line. `Text` takes no markup, so only what a terminal itself would act on has to be escaped."""
    return Text.assemble(*parts, overflow="fold")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _indented(levels: int, lines: Iterable[RenderableType]) -> Iterator[RenderableType]:
    return (Padding(line, (0, 0, 0, 2 * levels), expand=False) for line in lines)
