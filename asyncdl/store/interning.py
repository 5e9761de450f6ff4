"""Texts that are stored once and named by a row number: hosts, pages of servers.

Nothing is cached between calls, so memory does not grow with the number of hosts; a batch asks once.
New names get their rows in alphabetical order: the same input makes the same database.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from asyncdl.urls import lane_of

_INSERT_HOST: Final = "INSERT INTO hosts(name, lane) VALUES (?, ?) ON CONFLICT(name) DO NOTHING"
_JOINED_BY_NAME: Final = "SELECT host, lane FROM host_lanes WHERE host IN (SELECT value FROM json_each(?))"
_HOSTS_BY_NAME: Final = "SELECT h.name, h.id FROM json_each(?) AS wanted JOIN hosts AS h ON h.name = wanted.value"
_HOSTS_BY_ID: Final = "SELECT h.id, h.name FROM json_each(?) AS wanted JOIN hosts AS h ON h.id = wanted.value"
_COUNT_PAGE: Final = """
INSERT INTO texts(digest, n, text) VALUES (?, ?, ?)
ON CONFLICT(digest) DO UPDATE SET n = n + excluded.n RETURNING id
"""
_PAGE_DIGEST_BYTES: Final = 16


def id_list(ids: Iterable[int]) -> str:
    """Row numbers as the JSON array that `json_each` reads: one parameter for any number of them."""
    return json.dumps(list(ids))


def storable(text: str) -> str:
    """Make a text one that SQLite can hold: a lone surrogate from outside becomes `?`, a NUL U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def host_ids(connection: sqlite3.Connection, names: Collection[str]) -> dict[str, int]:
    """The rows of hosts, made where they are new, with the lane each belongs to."""
    wanted = json.dumps(list(names))
    found = dict(connection.execute(_HOSTS_BY_NAME, (wanted,)).fetchall())
    new = sorted(name for name in names if name not in found)
    if new:
        joined = dict(connection.execute(_JOINED_BY_NAME, (json.dumps(new),)).fetchall())
        connection.executemany(_INSERT_HOST, [(name, joined.get(name) or lane_of(name)) for name in new])
        found = dict(connection.execute(_HOSTS_BY_NAME, (wanted,)).fetchall())
    return found


def host_names(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, str]:
    """The names of host rows."""
    return dict(connection.execute(_HOSTS_BY_ID, (id_list(ids),)).fetchall())


def page_ids(connection: sqlite3.Connection, pages: Sequence[str]) -> dict[str, int]:
    """The rows of page texts, each counted as often as it stands in `pages`; the empty text has none."""
    found = {}
    for page, times in Counter(pages).items():
        if page:
            digest = hashlib.blake2b(page.encode(), digest_size=_PAGE_DIGEST_BYTES).digest()
            found[page] = int(connection.execute(_COUNT_PAGE, (digest, times, page)).fetchone()[0])
    return found
