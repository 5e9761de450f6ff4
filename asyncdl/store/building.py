"""A database that is being built: under another name, without the indexes that are quicker made at the end, until it is whole.

Killed at any instant it goes on: rows and cursor are committed together, an index is there or not, and the last step is a rename.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from asyncdl.wholefile import sync_folder

LATER: Final = ("records_external_id", "images_number", "images_due")
"""The indexes that are made when all rows of the first source are there, in this order: each would cost a search per row."""

_SORTER_THREADS: Final = 2
_INDEXES: Final = "SELECT name FROM sqlite_schema WHERE type = 'index'"
_DEFINITION: Final = "SELECT value FROM meta WHERE key = ?"
_DEFINITIONS: Final = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
_KEEP: Final = "INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)"
_FORGET: Final = "DELETE FROM meta WHERE key = ?"
_KEY: Final = "index {}"


def building_path(database: Path) -> Path:
    """Where a database lies until it is whole."""
    return database.with_name(f"{database.name}.building")


def without_indexes(setup: Callable[[sqlite3.Connection], None]) -> Callable[[sqlite3.Connection], None]:
    """A set-up that also puts the later indexes aside: their definitions wait in `meta`."""

    def work(connection: sqlite3.Connection) -> None:
        setup(connection)
        definitions: Mapping[str, str] = dict(connection.execute(_DEFINITIONS).fetchall())
        for name in LATER:
            connection.execute(_KEEP, (_KEY.format(name), definitions[name]))
            connection.execute(f"DROP INDEX {name}")

    return work


def missing_indexes(connection: sqlite3.Connection) -> list[str]:
    """The later indexes that are not there yet."""
    there = {name for (name,) in connection.execute(_INDEXES)}
    return [name for name in LATER if name not in there]


def make_index(connection: sqlite3.Connection, name: str) -> None:
    """Make one of the later indexes."""
    (definition,) = connection.execute(_DEFINITION, (_KEY.format(name),)).fetchone()
    connection.execute(definition)
    connection.execute(_FORGET, (_KEY.format(name),))


def use_threads(connection: sqlite3.Connection, scratch: Path) -> None:
    """Let the sorter of an index use a second core, and `scratch` when memory does not suffice (`/tmp` is tiny on cluster nodes)."""
    connection.execute(f"PRAGMA threads = {_SORTER_THREADS:d}")
    connection.execute("PRAGMA temp_store = FILE")
    folder = str(scratch).replace("'", "''")
    connection.execute(f"PRAGMA temp_store_directory = '{folder}'")


def take_place(building: Path, database: Path) -> None:
    """Give a whole database its name, durably."""
    descriptor = os.open(building, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for log in ("-wal", "-shm"):
        Path(f"{building}{log}").unlink(missing_ok=True)  # folded into the database when it was closed
    building.rename(database)
    sync_folder(database.parent)
