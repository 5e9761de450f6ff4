"""What the demo tells at its end: every image accounted for, and each trouble explained with the next thing to type.

Pure: the museum's expectations and what the collection holds go in, lines and chapters come out; the command line prints them.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from asyncdl.demo.archive import ArchiveSummary
from asyncdl.demo.catalogue import SUCCESS, Exhibit
from asyncdl.demo.hosts import HOST_BY_SLUG
from asyncdl.demo.log import HostTraffic
from asyncdl.errors import error_type

WAITING = "waiting"
MISSING = "missing"
UNKNOWN_HOST = "(no host of the museum)"
NOTHING = "no image"
TWICE = "the same photo again"


@dataclass(frozen=True, slots=True)
class Seen:
    """One image as the collection holds it: any of its URLs, its status label, its error type or flag."""

    urls: tuple[str, ...]
    status: str
    error: str | None = None

    @property
    def outcome(self) -> str:
        """`success`, the error type, or `waiting` where nothing has been paid yet and no cause is noted."""
        return SUCCESS if self.status == SUCCESS else self.error or WAITING


@dataclass(frozen=True, slots=True)
class AccountLine:
    """So many images of a host were expected to come to `expected` and came to `got`."""

    host: str
    expected: str
    got: str
    images: int
    right: bool


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened: its topic, the story in a sentence or two, and what to type next (may be empty)."""

    topic: str
    happened: str
    next_command: str = ""


def account(
    exhibits: Sequence[Exhibit], exhibit_of: Callable[[Iterable[str]], Exhibit | None], images: Iterable[Seen]
) -> list[AccountLine]:
    """Set every image of the collection against what was expected of it, and every expected image against the collection.

    An expected image that the collection does not have comes to `missing`; an image that nobody expected, or a second one of the
    same photo, stands in a line of its own. The lines are in the order of the hosts' table, the right ones first.
    """
    waited_for = {(exhibit.gbif_id, exhibit.place): exhibit for exhibit in exhibits}
    tally: Counter[tuple[str, str, str, bool]] = Counter()
    for seen in images:
        exhibit = exhibit_of(seen.urls)
        if exhibit is None:
            tally[UNKNOWN_HOST, NOTHING, seen.outcome, False] += 1
        elif waited_for.pop((exhibit.gbif_id, exhibit.place), None) is None:
            tally[_name(exhibit), TWICE, seen.outcome, False] += 1
        else:
            tally[_name(exhibit), exhibit.expected, seen.outcome, _is_right(exhibit, seen)] += 1
    for exhibit in waited_for.values():
        tally[_name(exhibit), exhibit.expected, MISSING, False] += 1
    order = [host.name for host in HOST_BY_SLUG.values()]
    lines = [AccountLine(host, expected, got, images_, right) for (host, expected, got, right), images_ in tally.items()]
    return sorted(lines, key=lambda line: (_position(order, line.host), not line.right, line.expected, line.got))


def _name(exhibit: Exhibit) -> str:
    return HOST_BY_SLUG[exhibit.place.host].name


def _position(order: Sequence[str], host: str) -> int:
    return order.index(host) if host in order else len(order)


def _is_right(exhibit: Exhibit, seen: Seen) -> bool:
    """Whether outcome and, on success, the flag are among the right ones."""
    if seen.outcome not in exhibit.outcomes:
        return False
    return seen.status != SUCCESS or exhibit.flag is None or seen.error == exhibit.flag


def explain_demo(
    summary: ArchiveSummary,
    lines: Sequence[AccountLine],
    *,
    collection: str,
    traffic: Sequence[HostTraffic] = (),
    raw_images: int = 0,
    rejected_rows: int | None = None,
) -> list[Chapter]:
    """Tell what happened, most important first; `collection` is the folder that the commands name.

    `raw_images` counts the success rows flagged as raw; `rejected_rows` is what ingest set aside (None: not known).
    """
    got: Counter[str] = Counter()
    for line in lines:
        got[line.got] += line.images
    folder = shlex.quote(collection)
    chapters = [_total(summary, lines, got, folder)]
    chapters += _sum_of_rows(summary, rejected_rows, folder)
    chapters += _slowed_down(traffic)
    for cause, images in got.most_common():
        if cause in _CAUSES:
            topic, happened, command = _CAUSES[cause]
            chapters.append(Chapter(topic, happened.format(images=_pictures(images)), command.format(folder=folder)))
        elif cause not in (SUCCESS, MISSING):
            chapters.append(Chapter(cause, f"{_pictures(images)}: {error_type(cause).meaning}.", f"asyncdl status {folder}"))
    if raw_images:
        text = f"{_pictures(raw_images)} came as camera raw files (DNG). They are kept bit by bit and flagged raw_unprocessed."
        chapters.append(Chapter("raw files", text, f"asyncdl status {folder} --json"))
    chapters += _surprises(lines, folder)
    return chapters


def _pictures(number: int) -> str:
    return "1 image" if number == 1 else f"{number} images"


def _total(summary: ArchiveSummary, lines: Sequence[AccountLine], got: Counter[str], folder: str) -> Chapter:
    seen = sum(line.images for line in lines if line.got != MISSING)
    right = sum(line.images for line in lines if line.right)
    text = (
        f"{_pictures(seen)} of {summary.images_expected} are accounted for: {got[SUCCESS]} verified files, "
        f"{seen - got[SUCCESS]} with a cause; {right} came out as the museum had planned."
    )
    return Chapter("the whole", text, f"asyncdl status {folder}")


def _sum_of_rows(summary: ArchiveSummary, rejected_rows: int | None, folder: str) -> list[Chapter]:
    kept = summary.rows - summary.rejects_expected
    text = (
        f"{kept} good rows of {summary.records} records name {summary.images_at_ingest} images: sizes of one photo and twin links "
        f"fold into one. {summary.manifests} IIIF manifests made {summary.images_expected} of that; one of them held nine photos."
    )
    chapters = [Chapter("rows and images", text)]
    if rejected_rows is not None:
        text = f"{rejected_rows} malformed rows (wrong number of fields) were set aside with line number and reason."
        chapters.append(Chapter("set aside", text, f"ls {folder}/rejects*"))
    return chapters


def _slowed_down(traffic: Sequence[HostTraffic]) -> list[Chapter]:
    refusing = [row for row in traffic if row.refused]
    if not refusing:
        return []
    names = ", ".join(f"{HOST_BY_SLUG[row.host].name} ({row.refused} of {row.requests} requests)" for row in refusing)
    text = f"Asked to slow down or to come back (429, 503): {names}. Only those hosts were left alone for a while; no image paid for it."
    return [Chapter("politeness", text)]


def _surprises(lines: Sequence[AccountLine], folder: str) -> list[Chapter]:
    return [
        Chapter(
            "not as planned",
            f"{line.host}: {_pictures(line.images)} expected to end as {line.expected}, came out as {line.got}.",
            f"asyncdl status {folder}",
        )
        for line in lines
        if not line.right
    ]


_CLOSED = (
    "a host that is gone",
    (
        "{images} lie on a host that accepts no connection. That is the host's trouble: the images keep all their attempts and wait; "
        "a host that stays dead is given up after some days, or when you say so."
    ),
    "asyncdl run {folder}",
)
_BROKEN_OFF = (
    "cut bodies",
    (
        "{images}: the answer ended before its announced length every time. Where it happened only once, the second try succeeded "
        "and nothing shows. No cut file was kept."
    ),
    "asyncdl retry {folder} --error-type truncated",
)
_DAMAGED = (
    "damaged files",
    "{images}: right length, right ending, but the decoder found a hole in the middle.",
    "asyncdl retry {folder} --error-type damaged",
)
_CAUSES: dict[str, tuple[str, str, str]] = {
    "invalid_content_type": (
        "pages instead of images",
        "{images}: a web page or JSON came, mostly announced as image/jpeg. Its text is kept as evidence.",
        "asyncdl status {folder}",
    ),
    "not_an_image": ("no image at all", "{images}: the bytes are of no format we know.", "asyncdl status {folder}"),
    "connect_failed": _CLOSED,
    "robots_unreachable": _CLOSED,
    WAITING: _CLOSED,
    "truncated": _BROKEN_OFF,
    "connection_broken": _BROKEN_OFF,
    "damaged": _DAMAGED,
    "damaged_at_source": _DAMAGED,
    "http_404": ("gone", "{images}: the host says 404, so asking again would not help.", "asyncdl status {folder}"),
    "http_410": ("gone for good", "{images}: the host says 410.", "asyncdl status {folder}"),
    "robots_disallowed": (
        "robots.txt",
        "{images} lie in a folder that the host's robots.txt closes to programs; they were not asked for.",
        "asyncdl run {folder} --robots ignore:HOST   # with the host's leave; after: asyncdl retry {folder} --error-type robots_disallowed --all",
    ),
    "too_many_redirects": (
        "redirects",
        "{images}: the redirect runs in a circle. Other links were followed over three hosts, each hop at its own host's pace.",
        "asyncdl status {folder}",
    ),
    "too_large": (
        "too large",
        "{images}: the host announced 300 MB; the limit is --max-bytes, and nothing was stored.",
        "asyncdl run {folder} --max-bytes 400M   # after: asyncdl retry {folder} --error-type too_large",
    ),
    "forbidden_address": (
        "reserved address",
        "{images}: the link leads to an address that no public host has. It was never called.",
        "asyncdl status {folder}",
    ),
    "manifest_error": (
        "IIIF manifest",
        "{images}: the manifest is broken JSON, so its photos cannot be known.",
        "asyncdl retry {folder} --error-type manifest_error",
    ),
    "placeholder": (
        "stand-in pictures",
        "{images}: a whole picture, but always the same 'No image available'.",
        "asyncdl status {folder}",
    ),
}
