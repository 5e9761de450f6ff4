"""The small families: sources and how far they were read, runs, events, pinned settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from asyncdl.store.interning import storable
from asyncdl.store.rows import RunInfo, RunRecord, SourceState, StoredEvent
from asyncdl.urls import KEYS_VERSION

_KEYS_VERSION: Final = "keys_version"
_MAX_DETAIL_CHARS: Final = 2000
_MAX_EVENTS: Final = 100_000

_SOURCE_COLUMNS: Final = (
    "id, name, format, fingerprint, rows, rejected, loaded, cursor, replaces, replaced_by, loaded_ms, images_gone"
)
_ADD_SOURCE: Final = "INSERT INTO sources(name, format, fingerprint) VALUES (?, ?, ?) ON CONFLICT(name, fingerprint) DO NOTHING"
_SOURCE: Final = f"SELECT {_SOURCE_COLUMNS} FROM sources WHERE name = ? AND fingerprint = ?"  # noqa: S608  own columns
_SOURCES: Final = f"SELECT {_SOURCE_COLUMNS} FROM sources ORDER BY id"  # noqa: S608  own columns
_FINISH_SOURCE: Final = "UPDATE sources SET rows = ?, rejected = ?, loaded = 1, cursor = NULL WHERE id = ?"
_DECIDE: Final = "UPDATE sources SET replaces = ? WHERE id = ?"
_FINISH_ADDITION: Final = "UPDATE sources SET loaded_ms = ?1 WHERE id = ?2"
_REPLACE: Final = "UPDATE sources SET replaced_by = ?1 WHERE id = (SELECT replaces FROM sources WHERE id = ?1)"
_FORGET_SOURCE: Final = "DELETE FROM sources WHERE id = ? AND loaded = 0"
_MOVE_CURSOR: Final = "UPDATE sources SET cursor = ? WHERE id = ?"
_START_RUN: Final = "INSERT INTO runs(started_ms, host, pid, version, settings) VALUES (?, ?, ?, ?, ?) RETURNING id"
_FINISH_RUN: Final = "UPDATE runs SET ended_ms = ?, exit_status = ?, counts = ? WHERE id = ?"
_NOTE_RUN: Final = "UPDATE runs SET counts = ? WHERE id = ?"
_LAST_RUN: Final = (
    "SELECT id, ended_ms, exit_status, counts, started_ms, host, pid, version, settings FROM runs ORDER BY id DESC LIMIT 1"
)
_ADD_EVENT: Final = "INSERT INTO events(at_ms, kind, subject, detail) VALUES (?, ?, ?, ?) RETURNING id"
_FORGET_EVENTS: Final = "DELETE FROM events WHERE id <= ?"
_LAST_EVENTS: Final = "SELECT id, at_ms, kind, subject, detail FROM events ORDER BY id DESC LIMIT ?"
_SET_META: Final = "INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)"
_FORGET_META: Final = "DELETE FROM meta WHERE key = ?"
_GET_META: Final = "SELECT value FROM meta WHERE key = ?"
_ALL_META: Final = "SELECT key, value FROM meta"


def add_source(connection: sqlite3.Connection, name: str, source_format: str, fingerprint: str) -> SourceState:
    """See `Store.add_source`."""
    name = storable(name)
    connection.execute(_ADD_SOURCE, (name, source_format, fingerprint))
    return _source(connection.execute(_SOURCE, (name, fingerprint)).fetchone())


def all_sources(connection: sqlite3.Connection) -> list[SourceState]:
    """See `Reader.sources`."""
    return [_source(row) for row in connection.execute(_SOURCES)]


def finish_source(connection: sqlite3.Connection, source: int, rows: int, rejected: int) -> None:
    """See `Store.finish_source`."""
    connection.execute(_FINISH_SOURCE, (rows, rejected, source))


def decide_replaced(connection: sqlite3.Connection, source: int, replaced: int) -> None:
    """See `Store.decide_replaced`."""
    connection.execute(_DECIDE, (replaced, source))


def finish_addition(connection: sqlite3.Connection, source: int, rows: int, rejected: int, at_ms: int) -> None:
    """See `Store.finish_addition`."""
    finish_source(connection, source, rows, rejected)
    connection.execute(_FINISH_ADDITION, (at_ms, source))
    connection.execute(_REPLACE, (source,))


def forget_source(connection: sqlite3.Connection, source: int) -> None:
    """See `Store.forget_source`."""
    connection.execute(_FORGET_SOURCE, (source,))


def move_cursor(connection: sqlite3.Connection, source: int, cursor: str) -> None:
    """Remember how far a source was read."""
    connection.execute(_MOVE_CURSOR, (cursor, source))


def start_run(connection: sqlite3.Connection, info: RunInfo) -> int:
    """See `Store.start_run`."""
    row = connection.execute(_START_RUN, (info.started_ms, info.host, info.pid, info.version, info.settings_json)).fetchone()
    return int(row[0])


def finish_run(connection: sqlite3.Connection, run: int, ended_ms: int, exit_status: int, counts_json: str) -> None:
    """See `Store.finish_run`."""
    connection.execute(_FINISH_RUN, (ended_ms, exit_status, counts_json, run))


def note_run(connection: sqlite3.Connection, run: int, counts_json: str) -> None:
    """See `Store.note_run`."""
    connection.execute(_NOTE_RUN, (counts_json, run))


def last_run(connection: sqlite3.Connection) -> RunRecord | None:
    """See `Reader.last_run`."""
    row = connection.execute(_LAST_RUN).fetchone()
    if row is None:
        return None
    run, ended_ms, exit_status, counts_json, *info = row
    return RunRecord(run, RunInfo(*info), ended_ms, exit_status, counts_json)


def add_event(connection: sqlite3.Connection, at_ms: int, kind: str, subject: str, detail: str) -> None:
    """See `Store.add_event`. The newest hundred thousand are kept."""
    values = (at_ms, kind, storable(subject)[:_MAX_DETAIL_CHARS], storable(detail)[:_MAX_DETAIL_CHARS])
    event = connection.execute(_ADD_EVENT, values).fetchone()[0]
    connection.execute(_FORGET_EVENTS, (event - _MAX_EVENTS,))


def last_events(connection: sqlite3.Connection, limit: int) -> list[StoredEvent]:
    """See `Reader.events`."""
    return [StoredEvent(*row) for row in connection.execute(_LAST_EVENTS, (limit,))]


def with_keys_version(meta: Mapping[str, str]) -> dict[str, str]:
    """Pinned settings of a new collection, with the version of the key rules it is built by."""
    return {_KEYS_VERSION: str(KEYS_VERSION), **meta}


def set_all_meta(connection: sqlite3.Connection, values: Mapping[str, str]) -> None:
    """Pin settings."""
    connection.executemany(_SET_META, list(values.items()))


def forget_meta(connection: sqlite3.Connection, key: str) -> None:
    """See `Store.forget_meta`."""
    connection.execute(_FORGET_META, (key,))


def get_meta(connection: sqlite3.Connection, key: str) -> str | None:
    """See `Reader.get_meta`."""
    row = connection.execute(_GET_META, (key,)).fetchone()
    return None if row is None else str(row[0])


def all_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """See `Reader.all_meta`."""
    return dict(connection.execute(_ALL_META).fetchall())


def _source(row: tuple[Any, ...]) -> SourceState:
    source, name, source_format, fingerprint, rows, rejected, loaded, *rest = row
    return SourceState(source, name, source_format, fingerprint, rows, rejected, bool(loaded), *rest)
