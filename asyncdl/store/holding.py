"""Records as they are held: images with their links, manifests, and how far numbers are given. For whoever matches them with others.

A few statements for thousands of records; what they say is put together here, because a sort in SQL would cost more than the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from asyncdl.errors import error_type_of_code
from asyncdl.model import CandidateKind
from asyncdl.status import ImageStatus
from asyncdl.store.interning import id_list
from asyncdl.store.records import FIRST_TEXT_ROW, external_id_of, known_text_rows, text_id

_RECORDS: Final = (
    "SELECT r.id, r.external_id, r.next_number FROM json_each(?) AS wanted CROSS JOIN records AS r ON r.id = wanted.value"
)
_IMAGES: Final = """
SELECT i.record, i.id, i.number, i.key_hash, i.status, i.attempts, i.candidate, i.error, i.id IN (SELECT image FROM gone)
FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value
"""
_CANDIDATES: Final = """
SELECT c.image, c.position, c.url, c.rank, c.kind, c.spent
FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value CROSS JOIN candidates AS c ON c.image = i.id
"""
_MANIFESTS: Final = """
SELECT m.record, m.id, m.url, m.key_hash, m.status FROM json_each(?) AS wanted CROSS JOIN manifests AS m ON m.record = wanted.value
ORDER BY m.id
"""
_KNOWN_ROWS: Final = "SELECT r.id FROM json_each(?) AS wanted CROSS JOIN records AS r ON r.id = wanted.value"
_NEXT_ROWS: Final = "SELECT id FROM records WHERE id > ? ORDER BY id LIMIT ?"
_FILES: Final = """
SELECT i.record FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value CROSS JOIN files AS f ON f.image = i.id
WHERE i.status = 2
"""
_NUMBERED_ROWS: Final = "SELECT id FROM records WHERE id >= ? AND id < ? ORDER BY id"
_NAMED_ROWS: Final = "SELECT id FROM records WHERE external_id >= ? AND external_id < ? ORDER BY external_id"
_LAST_NAMED_ROWS: Final = "SELECT id FROM records WHERE external_id >= ? ORDER BY external_id"
# Nothing but one link that was never looked at: the record needs no rules as long as its link does not.
_UNKEYED: Final = """
SELECT i.record, c.url FROM json_each(?) AS wanted CROSS JOIN records AS r ON r.id = wanted.value
CROSS JOIN images AS i ON i.record = r.id CROSS JOIN candidates AS c ON c.image = i.id
WHERE r.images = 1 AND i.key_hash = 0 AND NOT EXISTS (SELECT 1 FROM manifests AS m WHERE m.record = r.id)
"""

EXPANDED: Final = "manifest_expanded"
UNVERIFIED: Final = "legacy_unverified_index"
_MANIFEST: Final = CandidateKind.MANIFEST


class HeldCandidate(NamedTuple):
    """A link of an image. `spent` names the lasting failure that ruled it out; rank 0: it was not looked at yet."""

    position: int
    url: str
    rank: int
    kind: int
    spent: str | None


class HeldImage(NamedTuple):
    """An image with its links in the order of trial. `key_hash` 0: not looked up. `candidate`: the position tried next, or that won. `gone`: no source names it."""

    id: int
    number: int
    key_hash: int
    status: ImageStatus
    attempts: int
    candidate: int
    error: str | None
    candidates: tuple[HeldCandidate, ...]
    gone: bool = False

    @property
    def stands_with(self) -> HeldCandidate | None:
        """The link that says which photo it is: the one its file came from, else the first that is no manifest that was read; None without any."""
        if self.status is ImageStatus.SUCCESS and self.error != UNVERIFIED:
            won = next((link for link in self.candidates if link.position == self.candidate and link.kind != _MANIFEST), None)
            if won is not None:
                return won
        leading = (link for link in self.candidates if link.spent != EXPANDED)
        return next(leading, self.candidates[0] if self.candidates else None)


class HeldManifest(NamedTuple):
    """A manifest of a record."""

    id: int
    url: str
    key_hash: int
    status: ImageStatus


class HeldRecord(NamedTuple):
    """A record by its row, with its images in the order of their numbers. Numbers below `next_number` were given."""

    row: int
    external_id: int | str
    next_number: int
    images: tuple[HeldImage, ...]
    manifests: tuple[HeldManifest, ...] = ()


def held_records(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, HeldRecord]:
    """See `Reader.held_records`."""
    wanted = id_list(rows)
    images = _images(connection, wanted)
    manifests: dict[int, list[HeldManifest]] = {}
    for record, manifest, url, key, status in connection.execute(_MANIFESTS, (wanted,)):
        manifests.setdefault(record, []).append(HeldManifest(manifest, url, key, ImageStatus(status)))
    return {
        row: HeldRecord(row, external_id_of(row, text), number, tuple(images.get(row, ())), tuple(manifests.get(row, ())))
        for row, text, number in connection.execute(_RECORDS, (wanted,))
    }


def _images(connection: sqlite3.Connection, wanted: str) -> Mapping[int, list[HeldImage]]:
    links: dict[int, list[HeldCandidate]] = {}
    for image, position, url, rank, kind, spent in connection.execute(_CANDIDATES, (wanted,)):
        link = HeldCandidate(position, url, rank, kind, None if spent is None else error_type_of_code(spent).name)
        known = links.get(image)
        if known is None:
            links[image] = [link]
        else:
            known.append(link)
    images: dict[int, list[HeldImage]] = {}
    statuses = tuple(ImageStatus)
    for record, image, number, key, status, attempts, candidate, error, is_gone in connection.execute(_IMAGES, (wanted,)):
        name = None if error is None else error_type_of_code(error).name
        found = tuple(sorted(links.get(image, ())))
        held = HeldImage(image, number, key, statuses[status], attempts, candidate, name, found, bool(is_gone))
        images.setdefault(record, []).append(held)
    for several in images.values():
        if len(several) > 1:
            several.sort(key=lambda image: image.number)
    return images


def held_page(connection: sqlite3.Connection, after_row: int, max_records: int, max_files: int) -> list[HeldRecord]:
    """See `Reader.held_page`. A record is never cut, so the last one may go beyond the files that are allowed."""
    rows = [row for (row,) in connection.execute(_NEXT_ROWS, (after_row, max_records))]
    files = sorted(row for (row,) in connection.execute(_FILES, (id_list(rows),)))
    if len(files) > max_files:
        rows = [row for row in rows if row <= files[max_files - 1]]
    found = held_records(connection, rows)
    return [found[row] for row in rows if row in found]


def record_rows(connection: sqlite3.Connection, external_ids: Iterable[int | str]) -> dict[int | str, int]:
    """See `Reader.record_rows`."""
    ids = list(external_ids)
    texts = {text: external_id for external_id in ids if (text := text_id(external_id)) is not None}
    rows: dict[int | str, int] = {texts[text]: row for text, row in known_text_rows(connection, texts).items()} if texts else {}
    numbers = [external_id for external_id in ids if isinstance(external_id, int) and text_id(external_id) is None]
    rows |= {row: row for (row,) in connection.execute(_KNOWN_ROWS, (id_list(numbers),))}
    return rows


def rows_between(connection: sqlite3.Connection, first: int | str | None, after: int | str | None, named: bool) -> list[int]:
    """See `Reader.rows_between`."""
    if named:
        wanted = (_LAST_NAMED_ROWS, (first or "",)) if after is None else (_NAMED_ROWS, (first or "", after))
        return [row for (row,) in connection.execute(*wanted)]
    return [row for (row,) in connection.execute(_NUMBERED_ROWS, (first or 0, FIRST_TEXT_ROW if after is None else after))]


def unkeyed_links(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, str]:
    """See `Reader.unkeyed_links`."""
    return dict(connection.execute(_UNKEYED, (id_list(rows),)).fetchall())
