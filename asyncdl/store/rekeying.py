"""Images and manifests of known records get the keys, links and marks that other rules give them; images of one photo become one.

What is decided elsewhere is carried out here, such that counters, roll-ups and the queue stay in step with the rows. Numbers are never given
again, positions of links never renumbered, and no image that has a file goes away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from asyncdl.errors import IllegalMove, error_type
from asyncdl.model import CandidateKind, NewCandidate, NewManifest
from asyncdl.status import ImageStatus
from asyncdl.store.candidates import add_candidates
from asyncdl.store.holding import HeldCandidate
from asyncdl.store.interning import host_ids, storable
from asyncdl.store.ledger import FAILED, PENDING, SUCCESS, ImageRow, Ledger
from asyncdl.store.waiting import Waiting
from asyncdl.urls import host_of

_ENDED: Final = (int(ImageStatus.FAILED), int(ImageStatus.EXHAUSTED))
_NO_URL: Final = error_type("no_url").code

_SET_KEY: Final = "UPDATE images SET key_hash = ? WHERE id = ?"
_JUDGE: Final = "UPDATE candidates SET rank = ?, kind = ? WHERE image = ? AND position = ?"
_DROP: Final = "DELETE FROM candidates WHERE image = ? AND position = ?"
_UNSPEND: Final = "UPDATE candidates SET spent = NULL WHERE image = ? AND position = ?"
_SPEND: Final = "UPDATE candidates SET spent = ? WHERE image = ? AND url = ?"
_STANDING: Final = "SELECT kind, spent FROM candidates WHERE image = ? AND position = ?"
_FIRST_LINK: Final = "SELECT position, url FROM candidates WHERE image = ? ORDER BY position LIMIT 1"
_LAST_CAUSE: Final = "SELECT spent FROM candidates WHERE image = ? AND spent IS NOT NULL ORDER BY position LIMIT 1"
_MOVE_FAILURES: Final = "UPDATE failures SET work_id = ? WHERE kind = 0 AND work_id = ?"
_SHOW: Final = "INSERT INTO canvases SELECT ?, manifest FROM canvases WHERE image = ? ON CONFLICT DO NOTHING"
_FORGET: Final = ("DELETE FROM candidates WHERE image = ?", "DELETE FROM images WHERE id = ?")
_KEY_MANIFEST: Final = "UPDATE manifests SET key_hash = ? WHERE id = ?"
_DELETE_MANIFEST: Final = "DELETE FROM manifests WHERE id = ? RETURNING status, url"
_IMAGE_OF_LINK: Final = """
SELECT i.id FROM images AS i CROSS JOIN candidates AS c ON c.image = i.id WHERE i.record = ? AND c.url = ? ORDER BY i.number LIMIT 1
"""
_GIVE_FAILURES: Final = "UPDATE failures SET kind = 0, work_id = ? WHERE kind = 1 AND work_id = ?"
_FORGET_CANVASES: Final = "DELETE FROM canvases WHERE manifest = ? AND image IN (SELECT id FROM images WHERE record = ?)"
_FORGET_FAILURES: Final = "DELETE FROM failures WHERE kind = 1 AND work_id = ?"
_INSERT_MANIFEST: Final = """
INSERT INTO manifests(record, url, key_hash, host, status, due, attempts) VALUES (?, ?, ?, ?, 0, 0, 0)
ON CONFLICT(record, url) DO NOTHING
"""


class ImageRekey(NamedTuple):
    """What changes of an image.

    Its key; ranks and kinds of links (position, rank, kind); links that leave, and those whose mark is lifted (positions); images merged into it,
    with the links they bring; whether it is open again, having ended without a file; whether a link became another kind.
    """

    image: int
    key_hash: int
    judged: tuple[tuple[int, int, int], ...] = ()
    dropped: tuple[int, ...] = ()
    unspent: tuple[int, ...] = ()
    merged: tuple[int, ...] = ()
    gained: tuple[HeldCandidate, ...] = ()
    reopen: bool = False
    turned: bool = False

    @property
    def relinked(self) -> bool:
        """Whether it may have to stand with another link."""
        return bool(self.turned or self.dropped or self.unspent or self.gained or self.merged or self.reopen)


class ManifestRekey(NamedTuple):
    """The key of a manifest; None: it is no manifest after all."""

    manifest: int
    key_hash: int | None


class RecordRekey(NamedTuple):
    """All that changes of a record, by its row."""

    row: int
    images: tuple[ImageRekey, ...] = ()
    manifests: tuple[ManifestRekey, ...] = ()
    new_manifests: tuple[NewManifest, ...] = ()


def rekey(connection: sqlite3.Connection, changes: Sequence[RecordRekey], at_ms: int) -> None:
    """See `Store.rekey`."""
    _Rekeying(connection, at_ms).run(changes)


class _Rekeying:
    """One transaction's changes."""

    def __init__(self, connection: sqlite3.Connection, at_ms: int) -> None:
        self._connection = connection
        self._ledger = Ledger(connection, at_ms)
        self._waiting = Waiting(self._ledger)
        self._at_ms = at_ms

    def run(self, changes: Sequence[RecordRekey]) -> None:
        images = [image for record in changes for image in record.images]
        relinked = [change for change in images if change.relinked]
        self._ledger.read([*(change.image for change in relinked), *(other for change in relinked for other in change.merged)])
        for record in changes:
            self._manifests(record)
        self._connection.executemany(_SET_KEY, [(change.key_hash, change.image) for change in images])
        judged = [(rank, kind, change.image, position) for change in images for position, rank, kind in change.judged]
        self._connection.executemany(_JUDGE, judged)
        for change in relinked:
            self._ledger.row(change.image).key_hash = change.key_hash
            self._links(change)
        for change in relinked:
            self._stand(change)
        self._ledger.flush()
        self._waiting.settle_images({change.image for change in relinked}, anew=frozenset())
        self._ledger.tally.write(self._connection, self._at_ms)

    def _manifests(self, record: RecordRekey) -> None:
        connection = self._connection
        for manifest, key_hash in record.manifests:
            if key_hash is None:
                self._forget_manifest(record.row, manifest)
            else:
                connection.execute(_KEY_MANIFEST, (key_hash, manifest))
        for found in record.new_manifests:
            values = (record.row, storable(found.url), found.key_hash, self._host(found.host))
            self._ledger.tally.manifests(PENDING, connection.execute(_INSERT_MANIFEST, values).rowcount)

    def _forget_manifest(self, record: int, manifest: int) -> None:
        """What was no manifest after all is a link of an image, and so are the attempts at it."""
        status, url = self._connection.execute(_DELETE_MANIFEST, (manifest,)).fetchone()
        self._connection.execute(_FORGET_CANVASES, (manifest, record))
        image = self._connection.execute(_IMAGE_OF_LINK, (record, url)).fetchone()
        if image is None:
            self._connection.execute(_FORGET_FAILURES, (manifest,))
        else:
            self._connection.execute(_GIVE_FAILURES, (image[0], manifest))
        self._ledger.tally.manifests(status, -1)

    def _links(self, change: ImageRekey) -> None:
        """The links of an image, and what comes of those merged into it."""
        connection, image = self._connection, change.image
        if change.dropped:
            connection.executemany(_DROP, [(image, position) for position in change.dropped])
        if change.unspent:
            connection.executemany(_UNSPEND, [(image, position) for position in change.unspent])
        for other in change.merged:
            self._merge(other, image)
        if change.gained:
            links = [NewCandidate(link.url, link.rank, CandidateKind(link.kind), "") for link in change.gained]
            add_candidates(connection, image, links)
            spent = [(error_type(link.spent).code, image, link.url) for link in change.gained if link.spent is not None]
            connection.executemany(_SPEND, spent)

    def _merge(self, other: int, image: int) -> None:
        """An image without a file goes away; what is known of its attempts, and which manifests show it, goes to the one it is."""
        row = self._ledger.row(other)
        if row.status == SUCCESS:
            raise IllegalMove(f"image {other} has a file and cannot be merged away")
        self._ledger.forget(row)
        self._connection.execute(_MOVE_FAILURES, (image, other))
        self._connection.execute(_SHOW, (image, other))
        for statement in _FORGET:
            self._connection.execute(statement, (other,))

    def _stand(self, change: ImageRekey) -> None:
        """See that an image stands with a link it has, and that one that is open has something to try."""
        row = self._ledger.row(change.image)
        if row.status == SUCCESS:
            return
        if change.reopen and (first := self._waiting.first_candidate(row)) is not None:
            self._ledger.move(row, PENDING, due=0, attempts=0, error=None, place=first)
            return
        found = self._connection.execute(_STANDING, (row.id, row.candidate)).fetchone()
        if row.status in _ENDED:
            if found is None and (first := self._first_known(row)) is not None:
                self._ledger.stand(row, first)
            return
        if found is not None and found[1] is None and (row.due is not None or found[0] == CandidateKind.MANIFEST):
            return
        first = self._waiting.first_candidate(row)
        if first is None:
            self._end(row)
        else:
            self._ledger.move(
                row, row.status, due=0 if row.due is None else row.due, attempts=row.attempts, error=row.error, place=first
            )

    def _end(self, row: ImageRow) -> None:
        """Every link that is left had failed for good: so has the image."""
        found = self._connection.execute(_LAST_CAUSE, (row.id,)).fetchone()
        place = self._first_known(row) or (row.candidate, row.host)
        self._ledger.move(row, FAILED, due=None, attempts=row.attempts, error=_NO_URL if found is None else found[0], place=place)

    def _first_known(self, row: ImageRow) -> tuple[int, int] | None:
        """Position and host row of the first link, whether it is spent or not."""
        found = self._connection.execute(_FIRST_LINK, (row.id,)).fetchone()
        return None if found is None else (found[0], self._host(host_of(found[1])))

    def _host(self, name: str) -> int:
        return host_ids(self._connection, (name,))[name]
