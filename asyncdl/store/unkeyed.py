"""Images whose only link was not looked at when they were loaded (`BulkBatch`): their keys, ranks and kinds, found when something asks.

A key hash of 0 says so. A first load of a hundred million rows leaves nine images in ten like that; what meets another row later, an addition
or a manifest, is looked at then, once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from asyncdl.store.interning import id_list
from asyncdl.urls import key_hash, resolve

NOT_LOOKED_UP: Final = 0

_UNKEYED: Final = """
SELECT i.id, c.position, c.url
FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.record = wanted.value CROSS JOIN candidates AS c ON c.image = i.id
WHERE i.key_hash = 0
"""
_SET_KEY: Final = "UPDATE images SET key_hash = ? WHERE id = ?"
_SET_RANK: Final = "UPDATE candidates SET rank = ?, kind = ? WHERE image = ? AND position = ?"


def look_up_keys(connection: sqlite3.Connection, records: Iterable[int]) -> None:
    """Give every image of these records its key."""
    found = connection.execute(_UNKEYED, (id_list(records),)).fetchall()
    if not found:
        return
    links = [(image, position, resolve(url)) for image, position, url in found]
    connection.executemany(_SET_KEY, [(key_hash(link.key), image) for image, _, link in links])
    connection.executemany(_SET_RANK, [(link.rank, int(link.kind), image, position) for image, position, link in links])
