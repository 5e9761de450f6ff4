"""Which manifests wait for their turn: all of them, or only those that an image waits for.

A manifest that sleeps has no due time; an image that turns to it wakes it (`waiting`).
"""

from __future__ import annotations

import sqlite3
from typing import Final

_WAKE_ALL: Final = "UPDATE manifests SET due = 0 WHERE status = 0 AND due IS NULL"
# A manifest that was asked for already keeps its turn: what was begun is ended.
_REST: Final = """
UPDATE manifests SET due = NULL WHERE status = 0 AND due IS NOT NULL AND attempts = 0 AND NOT EXISTS (
  SELECT 1 FROM images AS i JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate
  WHERE i.record = manifests.record AND i.status = 0 AND i.due IS NULL AND c.kind = 1
    AND (c.url = manifests.url OR i.key_hash = manifests.key_hash))
"""


def expand_manifests(connection: sqlite3.Connection, when_needed: bool) -> int:
    """See `Store.expand_manifests`."""
    return connection.execute(_REST if when_needed else _WAKE_ALL).rowcount
