"""`bulk_load`: records that are all new become rows, as fast as SQLite takes them: one `executemany` over columns per table.

Only a database that is being built takes them: it has no index yet that each row would have to find its place in.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Final

from asyncdl.model import BulkBatch
from asyncdl.status import ImageStatus, RecordStatus
from asyncdl.store import sources
from asyncdl.store.interning import host_ids, storable
from asyncdl.store.records import FIRST_TEXT_ROW
from asyncdl.store.rows import LoadCounts
from asyncdl.store.tally import Tally

_PENDING: Final = int(ImageStatus.PENDING)
_OPEN_RECORD: Final = int(RecordStatus.PENDING)

_LAST_IMAGE: Final = "SELECT coalesce(max(id), 0) FROM images"
_LAST_RECORD: Final = "SELECT max(id) FROM records"
_INSERT_RECORDS: Final = f"INSERT INTO records VALUES (?1, ?2, ?3, 0, ?3, ?3, {_OPEN_RECORD:d}, NULL)"  # noqa: S608  a number of ours
_INSERT_IMAGES: Final = f"INSERT INTO images VALUES (?, ?, ?, ?, ?, {_PENDING:d}, ?, 0, ?, NULL)"  # noqa: S608  a number of ours
_INSERT_CANDIDATES: Final = "INSERT INTO candidates VALUES (?, ?, ?, ?, ?, NULL)"
_INSERT_MANIFESTS: Final = (
    "INSERT INTO manifests(record, url, key_hash, host, status, due, attempts) VALUES (?, ?, ?, ?, 0, 0, 0)"
    " ON CONFLICT(record, url) DO NOTHING"
)


def bulk_load(connection: sqlite3.Connection, batch: BulkBatch, source: int, cursor: str | None) -> LoadCounts:
    """See `Store.bulk_load`."""
    rows, texts = _record_rows(connection, batch.records)
    first = connection.execute(_LAST_IMAGE).fetchone()[0] + 1
    counts = batch.record_images
    images = len(batch.image_hosts)
    hosts = host_ids(connection, {"", *batch.hosts})
    host_rows = [hosts[name] for name in batch.hosts]
    of_images = [host_rows[place] for place in batch.image_hosts]
    starts = [0] * images
    for place, position in batch.image_starts.items():
        starts[place] = position
    dues: list[int | None] = [0] * images
    for place in batch.waiting:
        dues[place] = None
    connection.executemany(_INSERT_RECORDS, zip(rows, texts, counts, strict=True))
    connection.executemany(
        _INSERT_IMAGES,
        zip(
            range(first, first + images),
            chain.from_iterable(map(repeat, rows, counts)),
            chain.from_iterable(map(range, counts)),
            batch.image_keys,
            of_images,
            dues,
            starts,
            strict=True,
        ),
    )
    connection.executemany(
        _INSERT_CANDIDATES,
        zip(
            [first + place for place in batch.candidate_images],
            batch.candidate_positions,
            batch.candidate_urls,
            batch.candidate_ranks,
            batch.candidate_kinds,
            strict=True,
        ),
    )
    manifests = [(rows[record], storable(url), key_hash, host_rows[host]) for record, url, key_hash, host in batch.manifests]
    manifests_new = connection.executemany(_INSERT_MANIFESTS, manifests).rowcount if manifests else 0
    tally = Tally()
    for host, number in Counter(of_images).items():
        tally.counter(host, _PENDING, None, number, 0)
    tally.records(_OPEN_RECORD, len(rows))
    tally.manifests(_PENDING, manifests_new)
    tally.write(connection, None)
    if cursor is not None:
        sources.move_cursor(connection, source, cursor)
    return LoadCounts(len(rows), images, 0, len(batch.candidate_urls), manifests_new, 0)


def _record_rows(connection: sqlite3.Connection, records: Sequence[int | str]) -> tuple[Sequence[int], Sequence[str | None]]:
    """The row of each record and its text: a whole number is its own row, texts get the next free ones."""
    numbers = [record for record in records if isinstance(record, int)]
    if len(numbers) == len(records):
        return numbers, [None] * len(numbers)
    last = connection.execute(_LAST_RECORD).fetchone()[0]
    free = max(FIRST_TEXT_ROW, 0 if last is None else last + 1)
    return range(free, free + len(records)), [storable(str(record)) for record in records]
