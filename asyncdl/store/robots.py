"""What robots.txt files said, per authority, kept between runs: a bounded number, the oldest dropped first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from asyncdl.lane_records import RobotsRecord
from asyncdl.store.interning import storable

MAX_STORED_ROBOTS: Final = 20_000
MAX_STORED_ROBOTS_CHARACTERS: Final = 65_536
"""A longer file is not kept: the next run asks for it again."""

MAX_ROBOTS_PER_LANE: Final = 64
"""Authorities of one lane that are looked up; a lane of numbered names may have thousands."""

_COLUMNS: Final = "authority, lane, status, fetched_ms, since_ms, text"
_SAVE: Final = f"INSERT OR REPLACE INTO robots({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608  own columns
_OF_LANE: Final = f"SELECT {_COLUMNS} FROM robots WHERE lane = ? ORDER BY fetched_ms DESC LIMIT ?"  # noqa: S608  own columns
_DROP_OLDEST: Final = "DELETE FROM robots WHERE fetched_ms <= (SELECT fetched_ms FROM robots INDEXED BY robots_fetched ORDER BY fetched_ms DESC LIMIT 1 OFFSET ?)"


def load_robots(connection: sqlite3.Connection, lanes: Sequence[str]) -> list[RobotsRecord]:
    """See `Reader.load_robots`."""
    return [RobotsRecord(*row) for lane in lanes for row in connection.execute(_OF_LANE, (lane, MAX_ROBOTS_PER_LANE))]


def save_robots(connection: sqlite3.Connection, records: Sequence[RobotsRecord]) -> None:
    """Keep these in the place of what their authorities said before."""
    if not records:
        return
    connection.executemany(
        _SAVE,
        [
            (row.authority, row.lane, row.status, row.fetched_ms, row.since_ms, storable(row.text))
            for row in records
            if len(row.text) <= MAX_STORED_ROBOTS_CHARACTERS
        ],
    )
    too_long = [row.authority for row in records if len(row.text) > MAX_STORED_ROBOTS_CHARACTERS]
    if too_long:
        connection.execute("DELETE FROM robots WHERE authority IN (SELECT value FROM json_each(?))", (json.dumps(too_long),))
    connection.execute(_DROP_OLDEST, (MAX_STORED_ROBOTS,))
