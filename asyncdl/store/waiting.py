"""Images whose next candidate is a manifest: they wait for it, and go on when it has ended.

The rule that nobody waits for ever lives here: an image without a due time always has an open manifest with
one. It does not know how a manifest is expanded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from asyncdl.errors import IllegalMove, error_type
from asyncdl.model import CandidateKind, Transition
from asyncdl.status import ImageStatus
from asyncdl.store.interning import host_ids, id_list
from asyncdl.store.ledger import FAILED, PENDING, SUCCESS, ImageRow, Ledger
from asyncdl.urls import host_of

EXPANDED: Final = error_type("manifest_expanded").code
MANIFEST_ERROR: Final = error_type("manifest_error").code
_MANIFEST: Final = int(CandidateKind.MANIFEST)
_OPEN: Final = (int(ImageStatus.PENDING), int(ImageStatus.RETRY))

_AT_A_MANIFEST: Final = """
SELECT i.id, c.url FROM json_each(?) AS wanted
JOIN images AS i ON i.id = wanted.value JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate
WHERE c.kind = 1
"""
# The manifest of a candidate: the one of its URL, else the one of the image's key.
_MANIFEST_OF: Final = """
SELECT id, host, status, due, error FROM manifests WHERE record = ?1 AND (url = ?2 OR key_hash = ?3) ORDER BY url = ?2 DESC, id LIMIT 1
"""
_WAITING_ON: Final = """
SELECT i.id FROM images AS i JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate
WHERE i.record = ?1 AND i.status = 0 AND i.due IS NULL AND c.kind = 1 AND (c.url = ?2 OR (i.key_hash = ?3
  AND NOT EXISTS (SELECT 1 FROM manifests AS m WHERE m.record = i.record AND m.url = c.url)))
ORDER BY i.number
"""
_WAKE: Final = "UPDATE manifests SET status = 0, due = 0, attempts = ?, error = NULL WHERE id = ?"
_ATTEMPTS: Final = "SELECT attempts FROM manifests WHERE id = ?"
_SPEND: Final = "UPDATE candidates SET spent = ? WHERE image = ? AND position = ?"
_UNSPENT: Final = "SELECT position, url, kind FROM candidates WHERE image = ? AND spent IS NULL ORDER BY position"


class ManifestState(NamedTuple):
    """What an image must know of the manifest it would wait for."""

    id: int
    host: int
    status: int
    due: int | None
    error: int | None


class Waiting:
    """The images of one transaction that wait, or stop waiting. `failed` counts those that ended with their manifest."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connection: sqlite3.Connection = ledger.connection
        self.failed = 0

    def settle(self, transitions: Sequence[Transition]) -> None:
        """After the images moved: those at a manifest wait for it or go on. Raises `IllegalMove` for one that is stranded."""
        self.settle_images(
            {
                move.image
                for move in transitions
                if move.to in _OPEN and (move.due_ms is None or move.candidate is not None or move.reset_spent)
            },
            anew={move.image for move in transitions if move.reset_spent},
        )

    def settle_images(self, images: AbstractSet[int], *, anew: AbstractSet[int]) -> None:
        """The same for images by row (all read by the ledger); `anew` may wake a manifest that ended without success."""
        if not images:
            return
        at_manifest = dict(self._connection.execute(_AT_A_MANIFEST, (id_list(images),)).fetchall())
        for image in sorted(images):
            row = self._ledger.row(image)
            if row.status not in _OPEN:
                continue
            if image in at_manifest:
                self._wait_or_go_on(row, at_manifest[image], anew=image in anew)
            elif row.due is None:
                raise IllegalMove(f"image {image}: {ImageStatus(row.status).label} with no due time and no manifest to wait for")
        self._ledger.flush()

    def on(self, record: int, url: str, key_hash: int) -> list[ImageRow]:
        """The images that wait for a manifest, in the order of their numbers."""
        self._ledger.flush()
        ids = [row[0] for row in self._connection.execute(_WAITING_ON, (record, url, key_hash))]
        self._ledger.read(ids)
        return [self._ledger.row(image) for image in ids]

    def go_on(self, row: ImageRow, spent: int, status: int, error: int) -> None:
        """An image leaves its candidate for the next that is not spent; without one it ends with `status` and `error`."""
        self._connection.execute(_SPEND, (spent, row.id, row.candidate))
        for position, url, kind in self._connection.execute(_UNSPENT, (row.id,)).fetchall():
            if kind == _MANIFEST:
                manifest = self._manifest_of(row, url)
                if manifest is not None and manifest.status in _OPEN:
                    self._wait(row, manifest, position)
                    return
            elif host := host_of(url):
                self._ledger.move(row, PENDING, due=0, attempts=row.attempts, error=row.error, place=(position, self._host(host)))
                return
        self._ledger.move(row, status, due=None, attempts=row.attempts, error=error, place=(row.candidate, row.host))
        self.failed += 1

    def first_candidate(self, row: ImageRow) -> tuple[int, int] | None:
        """Position and host row of the first candidate that is not spent and can be asked; None when there is none."""
        for position, url, kind in self._connection.execute(_UNSPENT, (row.id,)).fetchall():
            if (host := host_of(url)) or kind == _MANIFEST:
                return position, self._host(host)
        return None

    def _wait_or_go_on(self, row: ImageRow, url: str, *, anew: bool) -> None:
        manifest = self._manifest_of(row, url)
        if manifest is None:
            self.go_on(row, MANIFEST_ERROR, FAILED, MANIFEST_ERROR)
        elif manifest.status == SUCCESS:
            self.go_on(row, EXPANDED, FAILED, MANIFEST_ERROR if row.error is None else row.error)
        elif manifest.status in _OPEN or anew:
            self._wait(row, manifest, row.candidate)
        else:
            error = MANIFEST_ERROR if manifest.error is None else manifest.error
            self.go_on(row, error, manifest.status, error)

    def _wait(self, row: ImageRow, manifest: ManifestState, position: int) -> None:
        """Wait for a manifest, and wake it when it sleeps or has ended without success."""
        self._ledger.move(row, PENDING, due=None, attempts=row.attempts, error=row.error, place=(position, manifest.host))
        if manifest.due is not None:
            return
        ended = manifest.status not in _OPEN
        attempts = 0 if ended else self._connection.execute(_ATTEMPTS, (manifest.id,)).fetchone()[0]
        self.wake(manifest.id, manifest.host, manifest.status, attempts)

    def wake(self, manifest: int, host: int, status: int, attempts: int = 0) -> None:
        """A manifest that sleeps, or ended without success (`status`), is due."""
        self._connection.execute(_WAKE, (attempts, manifest))
        self._ledger.tally.manifests(status, -1)
        self._ledger.tally.manifests(PENDING, 1)
        self._ledger.nudge(host, 0)

    def _manifest_of(self, row: ImageRow, url: str) -> ManifestState | None:
        found = self._connection.execute(_MANIFEST_OF, (row.record, url, row.key_hash)).fetchone()
        return None if found is None else ManifestState(*found)

    def _host(self, name: str) -> int:
        return host_ids(self._connection, (name,))[name]
