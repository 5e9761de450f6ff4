"""Images that no living source names any more: what is named, their marks, and what happens when one is named again.

A mark changes nothing by itself: a file is kept, a success stays one. That images without a file are no longer asked is `withdrawing`'s work.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from asyncdl.model import CandidateKind, NewRecord
from asyncdl.store.interning import id_list, storable
from asyncdl.store.ledger import FAILED, PENDING, Ledger
from asyncdl.store.tally import WITHDRAWN
from asyncdl.store.waiting import Waiting

_ANY: Final = "SELECT EXISTS (SELECT 1 FROM gone)"
_IMAGES: Final = "SELECT i.record, i.id, i.key_hash FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value"
_SHOWN: Final = """
SELECT i.record, i.id, m.url, m.key_hash FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value
CROSS JOIN canvases AS c ON c.image = i.id CROSS JOIN manifests AS m ON m.id = c.manifest
"""
_MARKED: Final = "SELECT g.image FROM json_each(?) AS wanted CROSS JOIN gone AS g ON g.image = wanted.value"
_MARK: Final = "INSERT INTO gone(image, source) VALUES (?, ?) ON CONFLICT(image) DO NOTHING"
_UNMARK: Final = "DELETE FROM gone WHERE image IN (SELECT value FROM json_each(?))"
_UNSPEND: Final = f"UPDATE candidates SET spent = NULL WHERE image = ? AND spent = {WITHDRAWN:d}"  # noqa: S608  a number of ours


class Names(NamedTuple):
    """What sources name of one record: photos by their keys, manifests by URL and by key."""

    keys: frozenset[int]
    manifest_urls: frozenset[str]
    manifest_keys: frozenset[int]

    def has_manifest(self, url: str, key_hash: int) -> bool:
        """Whether a manifest is named; one of the same key at another address is the same manifest."""
        return url in self.manifest_urls or key_hash in self.manifest_keys


class NamedAgain(NamedTuple):
    """The images that lost their mark, and those of them that are asked again."""

    images: frozenset[int] = frozenset()
    reopened: frozenset[int] = frozenset()


def names_of(folded: Iterable[NewRecord]) -> Names:
    """What is named by a record as it was folded out of each of some sources."""
    keys, urls, manifest_keys = set(), set(), set()
    for record in folded:
        for image in record.images:
            keys.add(image.key_hash)
            urls |= {storable(found.url) for found in image.candidates if found.kind is CandidateKind.MANIFEST}
        for manifest in record.manifests:
            urls.add(storable(manifest.url))
            manifest_keys.add(manifest.key_hash)
    return Names(frozenset(keys), frozenset(urls), frozenset(manifest_keys))


def split(connection: sqlite3.Connection, names: Mapping[int, Names]) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """The images of records (by row), by record: those that are named, and the others. All images must have their keys.

    An image is named by its key, or as a picture of a manifest that is named.
    """
    wanted = id_list(names)
    images = connection.execute(_IMAGES, (wanted,)).fetchall()
    named: defaultdict[int, set[int]] = defaultdict(set)
    unnamed: defaultdict[int, set[int]] = defaultdict(set)
    for record, image, key_hash in images:
        (named if key_hash in names[record].keys else unnamed)[record].add(image)
    if unnamed:
        for record, image, url, key_hash in connection.execute(_SHOWN, (wanted,)):
            if image in unnamed[record] and names[record].has_manifest(url, key_hash):
                unnamed[record].remove(image)
                named[record].add(image)
    return dict(named), {record: found for record, found in unnamed.items() if found}


def any_marked(connection: sqlite3.Connection) -> bool:
    """Whether any image at all is marked: where none is, nothing has to be looked up."""
    return bool(connection.execute(_ANY).fetchone()[0])


def marked(connection: sqlite3.Connection, images: Iterable[int]) -> set[int]:
    """Which of these images are marked as gone."""
    return {image for (image,) in connection.execute(_MARKED, (id_list(images),))}


def mark(connection: sqlite3.Connection, images: Iterable[int], source: int) -> None:
    """Mark images as gone since a source was added; earlier marks stay."""
    connection.executemany(_MARK, [(image, source) for image in images])


def name_again(ledger: Ledger, waiting: Waiting, images: Iterable[int]) -> NamedAgain:
    """These images are named: marks go, and what had ended as withdrawn begins again.

    The images that are re-opened may stand at a manifest: settle them when all new rows are there.
    """
    connection = ledger.connection
    found = marked(connection, images)
    if not found:
        return NamedAgain()
    connection.execute(_UNMARK, (id_list(found),))
    ledger.read(found)
    reopened = set()
    for image in sorted(found):
        row = ledger.row(image)
        if row.status != FAILED or row.error != WITHDRAWN:
            continue
        connection.execute(_UNSPEND, (image,))
        if first := waiting.first_candidate(row):
            ledger.move(row, PENDING, due=0, attempts=0, error=None, place=first)
            reopened.add(image)
    return NamedAgain(frozenset(found), frozenset(reopened))
