"""A small copy of what `status` needs, for readers that cannot open a database held exclusively.

Figures, hosts, lanes, runs, sources and settings; no images, so it stays small at any size of the collection.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from asyncdl.store.connection import snapshot_path
from asyncdl.store.schema import migrate, migrations

_TABLES: Final = (
    "meta",
    "sources",
    "hosts",
    "counters",
    "record_counters",
    "manifest_counters",
    "runs",
    "lane_orders",
    "lane_spent",
    "host_lanes",
)
_LANES: Final = """
SELECT lane, pause_until_ms, pause_reason, incidents, last_incident_ms, down_since_ms, given_up_ms,
  NULL, robots_fetched_ms, rate_per_second, connections, held, note, learnt_rate, learnt_connections, learnt_ms, banned_since_ms, ban_probes FROM lanes
"""


def write_snapshot(connection: sqlite3.Connection, database: Path) -> Path:
    """See `Store.snapshot`. `connection` is only read, in one state."""
    path = snapshot_path(database)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    copy = sqlite3.connect(unfinished, isolation_level=None)
    try:
        copy.execute("PRAGMA journal_mode = OFF")  # it has no name yet: a crash leaves nothing behind that counts
        copy.execute("PRAGMA synchronous = OFF")
        migrate(copy, migrations())
        copy.execute("BEGIN")
        for table in _TABLES:
            _copy_rows(connection.execute(f"SELECT * FROM {table}"), copy, table)  # noqa: S608  own names
        _copy_rows(connection.execute(_LANES), copy, "lanes")
        copy.execute("COMMIT")
    finally:
        copy.close()
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
    return path


def _copy_rows(rows: sqlite3.Cursor, copy: sqlite3.Connection, table: str) -> None:
    marks = ", ".join("?" * len(rows.description))
    copy.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  own names
