"""Whether the database file itself is sound: SQLite's own checks of its pages, indexes and references."""

from __future__ import annotations

import sqlite3
from typing import Final

_FOREIGN_KEYS: Final = 'SELECT "table", rowid, parent FROM pragma_foreign_key_check LIMIT ?'
_SOUND: Final = "ok"


def integrity_problems(connection: sqlite3.Connection, limit: int) -> list[str]:
    """See `Reader.integrity_problems`."""
    found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({limit:d})")]
    problems = [] if found == [_SOUND] else found
    for table, row, parent in connection.execute(_FOREIGN_KEYS, (limit - len(problems),) if limit > len(problems) else (0,)):
        problems.append(f"row {row} of {table} refers to nothing in {parent}")
    return problems
