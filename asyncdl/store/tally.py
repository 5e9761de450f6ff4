"""What a transaction changes in the counters and roll-ups, summed up first and written once.

Counters: images by (host, status, error) with the bytes of their files, records by status, manifests by
status. Roll-ups: the image counts and the status of each record touched.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Final

from asyncdl.errors import error_type
from asyncdl.status import ImageStatus, record_status
from asyncdl.store.interning import id_list

NO_ERROR: Final = -1
"""How a counter row says that there is no error."""

WITHDRAWN: Final = error_type("withdrawn").code
"""The error of images that were still to be asked when no source named them any more: they do not count for their record."""

_SUCCESS: Final = int(ImageStatus.SUCCESS)
_FAILED: Final = int(ImageStatus.FAILED)
_OPEN: Final = (int(ImageStatus.PENDING), int(ImageStatus.RETRY))

_COUNT_IMAGES: Final = """
INSERT INTO counters(host, status, error, images, bytes) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET images = images + excluded.images, bytes = bytes + excluded.bytes
"""
_DROP_EMPTY: Final = "DELETE FROM counters WHERE host = ? AND status = ? AND error = ? AND images = 0"
_COUNT_RECORDS: Final = "INSERT INTO record_counters VALUES (?, ?) ON CONFLICT DO UPDATE SET records = records + excluded.records"
_COUNT_MANIFESTS: Final = (
    "INSERT INTO manifest_counters VALUES (?, ?) ON CONFLICT DO UPDATE SET manifests = manifests + excluded.manifests"
)
_ROLL_UPS: Final = """
SELECT r.id, r.images, r.successes, r.open_images, r.status, r.completed_ms
FROM json_each(?) AS wanted JOIN records AS r ON r.id = wanted.value
"""
_UPDATE_RECORD: Final = "UPDATE records SET images = ?, successes = ?, open_images = ?, status = ?, completed_ms = ? WHERE id = ?"


class Tally:
    """Sums of changes, by counter and by record. `write` once, at the end of the transaction."""

    def __init__(self) -> None:
        self._images: defaultdict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0])
        self._rolled: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._records: defaultdict[int, int] = defaultdict(int)
        self._manifests: defaultdict[int, int] = defaultdict(int)

    def image(self, record: int, host: int, status: int, error: int | None, *, size_bytes: int, sign: int) -> None:
        """An image with these values comes (`sign` 1) or goes (-1)."""
        self.counter(host, status, error, sign, sign * size_bytes)
        if status == _FAILED and error == WITHDRAWN:
            return  # nobody asks for it: it does not keep its record from being done
        rolled = self._rolled[record]
        rolled[0] += sign
        if status == _SUCCESS:
            rolled[1] += sign
        elif status in _OPEN:
            rolled[2] += sign

    def counter(self, host: int, status: int, error: int | None, images: int, size_bytes: int) -> None:
        """Change one counter without a roll-up: for records that are inserted with theirs."""
        cell = self._images[host, status, NO_ERROR if error is None else error]
        cell[0] += images
        cell[1] += size_bytes

    def records(self, status: int, change: int) -> None:
        """Records come or go in a status."""
        self._records[status] += change

    def manifests(self, status: int, change: int) -> None:
        """Manifests come or go in a status."""
        self._manifests[status] += change

    def write(self, connection: sqlite3.Connection, at_ms: int | None) -> None:
        """Write the sums; a record that ends, or opens again, gets or loses its time of completion (None: keeps it unset)."""
        self._write_roll_ups(connection, at_ms)
        changed = [(key, cell) for key, cell in self._images.items() if cell != [0, 0]]
        connection.executemany(_COUNT_IMAGES, [(*key, *cell) for key, cell in changed])
        connection.executemany(_DROP_EMPTY, [key for key, cell in changed if cell[0] < 0])
        connection.executemany(_COUNT_RECORDS, [row for row in self._records.items() if row[1]])
        connection.executemany(_COUNT_MANIFESTS, [row for row in self._manifests.items() if row[1]])

    def _write_roll_ups(self, connection: sqlite3.Connection, at_ms: int | None) -> None:
        changed = {record: delta for record, delta in self._rolled.items() if delta != [0, 0, 0]}
        if not changed:
            return
        rows = []
        for record, images, successes, open_images, status, completed_ms in connection.execute(_ROLL_UPS, (id_list(changed),)):
            delta = changed[record]
            now = (images + delta[0], successes + delta[1], open_images + delta[2])
            status_now = int(record_status(*now))
            if not now[2]:
                completed = at_ms if completed_ms is None else completed_ms
            else:
                completed = None
            rows.append((*now, status_now, completed, record))
            if status_now != status:
                self._records[status] -= 1
                self._records[status_now] += 1
        connection.executemany(_UPDATE_RECORD, rows)
