"""What is due: hosts with work, pages of a host's rows in the order of their due times, the next due time.

Every statement goes down an index; none looks at more rows than it returns (one look per host for the two
that list hosts). `tests/store` holds the plans.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from asyncdl.errors import error_type_of_code
from asyncdl.limits import Stop
from asyncdl.model import Candidate, CandidateKind, HostDue, Work, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store.interning import id_list
from asyncdl.store.records import external_id_of

# A loose scan: from each host the index is asked for the next one, so the cost is per host, not per row.
HOSTS_DUE: Final = """
WITH RECURSIVE
  of_images(host) AS (
    SELECT min(host) FROM images INDEXED BY images_due WHERE due IS NOT NULL AND host > :after
    UNION ALL
    SELECT (SELECT min(host) FROM images INDEXED BY images_due WHERE due IS NOT NULL AND host > of_images.host)
    FROM of_images WHERE of_images.host IS NOT NULL
    LIMIT :limit
  ),
  of_manifests(host) AS (
    SELECT min(host) FROM manifests INDEXED BY manifests_due WHERE due IS NOT NULL AND host > :after
    UNION ALL
    SELECT (SELECT min(host) FROM manifests INDEXED BY manifests_due WHERE due IS NOT NULL AND host > of_manifests.host)
    FROM of_manifests WHERE of_manifests.host IS NOT NULL
    LIMIT :limit
  ),
  active(host) AS (
    SELECT host FROM of_images WHERE host IS NOT NULL UNION SELECT host FROM of_manifests WHERE host IS NOT NULL
    ORDER BY host LIMIT :limit
  )
SELECT h.id, h.name, h.lane,
  (SELECT min(due) FROM images INDEXED BY images_due WHERE host = active.host AND due IS NOT NULL),
  (SELECT min(due) FROM manifests INDEXED BY manifests_due WHERE host = active.host AND due IS NOT NULL),
  coalesce(l.given_up_ms, 0) <> 0, coalesce(l.pause_until_ms, 0), coalesce(l.held, 0), o.stop, coalesce(o.stop_until_ms, 0)
FROM active CROSS JOIN hosts AS h ON h.id = active.host LEFT JOIN lanes AS l ON l.lane = h.lane LEFT JOIN lane_orders AS o ON o.lane = h.lane
ORDER BY h.id
"""
NEXT_DUE: Final = """
WITH RECURSIVE
  of_images(host) AS (
    SELECT min(host) FROM images INDEXED BY images_due WHERE due IS NOT NULL
    UNION ALL
    SELECT (SELECT min(host) FROM images INDEXED BY images_due WHERE due IS NOT NULL AND host > of_images.host)
    FROM of_images WHERE of_images.host IS NOT NULL
  ),
  of_manifests(host) AS (
    SELECT min(host) FROM manifests INDEXED BY manifests_due WHERE due IS NOT NULL
    UNION ALL
    SELECT (SELECT min(host) FROM manifests INDEXED BY manifests_due WHERE due IS NOT NULL AND host > of_manifests.host)
    FROM of_manifests WHERE of_manifests.host IS NOT NULL
  ),
  earliest(host, due) AS (
    SELECT host, (SELECT min(due) FROM images INDEXED BY images_due WHERE host = of_images.host AND due IS NOT NULL)
    FROM of_images WHERE host IS NOT NULL
    UNION ALL
    SELECT host, (SELECT min(due) FROM manifests INDEXED BY manifests_due WHERE host = of_manifests.host AND due IS NOT NULL)
    FROM of_manifests WHERE host IS NOT NULL
  )
SELECT min(
  CASE WHEN coalesce(l.given_up_ms, 0) <> 0 THEN 0
  ELSE max(e.due, coalesce(l.pause_until_ms, 0), CASE WHEN o.stop IS NULL THEN 0 ELSE o.stop_until_ms END) END)
FROM earliest AS e CROSS JOIN hosts AS h ON h.id = e.host LEFT JOIN lanes AS l ON l.lane = h.lane LEFT JOIN lane_orders AS o ON o.lane = h.lane
WHERE coalesce(l.given_up_ms, 0) <> 0 OR (coalesce(l.held, 0) = 0 AND (o.stop IS NULL OR o.stop_until_ms > 0))
"""
# A page goes on after (due, id) in two looks: the rest of the rows due at that very time, then the later ones.
# Written as one comparison of pairs, SQLite would read again through all rows of that time, and fresh work
# is all due at 0.
_DUE_IMAGES: Final = """
SELECT i.id, i.due, h.name, h.lane, i.record, r.external_id, i.number, i.attempts, i.status, i.candidate
FROM hosts AS h CROSS JOIN images AS i INDEXED BY images_due ON i.host = h.id CROSS JOIN records AS r ON r.id = i.record
WHERE h.id = :host AND i.due IS NOT NULL AND
"""
_DUE_MANIFESTS: Final = """
SELECT i.id, i.due, h.name, h.lane, i.record, r.external_id, 0, i.attempts, i.status, 0, i.url
FROM hosts AS h CROSS JOIN manifests AS i INDEXED BY manifests_due ON i.host = h.id CROSS JOIN records AS r ON r.id = i.record
WHERE h.id = :host AND i.due IS NOT NULL AND
"""
_SAME_TIME: Final = "i.due = :due AND i.id > :id AND :due <= :before ORDER BY i.id LIMIT :limit"
_LATER: Final = "i.due > :due AND i.due <= :before ORDER BY i.due, i.id LIMIT :limit"
DUE: Final = {
    WorkKind.IMAGE: (_DUE_IMAGES + _SAME_TIME, _DUE_IMAGES + _LATER),
    WorkKind.MANIFEST: (_DUE_MANIFESTS + _SAME_TIME, _DUE_MANIFESTS + _LATER),
}
CANDIDATES: Final = """
SELECT c.image, c.position, c.url, c.kind, c.spent
FROM json_each(?) AS wanted CROSS JOIN candidates AS c ON c.image = wanted.value
ORDER BY c.image, c.position
"""


IMAGES_LEFT: Final = """
SELECT c.host, sum(c.images) FROM json_each(?) AS wanted CROSS JOIN counters AS c ON c.host = wanted.value
WHERE c.status IN (?, ?) GROUP BY c.host
"""


def images_left(connection: sqlite3.Connection, host_ids: Iterable[int]) -> dict[int, int]:
    """See `Reader.images_left`."""
    waiting = (ImageStatus.PENDING.value, ImageStatus.RETRY.value)
    return dict(connection.execute(IMAGES_LEFT, (id_list(host_ids), *waiting)).fetchall())


def hosts_due(connection: sqlite3.Connection, after_host_id: int, limit: int) -> list[HostDue]:
    """See `Reader.hosts_due`."""
    return [_host_due(*row) for row in connection.execute(HOSTS_DUE, {"after": after_host_id, "limit": limit}).fetchall()]


def _host_due(
    host: int, name: str, lane: str, images: int | None, manifests: int | None, given_up: int, pause_until_ms: int, held: int,
    stop: str | None, stop_until_ms: int,
) -> HostDue:  # fmt: skip
    stopped = None if stop is None else Stop(stop)
    if given_up:
        return HostDue(host, name, lane, 0, given_up=True, stop=stopped)
    due = min(due for due in (images, manifests) if due is not None)
    if held or (stopped and not stop_until_ms):
        return HostDue(host, name, lane, due, stop=stopped, not_before_ms=None)
    return HostDue(host, name, lane, due, stop=stopped, not_before_ms=max(pause_until_ms, stop_until_ms if stopped else 0))


def due_work(
    connection: sqlite3.Connection, host_id: int, kind: WorkKind, after: tuple[int, int], due_before_ms: int, limit: int
) -> list[Work]:
    """See `Reader.due_work`."""
    parameters = {"host": host_id, "due": after[0], "id": after[1], "before": due_before_ms}
    rows: list[tuple[Any, ...]] = []
    for statement in DUE[kind]:
        if len(rows) < limit:
            rows += connection.execute(statement, {**parameters, "limit": limit - len(rows)}).fetchall()
    if kind is WorkKind.MANIFEST:
        return [_work(kind, row, (Candidate(0, row[-1], CandidateKind.MANIFEST),)) for row in rows]
    candidates: dict[int, list[Candidate]] = {row[0]: [] for row in rows}
    for image, position, url, candidate_kind, spent in connection.execute(CANDIDATES, (id_list(candidates),)):
        cause = None if spent is None else error_type_of_code(spent).name
        candidates[image].append(Candidate(position, url, CandidateKind(candidate_kind), cause))
    return [_work(kind, row, tuple(candidates[row[0]])) for row in rows]


def next_due_ms(connection: sqlite3.Connection) -> int | None:
    """See `Reader.next_due_ms`."""
    found: int | None = connection.execute(NEXT_DUE).fetchone()[0]
    return found


def _work(kind: WorkKind, row: tuple[Any, ...], candidates: tuple[Candidate, ...]) -> Work:
    work_id, due, host, lane, record, external_id, number, attempts, status, candidate = row[:10]
    return Work(
        kind=kind,
        id=work_id,
        host=host,
        lane=lane,
        external_id=external_id_of(record, external_id),
        number=number,
        attempts=attempts,
        status=ImageStatus(status),
        candidate=candidate,
        candidates=candidates,
        due_ms=due,
    )
