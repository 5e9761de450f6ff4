"""Counters and roll-ups made anew from the rows: records page by page, each page a transaction of its own, then the counters.

A single statement over 50 million records would hold one transaction for hours and lose it all to a kill. Here a kill loses a page: the place is
kept with the rows, and the next call goes on there.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from asyncdl.store.figures import RECORD_STATUS, RECOUNTED, WITHDRAWN_IMAGE
from asyncdl.store.sources import get_meta, set_all_meta

RECORDS_PER_COMMIT: Final = 50_000

_PLACE: Final = "recounted_up_to"
_LAST_OF_PAGE: Final = "SELECT max(id) FROM (SELECT id FROM records WHERE id > ? ORDER BY id LIMIT ?)"
_RECOUNT: Final = f"""
UPDATE records AS r SET images = t.images, successes = t.successes, open_images = t.open_images,
  next_number = max(r.next_number, t.next_number), status = {RECORD_STATUS}
FROM (
  SELECT p.id, count(i.id) - coalesce(sum({WITHDRAWN_IMAGE}), 0) AS images, coalesce(sum(i.status = 2), 0) AS successes, coalesce(sum(i.status IN (0, 1)), 0) AS open_images,
    coalesce(max(i.number) + 1, 0) AS next_number
  FROM records AS p LEFT JOIN images AS i ON i.record = p.id WHERE p.id > :after AND p.id <= :last GROUP BY p.id
) AS t
WHERE t.id = r.id AND r.id > :after AND r.id <= :last
"""  # noqa: S608  own words
_COUNTERS: Final = (
    "DELETE FROM counters",
    f"INSERT INTO counters {RECOUNTED}",
    "DELETE FROM record_counters",
    "INSERT INTO record_counters SELECT status, count(*) FROM records GROUP BY status",
    "DELETE FROM manifest_counters",
    "INSERT INTO manifest_counters SELECT status, count(*) FROM manifests GROUP BY status",
    "UPDATE sources SET images_gone = (SELECT count(*) FROM gone WHERE source = sources.id)",
)
_FORGET: Final = "DELETE FROM meta WHERE key = ?"


def recount_page(connection: sqlite3.Connection, limit: int) -> bool:
    """Recount the next records, and remember how far it went. False when there are no more."""
    after = int(get_meta(connection, _PLACE) or -1)
    (last,) = connection.execute(_LAST_OF_PAGE, (after, limit)).fetchone()
    if last is None:
        return False
    connection.execute(_RECOUNT, {"after": after, "last": last})
    set_all_meta(connection, {_PLACE: str(last)})
    return True


def recount_all(connection: sqlite3.Connection) -> None:
    """Recount the counters, and forget the place: the next recount begins at the first record."""
    for statement in _COUNTERS:
        connection.execute(statement)
    connection.execute(_FORGET, (_PLACE,))
