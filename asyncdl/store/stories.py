"""Everything known of one record or one host, gathered for a person who asks why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from asyncdl.errors import error_type_of_code
from asyncdl.status import ImageStatus, RecordStatus
from asyncdl.store.figures import errors_of_host, host_counts
from asyncdl.store.histories import HostStory, ImageStory, ManifestStory, RecordRow, RecordStory, StoredCandidate, StoredFailure
from asyncdl.store.interning import id_list, storable
from asyncdl.store.records import FIRST_TEXT_ROW, external_id_of, text_id
from asyncdl.store.robots import load_robots
from asyncdl.store.selection import STATES_OF_RECORD, files_of, image_state
from asyncdl.urls import key_hash, resolve

_MAX_FAILURES_OF_HOST: Final = 20
_MAX_FAILURES_LOOKED_AT: Final = 50_000

_RECORD_COLUMNS: Final = "r.id, r.external_id, r.images, r.successes, r.open_images, r.status, r.completed_ms"
_RECORD: Final = f"SELECT {_RECORD_COLUMNS} FROM records AS r WHERE r.id = ?"  # noqa: S608  own columns
_RECORDS: Final = f"SELECT {_RECORD_COLUMNS} FROM json_each(?) AS w CROSS JOIN records AS r ON r.id = w.value"  # noqa: S608  own columns
_RECORD_OF_TEXT: Final = f"SELECT {_RECORD_COLUMNS} FROM records AS r WHERE r.external_id = ?"  # noqa: S608  own columns
# No index serves these three: they read through a table once, which a person who asks for a URL can wait for.
_BY_KEY: Final = "SELECT record FROM images WHERE key_hash = ?1 UNION SELECT record FROM manifests WHERE key_hash = ?1 LIMIT ?2"
_BY_CANDIDATE: Final = (
    "SELECT DISTINCT i.record FROM candidates AS c CROSS JOIN images AS i ON i.id = c.image WHERE c.url = ? LIMIT ?"
)
_BY_MANIFEST: Final = "SELECT DISTINCT record FROM manifests WHERE url = ? LIMIT ?"
_CANDIDATES: Final = "SELECT position, url, rank, kind, spent FROM candidates WHERE image = ? ORDER BY position"
_GONE: Final = "SELECT source FROM gone WHERE image = ?"
_FAILURE_COLUMNS: Final = "f.at_ms, f.error, f.attempt, h.name, f.url, f.detail, f.http_status, f.media_type, f.final_url, coalesce(t.text, ''), coalesce(t.n, 0)"
_FAILURES: Final = f"""
SELECT {_FAILURE_COLUMNS} FROM failures AS f JOIN hosts AS h ON h.id = f.host LEFT JOIN texts AS t ON t.id = f.page
WHERE f.kind = ? AND f.work_id = ? ORDER BY f.id
"""  # noqa: S608  own columns
_FAILURES_OF_HOST: Final = f"""
SELECT {_FAILURE_COLUMNS} FROM failures AS f JOIN hosts AS h ON h.id = f.host LEFT JOIN texts AS t ON t.id = f.page
WHERE f.id > (SELECT max(id) FROM failures) - {_MAX_FAILURES_LOOKED_AT} AND f.host = ? ORDER BY f.id DESC LIMIT {_MAX_FAILURES_OF_HOST}
"""  # noqa: S608  own columns
_MANIFESTS: Final = """
SELECT m.id, m.url, h.name, m.status, m.due, m.attempts, m.error, m.canvases, m.expanded_ms
FROM manifests AS m JOIN hosts AS h ON h.id = m.host WHERE m.record = ? ORDER BY m.id
"""
_HOST: Final = "SELECT id, name, lane FROM hosts WHERE name = ?"
_IMAGE, _MANIFEST = 0, 1


def find_records(connection: sqlite3.Connection, external_id: int | str) -> list[RecordRow]:
    """See `Reader.find_records`."""
    text = text_id(external_id)
    found = [] if text is None else connection.execute(_RECORD_OF_TEXT, (text,)).fetchall()
    if (
        str(external_id).isdecimal()
        and str(external_id).isascii()
        and len(str(external_id)) < 20
        and int(external_id) < FIRST_TEXT_ROW
    ):
        found += connection.execute(_RECORD, (int(external_id),)).fetchall()
    return [_record(row) for row in found]


def find_by_url(connection: sqlite3.Connection, url: str, limit: int) -> list[RecordRow]:
    """See `Reader.find_by_url`."""
    key = resolve(url).key
    found: list[tuple[int]] = connection.execute(_BY_KEY, (key_hash(key), limit)).fetchall() if key else []
    found = found or connection.execute(_BY_MANIFEST, (storable(url), limit)).fetchall()
    found = found or connection.execute(_BY_CANDIDATE, (storable(url), limit)).fetchall()
    return [_record(row) for row in connection.execute(_RECORDS, (id_list(row[0] for row in found),))]


def record_story(connection: sqlite3.Connection, record: int) -> RecordStory | None:
    """See `Reader.record_story`."""
    found = connection.execute(_RECORD, (record,)).fetchone()
    if found is None:
        return None
    images = tuple(_image_story(connection, row) for row in connection.execute(STATES_OF_RECORD, (record,)).fetchall())
    manifests = tuple(_manifest_story(connection, row) for row in connection.execute(_MANIFESTS, (record,)).fetchall())
    return RecordStory(_record(found), images, manifests)


def host_story(connection: sqlite3.Connection, host: str) -> HostStory | None:
    """See `Reader.host_story`."""
    found = connection.execute(_HOST, (storable(host),)).fetchone()
    if found is None:
        return None
    failures = _failures(connection.execute(_FAILURES_OF_HOST, (found[0],)))
    counts = host_counts(connection, *found)
    return HostStory(counts, errors_of_host(connection, found[0]), failures, tuple(load_robots(connection, [counts.lane])))


def _image_story(connection: sqlite3.Connection, row: Sequence[Any]) -> ImageStory:
    state = image_state(row)
    candidates = tuple(
        StoredCandidate(position, url, rank or resolve(url).rank, kind, _name(spent))  # 0: never needed to be looked at
        for position, url, rank, kind, spent in connection.execute(_CANDIDATES, (state.id,))
    )
    failures = _failures(connection.execute(_FAILURES, (_IMAGE, state.id)))
    mark = connection.execute(_GONE, (state.id,)).fetchone()
    return ImageStory(state, candidates, tuple(files_of(connection, [state.id])), failures, mark and mark[0])


def _manifest_story(connection: sqlite3.Connection, row: Sequence[Any]) -> ManifestStory:
    manifest, url, host, status, due, attempts, error, canvases, expanded_ms = row
    failures = _failures(connection.execute(_FAILURES, (_MANIFEST, manifest)))
    return ManifestStory(manifest, url, host, ImageStatus(status), due, attempts, _name(error), canvases, expanded_ms, failures)


def _failures(rows: Iterable[Sequence[Any]]) -> tuple[StoredFailure, ...]:
    return tuple(StoredFailure(at_ms, error_type_of_code(error).name, *rest) for at_ms, error, *rest in rows)


def _record(row: Sequence[Any]) -> RecordRow:
    record, text, images, successes, open_images, status, completed_ms = row
    return RecordRow(record, external_id_of(record, text), images, successes, open_images, RecordStatus(status), completed_ms)


def _name(code: int | None) -> str | None:
    return None if code is None else error_type_of_code(code).name
