"""What is remembered of lanes between runs, one row per lane that has anything to remember."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from asyncdl.model import LaneRecord, LearntPace
from asyncdl.store.interning import storable

COLUMNS: Final = (
    "lane, pause_until_ms, pause_reason, incidents, last_incident_ms, down_since_ms, given_up_ms, "
    "robots_text, robots_fetched_ms, rate_per_second, connections, held, note, learnt_rate, learnt_connections, learnt_ms, banned_since_ms, ban_probes"
)
_SAVE: Final = f"INSERT OR REPLACE INTO lanes({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  own columns
_BY_NAME: Final = f"SELECT {COLUMNS} FROM lanes WHERE lane IN (SELECT value FROM json_each(?))"  # noqa: S608  own columns
_PAGE: Final = f"SELECT {COLUMNS} FROM lanes WHERE lane > ? ORDER BY lane LIMIT ?"  # noqa: S608  own columns


def load_lanes(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, LaneRecord]:
    """See `Reader.load_lanes`."""
    return {row[0]: lane_record(row) for row in connection.execute(_BY_NAME, (json.dumps(list(names)),))}


def lanes_page(connection: sqlite3.Connection, after: str, limit: int) -> list[LaneRecord]:
    """See `Reader.lanes_page`."""
    return [lane_record(row) for row in connection.execute(_PAGE, (after, limit))]


def save_lanes(connection: sqlite3.Connection, records: Sequence[LaneRecord]) -> None:
    """Remember lanes as they are now."""
    connection.executemany(
        _SAVE,
        [
            (
                lane.lane,
                lane.pause_until_ms,
                storable(lane.pause_reason),
                lane.incidents,
                lane.last_incident_ms,
                lane.down_since_ms,
                lane.given_up_ms,
                None if lane.robots_text is None else storable(lane.robots_text),
                lane.robots_fetched_ms,
                lane.rate_per_second,
                lane.connections,
                int(lane.held),
                storable(lane.note),
                *(lane.learnt or (None, None, None)),
                lane.banned_since_ms,
                lane.ban_probes,
            )
            for lane in records
        ],
    )


def lane_record(row: Sequence[Any]) -> LaneRecord:
    """The value of a row with `COLUMNS`."""
    *known, held, note, rate, connections, at_ms, banned_since_ms, ban_probes = row
    learnt = None if rate is None else LearntPace(rate, connections, at_ms)
    return replace(
        LaneRecord(*known), held=bool(held), note=note, learnt=learnt, banned_since_ms=banned_since_ms, ban_probes=ban_probes
    )
