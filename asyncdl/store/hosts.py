"""Which hosts there are, in which lane each stands, and which people put elsewhere."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from asyncdl.lane_records import LaneRecord
from asyncdl.store.interning import storable
from asyncdl.store.lanes import load_lanes, save_lanes

_LANE_OF: Final = """
SELECT lane FROM hosts WHERE name = ?1
UNION ALL SELECT lane FROM hosts WHERE lane = ?1
UNION ALL SELECT lane FROM lanes WHERE lane = ?1
UNION ALL SELECT lane FROM lane_orders WHERE lane = ?1
LIMIT 1
"""
_JOINED: Final = "SELECT host, lane FROM host_lanes ORDER BY host"
_JOIN: Final = "INSERT OR REPLACE INTO host_lanes(host, lane, note) VALUES (?, ?, ?)"
_UNSETTLED: Final = """
SELECT h.id, h.name, h.lane, m.lane FROM host_lanes AS m JOIN hosts AS h ON h.name = m.host WHERE h.lane <> m.lane ORDER BY h.id
"""
_SETTLE: Final = "UPDATE hosts SET lane = ? WHERE id = ?"
_SETTLE_ROBOTS: Final = "UPDATE robots SET lane = ?1 WHERE authority IN ('http://' || ?2, 'https://' || ?2)"
_OF_LANE: Final = "SELECT name FROM hosts WHERE lane = ? ORDER BY name LIMIT ?"
_LANES_OF: Final = "SELECT h.name, h.lane FROM json_each(?) AS wanted JOIN hosts AS h ON h.name = wanted.value"
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


def lanes_of_hosts(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, LaneRecord]:
    """See `Reader.lanes_of_hosts`."""
    lanes = dict(connection.execute(_LANES_OF, (json.dumps(list(names)),)).fetchall())
    known = load_lanes(connection, sorted(set(lanes.values())))
    return {host: known[lane] for host, lane in lanes.items() if lane in known}


def joined_hosts(connection: sqlite3.Connection) -> dict[str, str]:
    """See `Reader.joined_hosts`."""
    return dict(connection.execute(_JOINED).fetchall())


def join_hosts(connection: sqlite3.Connection, lanes: Mapping[str, str], note: str) -> None:
    """See `Store.join_hosts`."""
    connection.executemany(_JOIN, [(storable(host), storable(lane), storable(note)) for host, lane in lanes.items()])


def settle_lanes(connection: sqlite3.Connection) -> int:
    """See `Store.settle_lanes`."""
    moved = connection.execute(_UNSETTLED).fetchall()
    for host, name, before, after in moved:
        connection.execute(_SETTLE, (after, host))
        connection.execute(_SETTLE_ROBOTS, (after, name))  # they are found by lane, and asked for once a day
        known = load_lanes(connection, (before, after))
        if before in known:
            save_lanes(connection, [_both(known.get(after, LaneRecord(after)), known[before])])
    return len(moved)


def _both(lane: LaneRecord, other: LaneRecord) -> LaneRecord:
    """A lane that takes up a host of another: whatever asked to be left alone is left alone, and what was spent there counts here."""
    spent = {
        name: tuple(sorted((*(lane.spent or {}).get(name, ()), *(other.spent or {}).get(name, ()))))
        for name in {**(lane.spent or {}), **(other.spent or {})}
    }
    longer = other if other.pause_until_ms > lane.pause_until_ms else lane
    return replace(
        lane,
        pause_until_ms=longer.pause_until_ms,
        pause_reason=longer.pause_reason,
        held=lane.held or other.held,
        note=lane.note or other.note,
        spent=spent or None,
    )


def hosts_of_lane(connection: sqlite3.Connection, lane: str, limit: int) -> list[str]:
    """See `Reader.hosts_of_lane`."""
    return [row[0] for row in connection.execute(_OF_LANE, (storable(lane), limit))]


def hosts_containing(connection: sqlite3.Connection, text: str, limit: int) -> list[str]:
    """See `Reader.hosts_containing`."""
    return [row[0] for row in connection.execute(_CONTAINING, (storable(text), limit))]
