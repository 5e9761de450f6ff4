"""Which hosts there are, and in which lane each stands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from asyncdl.store.interning import storable

_LANE_OF: Final = """
SELECT lane FROM hosts WHERE name = ?1
UNION ALL SELECT lane FROM hosts WHERE lane = ?1
UNION ALL SELECT lane FROM lanes WHERE lane = ?1
UNION ALL SELECT lane FROM lane_orders WHERE lane = ?1
LIMIT 1
"""
_OF_LANE: Final = "SELECT name FROM hosts WHERE lane = ? ORDER BY name LIMIT ?"
_CONTAINING: Final = "SELECT name FROM hosts WHERE instr(name, ?) > 0 LIMIT ?"
_WITH_WORK: Final = """
SELECT DISTINCT h.lane FROM json_each(?) AS wanted JOIN hosts AS h ON h.lane = wanted.value
WHERE EXISTS (SELECT 1 FROM images INDEXED BY images_due WHERE host = h.id AND due IS NOT NULL) ORDER BY h.lane
"""


def lanes_with_work(connection: sqlite3.Connection, lanes: Sequence[str]) -> list[str]:
    """See `Reader.lanes_with_work`."""
    return [row[0] for row in connection.execute(_WITH_WORK, (json.dumps(list(lanes)),))]


def lane_of_host(connection: sqlite3.Connection, name: str) -> str | None:
    """See `Reader.lane_of_host`."""
    found = connection.execute(_LANE_OF, (storable(name),)).fetchone()
    return None if found is None else str(found[0])


def hosts_of_lane(connection: sqlite3.Connection, lane: str, limit: int) -> list[str]:
    """See `Reader.hosts_of_lane`."""
    return [row[0] for row in connection.execute(_OF_LANE, (storable(lane), limit))]


def hosts_containing(connection: sqlite3.Connection, text: str, limit: int) -> list[str]:
    """See `Reader.hosts_containing`."""
    return [row[0] for row in connection.execute(_CONTAINING, (storable(text), limit))]
