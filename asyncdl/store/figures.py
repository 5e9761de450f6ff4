"""How much there is of what: from the counters, at once, whatever the size; and the recount that proves them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from asyncdl.errors import error_type_of_code
from asyncdl.model import Counts
from asyncdl.status import ImageStatus, RecordStatus
from asyncdl.store.lanes import load_lanes
from asyncdl.store.rows import Discrepancies, ErrorCount, HostCounts
from asyncdl.store.tally import NO_ERROR, WITHDRAWN

_MAX_REPORTED: Final = 100

_BY_STATUS: Final = "SELECT status, sum(images) FROM counters GROUP BY status"
_RECORDS: Final = "SELECT status, records FROM record_counters"
_MANIFESTS: Final = "SELECT status, manifests FROM manifest_counters"
_BY_ERROR: Final = (
    "SELECT status, error, sum(images) AS n FROM counters GROUP BY status, error HAVING n > 0 ORDER BY n DESC, status, error"
)
_BYTES: Final = "SELECT coalesce(sum(bytes), 0) FROM counters"
_LARGEST_HOSTS: Final = """
SELECT h.id, h.name, h.lane FROM (SELECT host, sum(images) AS n FROM counters GROUP BY host HAVING n > 0 ORDER BY n DESC, host LIMIT ?) AS c
JOIN hosts AS h ON h.id = c.host ORDER BY c.n DESC, h.id
"""
_COUNTERS_OF_HOST: Final = "SELECT status, error, images, bytes FROM counters WHERE host = ? AND images > 0"
_PAUSED: Final = """
SELECT coalesce(sum(c.images), 0) FROM (
  SELECT lane FROM lanes WHERE pause_until_ms > ?1 OR held = 1
  UNION SELECT lane FROM lane_orders WHERE stop IS NOT NULL AND (stop_until_ms = 0 OR stop_until_ms > ?1)
) AS l JOIN hosts AS h ON h.lane = l.lane JOIN counters AS c ON c.host = h.id
WHERE c.status IN (0, 1)
"""

# The truth that the counters repeat: every image with the bytes of its files.
RECOUNTED: Final = """
SELECT i.host, i.status, coalesce(i.error, -1) AS error, count(*) AS images,
  sum(CASE WHEN i.status = 2 THEN (SELECT coalesce(sum(f.size_bytes), 0) FROM files AS f WHERE f.image = i.id) ELSE 0 END) AS bytes
FROM images AS i GROUP BY 1, 2, 3
"""
_DIFFERENT: Final = f"""
SELECT host, status, error, images, bytes FROM ({RECOUNTED}) EXCEPT SELECT * FROM counters WHERE images <> 0 OR bytes <> 0
"""  # noqa: S608  own words
_SURPLUS: Final = f"""
SELECT * FROM counters WHERE images <> 0 OR bytes <> 0 EXCEPT SELECT host, status, error, images, bytes FROM ({RECOUNTED})
"""  # noqa: S608  own words
WITHDRAWN_IMAGE: Final = f"i.status = 4 AND coalesce(i.error, -1) = {WITHDRAWN:d}"
_ROLLED: Final = f"""
SELECT r.id, count(i.id) - coalesce(sum({WITHDRAWN_IMAGE}), 0) AS images, coalesce(sum(i.status = 2), 0) AS successes, coalesce(sum(i.status IN (0, 1)), 0) AS open_images,
  coalesce(max(i.number) + 1, 0) AS next_number
FROM records AS r LEFT JOIN images AS i ON i.record = r.id GROUP BY r.id
"""  # noqa: S608  own words
RECORD_STATUS: Final = "CASE WHEN t.images > 0 AND t.successes = t.images THEN 2 WHEN t.open_images = 0 THEN 3 WHEN t.open_images = t.images THEN 0 ELSE 1 END"
_WRONG_RECORDS: Final = f"""
SELECT r.id FROM records AS r JOIN ({_ROLLED}) AS t ON t.id = r.id
WHERE (r.images, r.successes, r.open_images) <> (t.images, t.successes, t.open_images) OR r.next_number < t.next_number
  OR r.status <> {RECORD_STATUS}
LIMIT {_MAX_REPORTED}
"""  # noqa: S608  own words
_STRANDED: Final = f"""
SELECT i.id FROM images AS i LEFT JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate
WHERE (i.status IN (2, 3, 4) AND i.due IS NOT NULL) OR (i.status IN (0, 1) AND i.due IS NULL AND NOT coalesce(c.kind = 1 AND EXISTS (
  SELECT 1 FROM manifests AS m WHERE m.record = i.record AND (m.url = c.url OR m.key_hash = i.key_hash) AND m.due IS NOT NULL), 0))
LIMIT {_MAX_REPORTED}
"""  # noqa: S608  own words
_BY_TABLE: Final = {
    "record_counters": """SELECT (SELECT count(*) FROM (SELECT status, count(*) FROM records GROUP BY status EXCEPT SELECT * FROM record_counters))
      + (SELECT count(*) FROM (SELECT * FROM record_counters WHERE records <> 0 EXCEPT SELECT status, count(*) FROM records GROUP BY status))""",
    "manifest_counters": """SELECT (SELECT count(*) FROM (SELECT status, count(*) FROM manifests GROUP BY status EXCEPT SELECT * FROM manifest_counters))
      + (SELECT count(*) FROM (SELECT * FROM manifest_counters WHERE manifests <> 0 EXCEPT SELECT status, count(*) FROM manifests GROUP BY status))""",
    "sources": """SELECT count(*) FROM sources AS s WHERE s.images_gone <> (SELECT count(*) FROM gone AS g WHERE g.source = s.id)""",
    "gone_without_image": "SELECT count(*) FROM gone AS g WHERE NOT EXISTS (SELECT 1 FROM images AS i WHERE i.id = g.image)",
    "saved_without_file": "SELECT count(*) FROM images AS i WHERE i.status = 2 AND NOT EXISTS (SELECT 1 FROM files AS f WHERE f.image = i.id)",
    "file_without_saved": "SELECT count(*) FROM files AS f JOIN images AS i ON i.id = f.image WHERE i.status <> 2",
}


def counts(connection: sqlite3.Connection) -> Counts:
    """See `Reader.counts`."""
    return _counts(ImageStatus, connection.execute(_BY_STATUS))


def record_counts(connection: sqlite3.Connection) -> Counts:
    """See `Reader.record_counts`."""
    return _counts(RecordStatus, connection.execute(_RECORDS))


def manifest_counts(connection: sqlite3.Connection) -> Counts:
    """See `Reader.manifest_counts`."""
    return _counts(ImageStatus, connection.execute(_MANIFESTS))


def counts_by_error(connection: sqlite3.Connection) -> list[ErrorCount]:
    """See `Reader.counts_by_error`."""
    return [ErrorCount(ImageStatus(status), _error_name(error), images) for status, error, images in connection.execute(_BY_ERROR)]


def counts_by_host(connection: sqlite3.Connection, limit: int) -> list[HostCounts]:
    """See `Reader.counts_by_host`."""
    return [host_counts(connection, *row) for row in connection.execute(_LARGEST_HOSTS, (limit,)).fetchall()]


def host_counts(connection: sqlite3.Connection, host_id: int, host: str, lane: str) -> HostCounts:
    """The figures of one host."""
    by_status = {status.label: 0 for status in ImageStatus}
    by_error: dict[int, int] = {}
    size_bytes = 0
    for status, error, images, some_bytes in connection.execute(_COUNTERS_OF_HOST, (host_id,)):
        by_status[ImageStatus(status).label] += images
        size_bytes += some_bytes
        if error != NO_ERROR and status != ImageStatus.SUCCESS:
            by_error[error] = by_error.get(error, 0) + images
    main = max(by_error, key=lambda error: (by_error[error], -error), default=NO_ERROR)
    return HostCounts(host, lane, by_status, size_bytes, _error_name(main), load_lanes(connection, [lane]).get(lane))


def errors_of_host(connection: sqlite3.Connection, host_id: int) -> tuple[ErrorCount, ...]:
    """The images of one host by status and error type, most first."""
    found = [
        ErrorCount(ImageStatus(status), _error_name(error), images)
        for status, error, images, _ in connection.execute(_COUNTERS_OF_HOST, (host_id,))
    ]
    return tuple(sorted(found, key=lambda row: -row.images))


def saved_bytes(connection: sqlite3.Connection) -> int:
    """See `Reader.saved_bytes`."""
    return int(connection.execute(_BYTES).fetchone()[0])


def waiting_in_paused_lanes(connection: sqlite3.Connection, now_ms: int) -> int:
    """See `Reader.waiting_in_paused_lanes`."""
    return int(connection.execute(_PAUSED, (now_ms,)).fetchone()[0])


def discrepancies(connection: sqlite3.Connection) -> Discrepancies:
    """See `Reader.discrepancies`."""
    columns = "host {} status {} error {}: {} images, {} bytes"
    missing = [columns.format(*row) + " not counted" for row in connection.execute(_DIFFERENT)]
    surplus = [columns.format(*row) + " counted wrongly" for row in connection.execute(_SURPLUS)]
    by_table = {table: int(connection.execute(statement).fetchone()[0]) for table, statement in _BY_TABLE.items()}
    return Discrepancies(
        counters=tuple((missing + surplus)[:_MAX_REPORTED]),
        records=tuple(row[0] for row in connection.execute(_WRONG_RECORDS)),
        stranded=tuple(row[0] for row in connection.execute(_STRANDED)),
        by_table={table: wrong for table, wrong in by_table.items() if wrong},
    )


def _counts(statuses: type[IntEnum], rows: Iterable[tuple[int, int]]) -> Counts:
    found = dict(rows)
    by_status = {status.name.lower(): int(found.get(int(status), 0)) for status in statuses}
    return Counts(sum(by_status.values()), by_status)


def _error_name(code: int) -> str | None:
    return None if code == NO_ERROR else error_type_of_code(code).name
