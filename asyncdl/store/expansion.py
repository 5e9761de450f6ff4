"""Manifests move, and their canvases find the images they belong to.

A canvas is matched with the images of the record by key. One that matches none goes to an image that waited
for this manifest, else it is a new image. An image that waited and got no canvas was never a photo of its
own: it is merged into the first one, and its number is not given again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from asyncdl.errors import IllegalMove, error_type
from asyncdl.model import Canvas, ManifestTransition, NewCandidate
from asyncdl.status import ImageStatus
from asyncdl.store import gone
from asyncdl.store.candidates import add_candidates, insert_candidates
from asyncdl.store.interning import host_ids
from asyncdl.store.ledger import FAILED, PENDING, ImageRow, Ledger, check_move
from asyncdl.store.unkeyed import look_up_keys
from asyncdl.store.waiting import EXPANDED, MANIFEST_ERROR, Waiting

_EXHAUSTED: Final = int(ImageStatus.EXHAUSTED)

_MANIFEST: Final = "SELECT record, url, key_hash, host, status FROM manifests WHERE id = ?"
_UPDATE_MANIFEST: Final = """
UPDATE manifests SET status = ?, due = ?, attempts = ?, error = ?, canvases = coalesce(?, canvases), expanded_ms = coalesce(?, expanded_ms)
WHERE id = ?
"""
_ELSE: Final = "SELECT EXISTS (SELECT 1 FROM candidates WHERE image = ? AND position <> ? AND spent IS NULL)"
_TAKE_NUMBER: Final = "UPDATE records SET next_number = next_number + 1 WHERE id = ? RETURNING next_number - 1"
_INSERT_IMAGE: Final = """
INSERT INTO images(record, number, key_hash, host, status, due, attempts, candidate) VALUES (?, ?, ?, ?, 0, 0, 0, ?) RETURNING id
"""
_SHOWS: Final = "INSERT INTO canvases(image, manifest) VALUES (?, ?) ON CONFLICT DO NOTHING"
_REKEY: Final = "UPDATE images SET key_hash = ? WHERE id = ?"
_SPEND_ELSEWHERE: Final = """
UPDATE candidates SET spent = ?1 WHERE image IN (SELECT id FROM images WHERE record = ?2) AND kind = 1 AND url = ?3 AND spent IS NULL
"""
_MERGE: Final = ("UPDATE failures SET work_id = ? WHERE kind = 0 AND work_id = ?",)
_DELETE: Final = (
    "DELETE FROM candidates WHERE image = ?",
    "DELETE FROM images WHERE id = ?",
)


class Expansion:
    """The manifests of one transaction. `created` and `merged` count images."""

    def __init__(self, ledger: Ledger, waiting: Waiting) -> None:
        self._ledger = ledger
        self._connection = ledger.connection
        self._waiting = waiting
        self.created = 0
        self.merged = 0

    def move(self, move: ManifestTransition) -> None:
        """Move one manifest, with all that follows for the images of its record."""
        found = self._connection.execute(_MANIFEST, (move.manifest,)).fetchone()
        if found is None:
            raise IllegalMove(f"manifest {move.manifest} does not exist")
        record, url, key_hash, host, status = found
        check_move("manifest", move.manifest, status, int(move.to), move.due_ms)
        self._update(move, status)
        if move.due_ms is not None:
            self._ledger.nudge(host, move.due_ms)
            return
        waiting = self._waiting.on(record, url, key_hash)
        canvases = _distinct(move.canvases)
        if move.to == ImageStatus.SUCCESS and canvases:
            self._connection.execute(_SPEND_ELSEWHERE, (EXPANDED, record, url))
            self._expand(move.manifest, record, canvases, waiting)
        elif move.to.terminal:
            error = MANIFEST_ERROR if move.error is None else error_type(move.error).code
            for row in waiting:
                self._waiting.go_on(row, error, _EXHAUSTED if move.to == ImageStatus.EXHAUSTED else FAILED, error)
        elif waiting or move.to == ImageStatus.RETRY:
            raise IllegalMove(f"manifest {move.manifest}: {move.to.label} without a due time, though it is waited for")

    def _update(self, move: ManifestTransition, status: int) -> None:
        expanded = move.to == ImageStatus.SUCCESS
        error = None if move.error is None else error_type(move.error).code
        canvases, at_ms = (len(move.canvases), self._ledger.at_ms) if expanded else (None, None)
        self._connection.execute(
            _UPDATE_MANIFEST, (int(move.to), move.due_ms, move.attempts, error, canvases, at_ms, move.manifest)
        )
        self._ledger.tally.manifests(status, -1)
        self._ledger.tally.manifests(int(move.to), 1)

    def _expand(self, manifest: int, record: int, canvases: Sequence[Canvas], waiting: list[ImageRow]) -> None:
        """Give each canvas its image; the order of canvases and of numbers is kept."""
        hosts = host_ids(self._connection, {candidate.host for canvas in canvases for candidate in canvas.candidates})
        look_up_keys(self._connection, [record])
        by_key = {row.key_hash: row for row in self._ledger.of_record(record)}
        unmatched = [row for row in waiting if row.key_hash not in {canvas.key_hash for canvas in canvases}]
        wait_ids = {row.id for row in waiting}
        first: int | None = None
        known: list[int] = []
        shown: list[int] = []
        for canvas in canvases:
            row = by_key.get(canvas.key_hash)
            if row is None and unmatched:
                row = unmatched.pop(0)
                row.key_hash = canvas.key_hash
                self._connection.execute(_REKEY, (canvas.key_hash, row.id))
            if row is None:
                image = self._create(record, canvas, hosts)
            else:
                image = row.id
                self._enrich(row, canvas.candidates, waits=row.id in wait_ids)
                known.append(image)
            shown.append(image)
            first = image if first is None else first
        for row in unmatched:
            self._leave_or_merge(row, first)
        self._connection.executemany(_SHOWS, [(image, manifest) for image in shown])
        if reopened := gone.name_again(self._ledger, self._waiting, known).reopened:  # they had been gone, and here they are
            self._ledger.flush()
            self._waiting.settle_images(reopened, anew=frozenset())

    def _create(self, record: int, canvas: Canvas, hosts: dict[str, int]) -> int:
        """A canvas that no row of the source named: a new image with the next free number."""
        position, start = next((place, found) for place, found in enumerate(canvas.candidates) if found.host)
        host = hosts[start.host]
        number = self._connection.execute(_TAKE_NUMBER, (record,)).fetchone()[0]
        image = int(self._connection.execute(_INSERT_IMAGE, (record, number, canvas.key_hash, host, position)).fetchone()[0])
        insert_candidates(self._connection, image, 0, canvas.candidates)
        self._ledger.tally.image(record, host, PENDING, None, size_bytes=0, sign=1)
        self._ledger.nudge(host, 0)
        self.created += 1
        return image

    def _enrich(self, row: ImageRow, candidates: Sequence[NewCandidate], *, waits: bool) -> None:
        """Add what the canvas offers: in front what is better than all known, the rest behind. Never renumber."""
        fresh = add_candidates(self._connection, row.id, candidates)
        if waits:
            self._waiting.go_on(row, EXPANDED, FAILED, MANIFEST_ERROR)
        elif fresh and row.status in (FAILED, _EXHAUSTED) and (first := self._waiting.first_candidate(row)):
            self._ledger.move(row, PENDING, due=0, attempts=0, error=None, place=first)

    def _leave_or_merge(self, row: ImageRow, first: int | None) -> None:
        """An image that waited in vain tries what else it has, or goes away and leaves what is known of it to the first."""
        if first is None or self._connection.execute(_ELSE, (row.id, row.candidate)).fetchone()[0]:
            self._waiting.go_on(row, EXPANDED, FAILED, MANIFEST_ERROR)
            return
        self._ledger.forget(row)
        for statement in _MERGE:
            self._connection.execute(statement, (first, row.id))
        for statement in _DELETE:
            self._connection.execute(statement, (row.id,))
        self.merged += 1


def _distinct(canvases: Iterable[Canvas]) -> list[Canvas]:
    """The canvases that offer a usable picture, each key once."""
    found: dict[int, Canvas] = {}
    for canvas in canvases:
        if any(candidate.host for candidate in canvas.candidates):
            found.setdefault(canvas.key_hash, canvas)
    return list(found.values())
