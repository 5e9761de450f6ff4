"""What was asked of some hosts and what they answered, by windows of rows: files and manifests that came, requests that failed, robots.txt.

No index leads from a host to its files; each table is read through once, so many rows at a time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from asyncdl.errors import error_type_of_code
from asyncdl.store.histories import HostAnswer, HostLogPage
from asyncdl.store.interning import storable

WINDOW_ROWS: Final = 50_000

_HOSTS: Final = "SELECT id, name FROM hosts WHERE name = ?1 OR lane = ?1"
_LAST: Final = {
    "files": "SELECT coalesce(max(id), 0) FROM files",
    "failures": "SELECT coalesce(max(id), 0) FROM failures",
    "manifests": "SELECT coalesce(max(id), 0) FROM manifests",
}
_ROWS: Final = {
    # An image's link is told by its candidate; a file of another host may have come from here by a redirect.
    "files": """
SELECT coalesce(f.asked_ms, f.created_ms), 'image', c.url, 200, f.size_bytes, f.took_ms, f.media_type, NULL, NULL, coalesce(f.final_url, ''), ''
FROM files AS f CROSS JOIN images AS i ON i.id = f.image JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate
WHERE f.id > :after AND f.id <= :up_to AND f.role = 'original' AND f.recipe IS NULL
  AND (i.host IN (SELECT value FROM json_each(:hosts)) OR f.final_url IS NOT NULL) ORDER BY f.id
""",
    "failures": """
SELECT f.at_ms - coalesce(f.took_ms, 0), CASE f.kind WHEN 0 THEN 'image' ELSE 'manifest' END, f.url, f.http_status, NULL, f.took_ms, f.media_type,
  f.error, f.attempt, '', f.detail
FROM failures AS f WHERE f.id > :after AND f.id <= :up_to AND f.host IN (SELECT value FROM json_each(:hosts)) ORDER BY f.id
""",
    "manifests": """
SELECT m.expanded_ms, 'manifest', m.url, 200, NULL, NULL, '', NULL, m.attempts, '', ''
FROM manifests AS m WHERE m.id > :after AND m.id <= :up_to AND m.status = 2 AND m.expanded_ms > 0 AND m.host IN (SELECT value FROM json_each(:hosts))
ORDER BY m.id
""",
}
TABLES: Final = tuple(_ROWS)
_ROBOTS: Final = """
SELECT r.fetched_ms, 'robots.txt', r.authority || '/robots.txt', r.status, NULL, NULL, '', NULL, NULL, '', ''
FROM robots AS r WHERE r.lane IN (SELECT lane FROM hosts WHERE id IN (SELECT value FROM json_each(?))) ORDER BY r.authority
"""


def hosts_named(connection: sqlite3.Connection, name: str) -> dict[int, str]:
    """See `Reader.hosts_named`."""
    return dict(connection.execute(_HOSTS, (storable(name),)))


def host_log(connection: sqlite3.Connection, table: str, hosts: Sequence[int], after_id: int) -> HostLogPage:
    """See `Reader.host_log`."""
    last = connection.execute(_LAST[table]).fetchone()[0]
    up_to = min(after_id + WINDOW_ROWS, last)
    parameters = {"after": after_id, "up_to": up_to, "hosts": json.dumps(list(hosts))}
    rows = tuple(_answer(*row) for row in connection.execute(_ROWS[table], parameters))
    return HostLogPage(rows, up_to if up_to < last else None)


def robots_log(connection: sqlite3.Connection, hosts: Sequence[int]) -> list[HostAnswer]:
    """See `Reader.robots_log`."""
    return [_answer(*row) for row in connection.execute(_ROBOTS, (json.dumps(list(hosts)),))]


def _answer(
    at_ms: int, kind: str, url: str, status: int | None, size_bytes: int | None, took_ms: int | None, media_type: str,
    error: int | None, attempt: int | None, final_url: str, detail: str,
) -> HostAnswer:  # fmt: skip
    name = None if error is None else error_type_of_code(error).name
    return HostAnswer(at_ms, kind, url, status, size_bytes, took_ms, media_type, name, attempt, final_url, detail)
