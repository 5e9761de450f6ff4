"""What each lane has waiting and has given, by pages of lanes: the cost is per host and per manifest due, never per image."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from asyncdl.lane_records import LaneLoad
from asyncdl.model import HostDue
from asyncdl.store.lanes import load_lanes

# Hosts come in the order of their lanes from an index, so a page ends where its last lane does.
_LOADS: Final = """
SELECT h.lane, count(*),
  sum((SELECT coalesce(sum(c.images), 0) FROM counters AS c WHERE c.host = h.id AND c.status IN (0, 1))),
  sum((SELECT coalesce(sum(c.images), 0) FROM counters AS c WHERE c.host = h.id AND c.status = 2)),
  sum((SELECT coalesce(sum(c.bytes), 0) FROM counters AS c WHERE c.host = h.id AND c.status = 2)),
  sum((SELECT count(*) FROM manifests AS m INDEXED BY manifests_due WHERE m.host = h.id AND m.due IS NOT NULL))
FROM hosts AS h INDEXED BY hosts_lane
"""
LOADS: Final = _LOADS + "WHERE h.lane > ? GROUP BY h.lane ORDER BY h.lane LIMIT ?"
LOADS_OF: Final = _LOADS + "WHERE h.lane IN (SELECT value FROM json_each(?)) GROUP BY h.lane ORDER BY h.lane"  # noqa: S608  own words
SAMPLED: Final = """
SELECT host, sum(CASE WHEN status IN (0, 1) THEN images ELSE 0 END) AS waiting, sum(CASE WHEN status = 2 THEN images ELSE 0 END) AS saved,
  sum(CASE WHEN status = 2 THEN bytes ELSE 0 END)
FROM counters WHERE host > ? GROUP BY host HAVING saved > 0 AND waiting > 0 ORDER BY host LIMIT ?
"""
LARGEST_WAITING: Final = """
SELECT h.id, h.name, h.lane, 0 FROM (
  SELECT host, sum(images) AS n FROM counters WHERE status IN (0, 1) GROUP BY host HAVING n > 0 ORDER BY n DESC, host LIMIT ?
) AS c JOIN hosts AS h ON h.id = c.host WHERE h.lane <> '' ORDER BY c.n DESC, h.id
"""
WAITING_BY_LANE: Final = """
SELECT h.lane, sum(c.n) FROM (
  SELECT host, sum(images) AS n FROM counters WHERE status IN (0, 1) GROUP BY host HAVING n > 0 ORDER BY n DESC, host LIMIT ?
) AS c JOIN hosts AS h ON h.id = c.host WHERE h.lane <> '' GROUP BY h.lane
"""
LAST_WAITING: Final = "SELECT coalesce(max(id), 0) FROM images INDEXED BY images_due WHERE host = ? AND due = 0"


def lane_loads(connection: sqlite3.Connection, after: str, limit: int) -> list[LaneLoad]:
    """See `Reader.lane_loads`."""
    return _values(connection, connection.execute(LOADS, (after, limit)).fetchall())


def loads_of(connection: sqlite3.Connection, lanes: Sequence[str]) -> list[LaneLoad]:
    """See `Reader.loads_of`."""
    return _values(connection, connection.execute(LOADS_OF, (json.dumps(list(lanes)),)).fetchall())


def _values(connection: sqlite3.Connection, rows: list[tuple[str, int, int, int, int, int]]) -> list[LaneLoad]:
    known = load_lanes(connection, [row[0] for row in rows])
    return [
        LaneLoad(lane, hosts, waiting, saved, size_bytes, manifests, known.get(lane))
        for lane, hosts, waiting, saved, size_bytes, manifests in rows
    ]


def largest_waiting(connection: sqlite3.Connection, limit: int) -> list[HostDue]:
    """See `Reader.largest_waiting`."""
    return [HostDue(*row) for row in connection.execute(LARGEST_WAITING, (limit,))]


def last_waiting(connection: sqlite3.Connection, host_id: int) -> int:
    """See `Reader.last_waiting`."""
    return int(connection.execute(LAST_WAITING, (host_id,)).fetchone()[0])


def sampled_hosts(connection: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, int, int, int]]:
    """See `Reader.sampled_hosts`."""
    return connection.execute(SAMPLED, (after, limit)).fetchall()


def waiting_by_lane(connection: sqlite3.Connection, limit: int) -> dict[str, int]:
    """See `Reader.waiting_by_lane`."""
    return dict(connection.execute(WAITING_BY_LANE, (limit,)))
