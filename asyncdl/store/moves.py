"""`apply`: one batch of outcomes becomes rows, in one transaction. The only way a status changes.

Order inside: images (with files and spent candidates), images that now wait for a manifest, manifests,
failures, lanes, and last the counters and roll-ups.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from asyncdl.errors import IllegalMove, error_type
from asyncdl.model import Batch, Failure, NewFile, Transition, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store import lanes, robots
from asyncdl.store.changes import Applied
from asyncdl.store.expansion import Expansion
from asyncdl.store.interning import host_ids, host_names, page_ids, storable
from asyncdl.store.ledger import SUCCESS, ImageRow, Ledger
from asyncdl.store.waiting import Waiting

MAX_TEXT_CHARS: Final = 2000
MAX_URL_CHARS: Final = 8192

_INSERT_FILE: Final = """
INSERT INTO files(image, role, path, size_bytes, sha256, media_type, width, height, recipe, created_ms, asked_ms, took_ms, final_url)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_FREE_DERIVED: Final = (
    "UPDATE files SET parent = NULL WHERE parent IN (SELECT id FROM files WHERE image = ?1 AND role = coalesce(?2, role))"
)
_DROP_FILES: Final = "DELETE FROM files WHERE image = ?1 AND role = coalesce(?2, role)"
_FILE_BYTES: Final = "SELECT coalesce(sum(size_bytes), 0) FROM files WHERE image = ?"
_SPEND: Final = "UPDATE candidates SET spent = ? WHERE image = ? AND position = ?"
_UNSPEND: Final = "UPDATE candidates SET spent = NULL WHERE image = ? AND spent IS NOT NULL"
_INSERT_FAILURE: Final = """
INSERT INTO failures(kind, work_id, at_ms, error, http_status, attempt, host, url, detail, final_url, media_type, page, took_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
KIND_CODES: Final[Mapping[WorkKind, int]] = {WorkKind.IMAGE: 0, WorkKind.MANIFEST: 1}
"""How `failures.kind` is stored."""


def apply(connection: sqlite3.Connection, batch: Batch, at_ms: int) -> Applied:
    """See `Store.apply`."""
    ledger = Ledger(connection, at_ms)
    hosts = {move.host for move in batch.transitions if move.host is not None} | {failure.host for failure in batch.failures}
    hosts_by_name = host_ids(connection, hosts)
    waiting = Waiting(ledger)
    moved = _move_images(ledger, waiting, batch.transitions, hosts_by_name)
    waiting.settle(batch.transitions)
    expansion = Expansion(ledger, waiting)
    for manifest in batch.manifests:
        expansion.move(manifest)
    ledger.flush()
    _insert_failures(connection, batch.failures, hosts_by_name)
    lanes.save_lanes(connection, batch.lanes)
    robots.save_robots(connection, batch.robots)
    ledger.tally.write(connection, at_ms)
    names = host_names(connection, ledger.due)
    return Applied(
        images_moved=moved,
        images_created=expansion.created,
        images_merged=expansion.merged,
        manifests_waiting_failed=waiting.failed,
        due=tuple(sorted((names[host], due) for host, due in ledger.due.items())),
    )


def _move_images(ledger: Ledger, waiting: Waiting, transitions: Sequence[Transition], hosts: Mapping[str, int]) -> int:
    """Move each image, in the order given (one may stand in a batch twice); returns how many moved."""
    connection = ledger.connection
    ledger.read(move.image for move in transitions)
    moved = 0
    for move in transitions:
        row = ledger.row(move.image)
        candidate = row.candidate if move.candidate is None else move.candidate
        host = row.host if move.host is None else hosts[move.host]
        if move.reset_spent:
            connection.execute(_UNSPEND, (row.id,))
            first = waiting.first_candidate(row)
            if first is None:
                continue  # no usable link is known: there is nothing to begin again with
            candidate, host = first
        for position, cause in move.spent:
            connection.execute(_SPEND, (error_type(cause).code, row.id, position))
        size_bytes = _settle_files(ledger, row, move)
        error = None if move.error is None else error_type(move.error).code
        ledger.move(
            row, int(move.to), due=move.due_ms, attempts=move.attempts, error=error, place=(candidate, host), size_bytes=size_bytes
        )
        moved += 1
    ledger.flush()
    return moved


def _settle_files(ledger: Ledger, row: ImageRow, move: Transition) -> int:
    """Bring the files of an image in line with a move; returns the bytes they come to.

    A saved image has files and no other image has: leaving `success` drops the rows (the files themselves
    are the caller's affair), and a new file takes the place of the earlier one of its role.
    """
    saved = move.to == ImageStatus.SUCCESS
    if move.file is not None and not saved:
        raise IllegalMove(f"image {row.id}: a file comes with {move.to.label}")
    if row.status != SUCCESS:
        if not saved:
            return 0
        if move.file is None:
            raise IllegalMove(f"image {row.id}: saved without a file")
    connection = ledger.connection
    if row.status == SUCCESS and (move.file is not None or not saved):
        dropped = (row.id, move.file.role.value if move.file is not None else None)
        connection.execute(_FREE_DERIVED, dropped)
        connection.execute(_DROP_FILES, dropped)
    if move.file is not None:
        connection.execute(_INSERT_FILE, _file_values(row.id, move.file, ledger.at_ms))
        if row.status != SUCCESS:
            return move.file.size_bytes
    return int(connection.execute(_FILE_BYTES, (row.id,)).fetchone()[0])


def _file_values(image: int, file: NewFile, at_ms: int) -> tuple[object, ...]:
    facts = (file.path, file.size_bytes, file.sha256, file.media_type, file.width, file.height, file.recipe)
    asked: tuple[int | str | None, ...] = (None, None, None)
    if file.asked is not None:
        asked = (file.asked.at_ms, file.asked.took_ms, storable(file.asked.final_url)[:MAX_URL_CHARS] or None)
    return (image, file.role.value, *facts, at_ms if file.created_ms is None else file.created_ms, *asked)


def _insert_failures(connection: sqlite3.Connection, failures: Sequence[Failure], hosts: Mapping[str, int]) -> None:
    """Store the failed requests; what came from outside is cut to a bound, a page is stored once."""
    if not failures:
        return
    pages = [storable(failure.evidence.page_text)[:MAX_TEXT_CHARS] for failure in failures]
    page_rows = page_ids(connection, pages)
    connection.executemany(
        _INSERT_FAILURE,
        [
            (
                KIND_CODES[failure.kind],
                failure.work_id,
                failure.at_ms,
                error_type(failure.error).code,
                failure.evidence.http_status,
                failure.attempt,
                hosts[failure.host],
                storable(failure.url)[:MAX_URL_CHARS],
                storable(failure.evidence.detail)[:MAX_TEXT_CHARS],
                storable(failure.evidence.final_url)[:MAX_URL_CHARS],
                storable(failure.evidence.media_type)[:MAX_TEXT_CHARS],
                page_rows.get(page),
                failure.evidence.took_ms,
            )
            for failure, page in zip(failures, pages, strict=True)
        ],
    )
