"""Pages of rows for upkeep: which to try again, which files to compare with the disk, where images stand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from asyncdl.errors import error_type, error_type_of_code
from asyncdl.model import FileRole, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store.interning import id_list
from asyncdl.store.records import external_id_of
from asyncdl.store.rows import ImageState, RetryFilter, RetryPage, StoredFile

_MAX_LOOKED_AT: Final = 100_000

_STATE_COLUMNS: Final = "i.id, i.record, r.external_id, i.number, h.name, i.status, i.due, i.attempts, i.candidate, i.error"
_STATES: Final = f"""
SELECT {_STATE_COLUMNS} FROM json_each(?) AS wanted CROSS JOIN images AS i ON i.id = wanted.value
CROSS JOIN records AS r ON r.id = i.record CROSS JOIN hosts AS h ON h.id = i.host
"""  # noqa: S608  own columns
STATES_OF_RECORD: Final = f"""
SELECT {_STATE_COLUMNS} FROM images AS i CROSS JOIN records AS r ON r.id = i.record CROSS JOIN hosts AS h ON h.id = i.host
WHERE i.record = ? ORDER BY i.number
"""  # noqa: S608  own columns
_FILE_COLUMNS: Final = "f.id, f.image, i.record, r.external_id, i.number, f.role, f.path, f.size_bytes, f.sha256, f.media_type, f.width, f.height, f.created_ms, f.recipe"
_FILES_PAGE: Final = f"""
SELECT {_FILE_COLUMNS} FROM files AS f CROSS JOIN images AS i ON i.id = f.image CROSS JOIN records AS r ON r.id = i.record
WHERE f.id > ? ORDER BY f.id LIMIT ?
"""  # noqa: S608  own columns
_FILES_OF: Final = f"""
SELECT {_FILE_COLUMNS} FROM json_each(?) AS wanted CROSS JOIN files AS f ON f.image = wanted.value
CROSS JOIN images AS i ON i.id = f.image CROSS JOIN records AS r ON r.id = i.record ORDER BY f.image, f.id
"""  # noqa: S608  own columns

# NULL in place of a list means any; what is gone is meant only when that is said. The same words select images and manifests; only the table differs.
_FILTER: Final = """
AND w.status IN (SELECT value FROM json_each(:statuses))
AND (:errors IS NULL OR w.error IN (SELECT value FROM json_each(:errors)))
AND (:hosts IS NULL OR w.host IN (SELECT h.id FROM json_each(:hosts) AS n JOIN hosts AS h ON h.name = n.value OR h.lane = n.value))
AND (:gone_too OR (coalesce(w.error, -1) <> :withdrawn AND NOT (:kind = 0 AND EXISTS (SELECT 1 FROM gone AS g WHERE g.image = w.id))))
AND (:since IS NULL OR EXISTS (SELECT 1 FROM failures AS f WHERE f.kind = :kind AND f.work_id = w.id AND f.at_ms >= :since))
ORDER BY w.id LIMIT :limit
"""
_RETRY: Final = {
    WorkKind.IMAGE: f"SELECT w.id FROM images AS w WHERE w.id > :after AND w.id <= :up_to {_FILTER}",  # noqa: S608  own words
    WorkKind.MANIFEST: f"SELECT w.id FROM manifests AS w WHERE w.id > :after AND w.id <= :up_to {_FILTER}",  # noqa: S608  own words
}
_LAST: Final = {
    WorkKind.IMAGE: "SELECT coalesce(max(id), 0) FROM images",
    WorkKind.MANIFEST: "SELECT coalesce(max(id), 0) FROM manifests",
}
_WITHDRAWN: Final = error_type("withdrawn")
_KIND_CODES: Final = {WorkKind.IMAGE: 0, WorkKind.MANIFEST: 1}


def image_states(connection: sqlite3.Connection, images: Sequence[int]) -> dict[int, ImageState]:
    """See `Reader.image_states`."""
    return {row[0]: image_state(row) for row in connection.execute(_STATES, (id_list(images),))}


def image_state(row: Sequence[Any]) -> ImageState:
    """The value of a row of `STATES_OF_RECORD`."""
    image, record, text, number, host, status, due, attempts, candidate, error = row
    return ImageState(
        id=image,
        external_id=external_id_of(record, text),
        number=number,
        host=host,
        status=ImageStatus(status),
        due_ms=due,
        attempts=attempts,
        candidate=candidate,
        error=None if error is None else error_type_of_code(error).name,
    )


def select_for_retry(connection: sqlite3.Connection, wanted: RetryFilter, after_id: int, limit: int) -> RetryPage:
    """See `Reader.select_for_retry`."""
    last = connection.execute(_LAST[wanted.kind]).fetchone()[0]
    up_to = min(after_id + _MAX_LOOKED_AT, last)
    parameters = {
        "after": after_id,
        "up_to": up_to,
        "limit": limit,
        "kind": _KIND_CODES[wanted.kind],
        "since": wanted.since_ms,
        "gone_too": _WITHDRAWN.name in wanted.error_types,
        "withdrawn": _WITHDRAWN.code,
        "statuses": id_list(sorted(wanted.statuses)),
        "errors": id_list(sorted(error_type(name).code for name in wanted.error_types)) if wanted.error_types else None,
        "hosts": json.dumps(sorted(wanted.hosts)) if wanted.hosts else None,
    }
    ids = tuple(row[0] for row in connection.execute(_RETRY[wanted.kind], parameters))
    if len(ids) == limit:
        return RetryPage(ids, ids[-1])
    return RetryPage(ids, up_to if up_to < last else None)


def files_page(connection: sqlite3.Connection, after_id: int, limit: int) -> list[StoredFile]:
    """See `Reader.files_page`."""
    return [_stored_file(row) for row in connection.execute(_FILES_PAGE, (after_id, limit))]


def files_of(connection: sqlite3.Connection, images: Sequence[int]) -> list[StoredFile]:
    """See `Reader.files_of`."""
    return [_stored_file(row) for row in connection.execute(_FILES_OF, (id_list(images),))]


def _stored_file(row: Sequence[Any]) -> StoredFile:
    file, image, record, text, number, role, *rest = row
    return StoredFile(file, image, external_id_of(record, text), number, FileRole(role), *rest)
