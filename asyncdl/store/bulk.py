"""`bulk_load`: records that are all new become rows, as fast as SQLite takes them: one `executemany` over columns per table.

Only a database that is being built takes them: it has no index yet that each row would have to find its place in. What is the same for all rows of
a kind stands in the statement: nine images in ten of a large source are plain, and binding their zeros costs more than storing them.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, count, repeat
from typing import Final

from asyncdl.bulk_batch import BulkBatch, PlainImages
from asyncdl.status import ImageStatus, RecordStatus
from asyncdl.store import sources
from asyncdl.store.changes import LoadCounts
from asyncdl.store.interning import host_ids, storable
from asyncdl.store.records import FIRST_TEXT_ROW
from asyncdl.store.tally import Tally
from asyncdl.store.unkeyed import NOT_LOOKED_UP

_PENDING: Final = int(ImageStatus.PENDING)
_OPEN_RECORD: Final = int(RecordStatus.PENDING)

_LAST_IMAGE: Final = "SELECT coalesce(max(id), 0) FROM images"
_LAST_RECORD: Final = "SELECT max(id) FROM records"
_IMAGE_COLUMNS: Final = "id, record, number, key_hash, host, status, due, attempts, candidate"
_INSERT_PLAIN_IMAGES: Final = f"INSERT INTO images({_IMAGE_COLUMNS}) VALUES (?, ?, 0, {NOT_LOOKED_UP:d}, ?, {_PENDING:d}, 0, 0, 0)"  # noqa: S608  numbers of ours
_INSERT_IMAGES: Final = f"INSERT INTO images({_IMAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, {_PENDING:d}, ?, 0, 0)"  # noqa: S608  a number of ours
_INSERT_PLAIN_CANDIDATES: Final = "INSERT INTO candidates(image, position, url, rank, kind) VALUES (?, 0, ?, 0, 0)"
_INSERT_CANDIDATES: Final = "INSERT INTO candidates(image, position, url, rank, kind) VALUES (?, ?, ?, ?, ?)"
_RECORD_COLUMNS: Final = "id, external_id, images, successes, open_images, next_number, status"
# A numbered record has as many images as were just inserted for it, so SQLite can count them itself.
_INSERT_NUMBERED: Final = f"""
INSERT INTO records({_RECORD_COLUMNS}) SELECT record, NULL, count(*), 0, count(*), count(*), {_OPEN_RECORD:d}
FROM images WHERE id >= ? GROUP BY record ORDER BY record
"""  # noqa: S608  a number of ours
_INSERT_NAMED: Final = f"INSERT INTO records({_RECORD_COLUMNS}) VALUES (?1, ?2, ?3, 0, ?3, ?3, {_OPEN_RECORD:d})"  # noqa: S608  a number of ours
_INSERT_MANIFESTS: Final = (
    "INSERT INTO manifests(record, url, key_hash, host, status, due, attempts) VALUES (?, ?, ?, ?, 0, 0, 0)"
    " ON CONFLICT(record, url) DO NOTHING"
)


def bulk_load(connection: sqlite3.Connection, batch: BulkBatch, source: int, cursor: str | None) -> LoadCounts:
    """See `Store.bulk_load`."""
    names = _rows_of_names(connection, batch)
    first = connection.execute(_LAST_IMAGE).fetchone()[0] + 1
    by_name = host_ids(connection, {"", *batch.hosts})
    hosts = [by_name[name] for name in batch.hosts]
    of_images = _insert_plain(connection, batch.plain, names, hosts, first)
    of_images += _insert_ruled(connection, batch, names, hosts, first + len(of_images))
    if names:
        images = dict(zip(batch.records, batch.record_images, strict=True))
        connection.executemany(_INSERT_NAMED, [(row, storable(name), images.get(name, 1)) for name, row in names.items()])
    else:
        connection.execute(_INSERT_NUMBERED, (first,))
    manifests = [
        (_row(names, batch.records[place]), storable(url), key_hash, hosts[host]) for place, url, key_hash, host in batch.manifests
    ]
    manifests_new = connection.executemany(_INSERT_MANIFESTS, manifests).rowcount if manifests else 0
    tally = Tally()
    for host, number in Counter(of_images).items():
        tally.counter(host, _PENDING, None, number, 0)
    tally.records(_OPEN_RECORD, batch.record_count)
    tally.manifests(_PENDING, manifests_new)
    tally.write(connection, None)
    if cursor is not None:
        sources.move_cursor(connection, source, cursor)
    candidates = len(batch.plain.urls) + len(batch.candidate_urls)
    return LoadCounts(batch.record_count, len(of_images), 0, candidates, manifests_new, 0)


def _insert_plain(
    connection: sqlite3.Connection, plain: PlainImages, names: Mapping[str, int], hosts: Sequence[int], first: int
) -> list[int]:
    """The images that needed no rules, from row `first`; returns the host of each."""
    ids = range(first, first + len(plain.urls))
    of_images = [hosts[place] for place in plain.hosts]
    rows = [names[str(name)] for name in plain.records] if names else plain.records
    connection.executemany(_INSERT_PLAIN_IMAGES, zip(ids, rows, of_images, strict=True))
    connection.executemany(_INSERT_PLAIN_CANDIDATES, zip(ids, plain.urls, strict=True))
    return of_images


def _insert_ruled(
    connection: sqlite3.Connection, batch: BulkBatch, names: Mapping[str, int], hosts: Sequence[int], first: int
) -> list[int]:
    """The images that rules made, from row `first`; returns the host of each."""
    of_images = [hosts[place] for place in batch.image_hosts]
    rows = [_row(names, record) for record in batch.records] if names else batch.records
    dues: list[int | None] = [0] * len(of_images)
    for place in batch.waiting:
        dues[place] = None
    connection.executemany(
        _INSERT_IMAGES,
        zip(
            range(first, first + len(of_images)),
            chain.from_iterable(map(repeat, rows, batch.record_images)),
            chain.from_iterable(map(range, batch.record_images)),
            batch.image_keys,
            of_images,
            dues,
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
    return of_images


def _row(names: Mapping[str, int], record: int | str) -> int:
    """The row of a record: a whole number is its own."""
    return record if isinstance(record, int) else names[record]


def _rows_of_names(connection: sqlite3.Connection, batch: BulkBatch) -> dict[str, int]:
    """The rows that records with a text as id get, the next free ones in the order of the texts; empty for whole numbers."""
    listed = [ids for ids in (batch.plain.records, batch.records) if not isinstance(ids, array)]  # an array holds numbers only
    texts = sorted(record for record in chain.from_iterable(listed) if isinstance(record, str))
    if not texts:
        return {}
    last = connection.execute(_LAST_RECORD).fetchone()[0]
    free = max(FIRST_TEXT_ROW, 0 if last is None else last + 1)
    return dict(zip(texts, count(free), strict=False))
