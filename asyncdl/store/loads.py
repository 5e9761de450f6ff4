"""What each lane has waiting and has given, by pages of lanes: the cost is per host and per manifest due, never per image."""

from __future__ import annotations

import sqlite3
from typing import Final

from asyncdl.model import LaneLoad
from asyncdl.store.lanes import load_lanes

# Hosts come in the order of their lanes from an index, so a page ends where its last lane does.
LOADS: Final = """
SELECT h.lane, count(*),
  sum((SELECT coalesce(sum(c.images), 0) FROM counters AS c WHERE c.host = h.id AND c.status IN (0, 1))),
  sum((SELECT coalesce(sum(c.images), 0) FROM counters AS c WHERE c.host = h.id AND c.status = 2)),
  sum((SELECT coalesce(sum(c.bytes), 0) FROM counters AS c WHERE c.host = h.id AND c.status = 2)),
  sum((SELECT count(*) FROM manifests AS m INDEXED BY manifests_due WHERE m.host = h.id AND m.due IS NOT NULL))
FROM hosts AS h INDEXED BY hosts_lane WHERE h.lane > ? GROUP BY h.lane ORDER BY h.lane LIMIT ?
"""


def lane_loads(connection: sqlite3.Connection, after: str, limit: int) -> list[LaneLoad]:
    """See `Reader.lane_loads`."""
    rows = connection.execute(LOADS, (after, limit)).fetchall()
    known = load_lanes(connection, [row[0] for row in rows])
    return [
        LaneLoad(lane, hosts, waiting, saved, size_bytes, manifests, known.get(lane))
        for lane, hosts, waiting, saved, size_bytes, manifests in rows
    ]
