"""What an import of files asks: the images of many records with the file each has, their links; and digests noted later."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from asyncdl.status import ImageStatus
from asyncdl.store.interning import id_list

_IMAGES: Final = """
SELECT i.record, i.id, i.number, i.key_hash, i.status, i.attempts, coalesce(f.path, ''), coalesce(f.recipe, '')
FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value
LEFT JOIN files AS f ON f.image = i.id AND f.role = 'original' ORDER BY i.record, i.number
"""
_URLS: Final = """
SELECT c.image, c.url FROM json_each(?) AS wanted CROSS JOIN candidates AS c ON c.image = wanted.value ORDER BY c.image, c.position
"""
_NOTE_DIGEST: Final = "UPDATE files SET sha256 = ? WHERE id = ? AND sha256 = x''"


class OwnedImage(NamedTuple):
    """An image of a record with integer id. `key_hash` 0: not looked up. `path` and `recipe` are those of its original, or ""."""

    record: int
    id: int
    number: int
    key_hash: int
    status: ImageStatus
    attempts: int
    path: str
    recipe: str


def images_of_records(connection: sqlite3.Connection, records: Iterable[int]) -> list[OwnedImage]:
    """See `Reader.images_of_records`."""
    return [
        OwnedImage(record, image, number, key, ImageStatus(status), attempts, path, recipe)
        for record, image, number, key, status, attempts, path, recipe in connection.execute(_IMAGES, (id_list(records),))
    ]


def urls_of_images(connection: sqlite3.Connection, images: Iterable[int]) -> dict[int, list[str]]:
    """See `Reader.urls_of_images`."""
    found: dict[int, list[str]] = {}
    for image, url in connection.execute(_URLS, (id_list(images),)):
        found.setdefault(image, []).append(url)
    return found


def note_digests(connection: sqlite3.Connection, digests: Sequence[tuple[int, bytes]]) -> None:
    """See `Store.note_digests`."""
    connection.executemany(_NOTE_DIGEST, [(digest, file) for file, digest in digests])
