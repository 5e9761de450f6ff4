"""`load`: records of a source become rows, merged with what is known already.

Written for bulk: one look at what exists per call, then one `executemany` per table. Numbers of images are
allocated in the order given and never given twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from typing import Final

from asyncdl.errors import error_type
from asyncdl.model import CandidateKind, NewImage, NewManifest, NewRecord
from asyncdl.status import ImageStatus, record_status
from asyncdl.store import sources
from asyncdl.store.changes import LoadCounts
from asyncdl.store.interning import host_ids, storable
from asyncdl.store.merging import Merge
from asyncdl.store.records import rows_of, text_id

_MANIFEST: Final = CandidateKind.MANIFEST
_PENDING: Final = int(ImageStatus.PENDING)
_FAILED: Final = int(ImageStatus.FAILED)
_NO_URL: Final = error_type("no_url").code

_LAST_IMAGE: Final = "SELECT coalesce(max(id), 0) FROM images"
_INSERT_RECORD: Final = "INSERT INTO records VALUES (?, ?, ?, 0, ?, ?, ?, NULL)"
_INSERT_IMAGE: Final = "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"
_INSERT_CANDIDATE: Final = "INSERT INTO candidates VALUES (?, ?, ?, ?, ?, NULL)"
_INSERT_MANIFEST: Final = """
INSERT INTO manifests(record, url, key_hash, host, status, due, attempts) VALUES (?, ?, ?, ?, 0, 0, 0)
ON CONFLICT(record, url) DO NOTHING
"""
_NEXT_NUMBER: Final = "UPDATE records SET next_number = ? WHERE id = ?"


def load(connection: sqlite3.Connection, records: Sequence[NewRecord], source: int, cursor: str | None) -> LoadCounts:
    """See `Store.load`."""
    counts, _ = load_records(connection, records)
    if cursor is not None:
        sources.move_cursor(connection, source, cursor)
    return counts


def load_records(connection: sqlite3.Connection, records: Sequence[NewRecord]) -> tuple[LoadCounts, set[int]]:
    """Store records; returns what that changed, and the rows of known records that gained something."""
    total = [0] * len(fields(LoadCounts))
    gaining: set[int] = set()
    for batch in _without_repeats(records):
        one = _Load(connection)
        counts = one.run(batch)
        total = [sum(pair) for pair in zip(total, astuple(counts), strict=True)]
        gaining |= one.gaining
    return LoadCounts(*total), gaining


def _without_repeats(records: Sequence[NewRecord]) -> Iterator[Sequence[NewRecord]]:
    """The records in order, cut wherever an id comes again, so that within each part every record is one row."""
    start = 0
    seen: set[int | str] = set()
    for place, record in enumerate(records):
        text = text_id(record.external_id)
        row = record.external_id if text is None else text
        if row in seen:
            yield records[start:place]
            start, seen = place, set()
        seen.add(row)
    if start < len(records):
        yield records[start:]


class _Load:
    """One pass over records that are all different: rows are gathered, then written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._merge = Merge(connection)
        self._tally = self._merge.ledger.tally
        self._next_image = connection.execute(_LAST_IMAGE).fetchone()[0] + 1
        self._hosts: dict[str, int] = {}
        self._records: list[tuple[object, ...]] = []
        self._images: list[tuple[object, ...]] = []
        self._candidates: list[tuple[object, ...]] = []
        self._manifests: list[tuple[object, ...]] = []
        self._numbers: list[tuple[int, int]] = []
        self.gaining: set[int] = set()

    def run(self, records: Sequence[NewRecord]) -> LoadCounts:
        """Store everything. `gaining` then names the known records that gained something."""
        connection = self._connection
        rows = rows_of(connection, [record.external_id for record in records])
        self._hosts = host_ids(connection, _host_names(records))
        self._merge.look_up([row for row, _ in rows], records)
        for (row, text), record in zip(rows, records, strict=True):
            if row in self._merge.next_numbers:
                self._merge_record(row, record)
            else:
                self._add_record(row, text, record)
        connection.executemany(_INSERT_RECORD, self._records)
        connection.executemany(_NEXT_NUMBER, self._numbers)
        connection.executemany(_INSERT_IMAGE, self._images)
        connection.executemany(_INSERT_CANDIDATE, self._candidates)
        manifests_new = connection.executemany(_INSERT_MANIFEST, self._manifests).rowcount if self._manifests else 0
        self._tally.manifests(_PENDING, manifests_new)
        gains = self._merge.finish()
        self._tally.write(connection, None)
        self.gaining = gains.records | {row for _, row in self._numbers}
        return LoadCounts(
            records_new=len(self._records),
            images_new=len(self._images),
            images_known=self._merge.images_known,
            candidates_new=len(self._candidates) + gains.links,
            manifests_new=manifests_new,
            images_reopened=gains.images_reopened,
            images_changed=gains.images_changed,
            images_named_again=gains.images_named_again,
            candidates_gained=gains.links,
        )

    def _add_record(self, row: int, text: str | None, record: NewRecord) -> None:
        """A record that is new: all its images are."""
        open_images = 0
        for number, image in enumerate(record.images):
            status = self._add_image(row, number, image, record.manifests)
            if status == _PENDING:
                open_images += 1
        images = len(record.images)
        status = int(record_status(images, 0, open_images))
        self._records.append((row, text, images, open_images, images, status))
        self._tally.records(status, 1)
        self._add_manifests(row, record.manifests)

    def _merge_record(self, row: int, record: NewRecord) -> None:
        """A known record: images of a known key gain what is new, the others get the next free numbers."""
        number = first = self._merge.next_numbers[row]
        for image in record.images:
            known = self._merge.known_image(row, image)
            if known is None and self._merge.was_expanded(row, image):
                continue
            if known is None:
                self._merge.watch(self._next_image)
                self._add_image(row, number, image, record.manifests, rolled_up=False)
                number += 1
        if number > first:
            self._numbers.append((number, row))
        self._add_manifests(row, record.manifests)

    def _add_image(
        self, record: int, number: int, image: NewImage, manifests: Sequence[NewManifest], *, rolled_up: bool = True
    ) -> int:
        """Gather the rows of one new image and return its status."""
        image_id = self._next_image
        self._next_image += 1
        status, start, host = _FAILED, 0, ""
        due: int | None = None
        error: int | None = _NO_URL
        for position, candidate in enumerate(image.candidates):
            self._candidates.append((image_id, position, storable(candidate.url), candidate.rank, int(candidate.kind)))
            if status == _FAILED and candidate.host:
                status, error, start, host = _PENDING, None, position, candidate.host
                due = None if candidate.kind is _MANIFEST else 0
        if status == _PENDING and due is None:
            self._ensure_manifest(record, image, start, manifests)
        host_id = self._hosts[host]
        self._images.append((image_id, record, number, image.key_hash, host_id, status, due, start, error))
        if rolled_up:
            self._tally.counter(host_id, status, error, 1, 0)
        else:
            self._tally.image(record, host_id, status, error, size_bytes=0, sign=1)
        return status

    def _ensure_manifest(self, record: int, image: NewImage, position: int, manifests: Sequence[NewManifest]) -> None:
        """An image must not wait for a manifest that has no row."""
        candidate = image.candidates[position]
        if not any(manifest.url == candidate.url or manifest.key_hash == image.key_hash for manifest in manifests):
            self._add_manifests(record, (NewManifest(candidate.url, image.key, image.key_hash, candidate.host),))

    def _add_manifests(self, record: int, manifests: Sequence[NewManifest]) -> None:
        for manifest in manifests:
            self._manifests.append((record, storable(manifest.url), manifest.key_hash, self._hosts[manifest.host]))


def _host_names(records: Sequence[NewRecord]) -> set[str]:
    """Every host that these records name, and the empty one, where images without a usable URL stand."""
    names = {""}
    for record in records:
        for image in record.images:
            for candidate in image.candidates:
                names.add(candidate.host)
        for manifest in record.manifests:
            names.add(manifest.host)
    return names
