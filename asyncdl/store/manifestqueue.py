"""Which manifests wait for their turn: all of them, or only those that an image waits for.

A manifest that sleeps has no due time; an image that turns to it wakes it (`waiting`). Manifests are loaded awake, and only
`when_needed` puts them to sleep: that it did is pinned, so that a start looks for sleepers only where there can be any.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from asyncdl.store.sources import get_meta, set_all_meta

_SLEEPERS: Final = "manifests_sleep"
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
    if not when_needed and get_meta(connection, _SLEEPERS) != "yes":
        return 0
    set_all_meta(connection, {_SLEEPERS: "yes" if when_needed else "no"})
    return connection.execute(_REST if when_needed else _WAKE_ALL).rowcount
