"""Images in the course of one `apply`: their rows, the legality of each move, and the updates it comes to.

The only place that changes the status of an image. It knows neither files nor manifests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from asyncdl.errors import IllegalMove
from asyncdl.status import LEGAL_MOVES, ImageStatus
from asyncdl.store.interning import id_list
from asyncdl.store.tally import Tally

PENDING: Final = int(ImageStatus.PENDING)
SUCCESS: Final = int(ImageStatus.SUCCESS)
FAILED: Final = int(ImageStatus.FAILED)
_LEGAL: Final = frozenset((int(before), int(after)) for before, after in LEGAL_MOVES)
_OPEN: Final = (int(ImageStatus.PENDING), int(ImageStatus.RETRY))

_COLUMNS: Final = "i.id, i.record, i.number, i.key_hash, i.host, i.status, i.due, i.attempts, i.candidate, i.error"
_IMAGES_BY_ID: Final = f"SELECT {_COLUMNS} FROM json_each(?) AS wanted JOIN images AS i ON i.id = wanted.value"  # noqa: S608  own columns
_IMAGES_OF_RECORD: Final = f"SELECT {_COLUMNS} FROM images AS i WHERE i.record = ? ORDER BY i.number"  # noqa: S608  own columns
_SAVED_BYTES: Final = (
    "SELECT f.image, sum(f.size_bytes) FROM json_each(?) AS wanted JOIN files AS f ON f.image = wanted.value GROUP BY f.image"
)
_UPDATE_IMAGE: Final = "UPDATE images SET host = ?, status = ?, due = ?, attempts = ?, candidate = ?, error = ? WHERE id = ?"


@dataclass(slots=True)
class ImageRow:
    """A row of `images` while it changes. `size_bytes` is what its files add to the counters."""

    id: int
    record: int
    number: int
    key_hash: int
    host: int
    status: int
    due: int | None
    attempts: int
    candidate: int
    error: int | None
    size_bytes: int = 0


def check_move(kind: str, row: int, before: int, after: int, due: int | None) -> None:
    """Raise `IllegalMove` unless the table of moves has it and the due time fits the status."""
    if (before, after) not in _LEGAL:
        raise IllegalMove(f"{kind} {row}: no move from {ImageStatus(before).label} to {ImageStatus(after).label}")
    if due is not None and (after not in _OPEN or due < 0):
        raise IllegalMove(f"{kind} {row}: {ImageStatus(after).label} with due time {due}")


class Ledger:
    """The images touched by one transaction. Moves are tallied at once and written by `flush`."""

    def __init__(self, connection: sqlite3.Connection, at_ms: int) -> None:
        self.connection = connection
        self.at_ms = at_ms
        self.tally = Tally()
        self.due: dict[int, int] = {}
        self._rows: dict[int, ImageRow] = {}
        self._changed: dict[int, ImageRow] = {}

    def read(self, ids: Iterable[int]) -> None:
        """Read rows that are not known yet, with the bytes of their files where they have any."""
        new = [image for image in dict.fromkeys(ids) if image not in self._rows]
        self._keep(self.connection.execute(_IMAGES_BY_ID, (id_list(new),)).fetchall())

    def of_record(self, record: int) -> list[ImageRow]:
        """The images of a record in the order of their numbers."""
        rows = self.connection.execute(_IMAGES_OF_RECORD, (record,)).fetchall()
        self._keep([row for row in rows if row[0] not in self._rows])
        return [self._rows[row[0]] for row in rows]

    def row(self, image: int) -> ImageRow:
        """A row that was read. Raises `IllegalMove` when it does not exist."""
        found = self._rows.get(image)
        if found is None:
            raise IllegalMove(f"image {image} does not exist")
        return found

    def move(
        self,
        row: ImageRow,
        to: int,
        *,
        due: int | None,
        attempts: int,
        error: int | None,
        place: tuple[int, int],
        size_bytes: int = 0,
    ) -> None:
        """Move an image to a status and a `place` (candidate and host); `size_bytes` is what its files come to afterwards."""
        candidate, host = place
        check_move("image", row.id, row.status, to, due)
        self.tally.image(row.record, row.host, row.status, row.error, size_bytes=row.size_bytes, sign=-1)
        self.tally.image(row.record, host, to, error, size_bytes=size_bytes, sign=1)
        row.status, row.due, row.attempts, row.error = to, due, attempts, error
        row.candidate, row.host, row.size_bytes = candidate, host, size_bytes
        self._changed[row.id] = row
        if due is not None:
            self.nudge(host, due)

    def stand(self, row: ImageRow, place: tuple[int, int]) -> None:
        """Let an image stand at another `place` (candidate and host) in the status it has."""
        self.tally.image(row.record, row.host, row.status, row.error, size_bytes=row.size_bytes, sign=-1)
        row.candidate, row.host = place
        self.tally.image(row.record, row.host, row.status, row.error, size_bytes=row.size_bytes, sign=1)
        self._changed[row.id] = row

    def nudge(self, host: int, due: int) -> None:
        """Note that a host gained a due row."""
        self.due[host] = min(due, self.due.get(host, due))

    def forget(self, row: ImageRow) -> None:
        """An image goes away (it is deleted by the caller)."""
        self.tally.image(row.record, row.host, row.status, row.error, size_bytes=row.size_bytes, sign=-1)
        self._rows.pop(row.id, None)
        self._changed.pop(row.id, None)

    def flush(self) -> None:
        """Write the moves made so far."""
        self.connection.executemany(
            _UPDATE_IMAGE,
            [(row.host, row.status, row.due, row.attempts, row.candidate, row.error, row.id) for row in self._changed.values()],
        )
        self._changed.clear()

    def _keep(self, rows: list[tuple[int, int, int, int, int, int, int | None, int, int, int | None]]) -> None:
        saved = []
        for values in rows:
            row = ImageRow(*values)
            self._rows[row.id] = row
            if row.status == SUCCESS:
                saved.append(row.id)
        if saved:
            for image, size_bytes in self.connection.execute(_SAVED_BYTES, (id_list(saved),)):
                self._rows[image].size_bytes = size_bytes
