"""What a load finds already there: known records, their images by key, their manifests; and what these gain."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from asyncdl.model import CandidateKind, NewImage, NewRecord
from asyncdl.status import ImageStatus
from asyncdl.store import gone
from asyncdl.store.candidates import add_candidates
from asyncdl.store.gone import NamedAgain, Names
from asyncdl.store.interning import id_list, storable
from asyncdl.store.ledger import FAILED, PENDING, Ledger
from asyncdl.store.tally import WITHDRAWN
from asyncdl.store.unkeyed import look_up_keys
from asyncdl.store.waiting import Waiting

_ENDED_WITHOUT_FILE: Final = (int(ImageStatus.FAILED), int(ImageStatus.EXHAUSTED))
_SUCCESS: Final = int(ImageStatus.SUCCESS)

# Sources come sorted by id, so in a first load every record lies above all that are there: one look tells.
_LAST_RECORD_UP_TO: Final = "SELECT max(id) FROM records WHERE id <= ?"
_KNOWN_RECORDS: Final = "SELECT r.id, r.next_number FROM json_each(?) AS wanted CROSS JOIN records AS r ON r.id = wanted.value"
_KNOWN_IMAGES: Final = "SELECT i.record, i.key_hash, i.id FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value ORDER BY i.number DESC"
_KNOWN_URLS: Final = "SELECT c.image, c.url FROM json_each(?) AS wanted CROSS JOIN candidates AS c ON c.image = wanted.value"
_ENDED_MANIFESTS: Final = f"""
SELECT m.id, m.record, m.key_hash, m.url, m.host, m.status FROM json_each(?) AS wanted CROSS JOIN manifests AS m ON m.record = wanted.value
WHERE m.status = {_SUCCESS:d} OR m.error = {WITHDRAWN:d}
"""  # noqa: S608  numbers of ours


class Gains(NamedTuple):
    """What known records gained. `images_changed` gained a URL; `images_named_again` had been marked as gone."""

    links: int
    images_changed: int
    images_reopened: int
    images_named_again: int
    records: set[int]


class Merge:
    """The known part of one load. `next_numbers` names the records that are known."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.ledger = Ledger(connection, 0)
        self._waiting = Waiting(self.ledger)
        self.next_numbers: dict[int, int] = {}
        self.images_known = 0
        self._images: dict[tuple[int, int], int] = {}
        self._urls: dict[int, set[str]] = {}
        self._expanded: set[tuple[int, int | str]] = set()
        self._gaining: list[tuple[int, NewImage]] = []
        self._watched: set[int] = set()
        self._withdrawn_manifests: list[tuple[int, int, str, int]] = []
        self._names: dict[int, Names] = {}

    def look_up(self, rows: Sequence[int], records: Sequence[NewRecord]) -> None:
        """Read what is known of these records."""
        if not rows:
            return
        last = self._connection.execute(_LAST_RECORD_UP_TO, (max(rows),)).fetchone()[0]
        if last is None or last < min(rows):
            return
        self.next_numbers = dict(self._connection.execute(_KNOWN_RECORDS, (id_list(rows),)).fetchall())
        known = id_list(self.next_numbers)
        look_up_keys(self._connection, self.next_numbers)
        # The smallest number comes last and stays, should two images of a record share a key.
        self._images = {(record, key): image for record, key, image in self._connection.execute(_KNOWN_IMAGES, (known,))}
        for manifest, record, key_hash, url, host, status in self._connection.execute(_ENDED_MANIFESTS, (known,)):
            if status == _SUCCESS:
                self._expanded |= {(record, key_hash), (record, url)}
            elif status == FAILED:
                self._withdrawn_manifests.append((manifest, record, url, host))
        mentioned = {
            self._images.get((row, image.key_hash))
            for row, record in zip(rows, records, strict=True)
            if row in self.next_numbers
            for image in record.images
        }
        self._urls = {image: set() for image in mentioned if image is not None}
        for image, url in self._connection.execute(_KNOWN_URLS, (id_list(self._urls),)):
            self._urls[image].add(url)
        if self._withdrawn_manifests or gone.any_marked(self._connection):
            pairs = zip(rows, records, strict=True)
            self._names = {row: gone.names_of([record]) for row, record in pairs if row in self.next_numbers}

    def known_image(self, record: int, image: NewImage) -> int | None:
        """The known image of that key, noted to gain the URLs that are new to it."""
        known = self._images.get((record, image.key_hash))
        if known is None:
            return None
        self.images_known += 1
        if any(storable(candidate.url) not in self._urls[known] for candidate in image.candidates):
            self._gaining.append((known, image))
        return known

    def was_expanded(self, record: int, image: NewImage) -> bool:
        """Whether an image would wait for a manifest that was read already: its pictures are images by now."""
        first = next((candidate for candidate in image.candidates if candidate.host), None)
        if first is None or first.kind is not CandidateKind.MANIFEST:
            return False
        if not {(record, image.key_hash), (record, storable(first.url))} & self._expanded:
            return False
        self.images_known += 1
        return True

    def watch(self, image: int) -> None:
        """A new image of a known record: should it wait for a manifest, that one may have ended long ago."""
        self._watched.add(image)

    def finish(self) -> Gains:
        """Give the known images what they gain, once all new rows stand."""
        gained = Counter[int]()
        self.ledger.read([*(known for known, _ in self._gaining), *self._watched])
        for known, image in self._gaining:
            gained[known] += add_candidates(self._connection, known, image.candidates)
        again = self._name_again()
        reopened = set(again.reopened)
        for known in gained:
            row = self.ledger.row(known)
            if row.status in _ENDED_WITHOUT_FILE and (first := self._waiting.first_candidate(row)):
                self.ledger.move(row, PENDING, due=0, attempts=0, error=None, place=first)
                reopened.add(known)
        self._watched |= reopened
        self.ledger.flush()
        self._waiting.settle_images(self._watched, anew=frozenset())
        changed = {image for image, links in gained.items() if links}
        records = {self.ledger.row(image).record for image in changed | again.images}
        return Gains(gained.total(), len(changed - again.images), len(reopened), len(again.images), records)

    def _name_again(self) -> NamedAgain:
        """Take back that images are gone which are named now, and that manifests were withdrawn."""
        if not self._names:
            return NamedAgain()
        for manifest, record, url, host in self._withdrawn_manifests:
            if url in self._names[record].manifest_urls:
                self._waiting.wake(manifest, host, FAILED)
        named, _ = gone.split(self._connection, self._names)
        return gone.name_again(self.ledger, self._waiting, {image for found in named.values() for image in found})
