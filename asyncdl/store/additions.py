"""A range of records of a source that is being added: what is new is loaded, what is gone is marked, and both are counted together."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from asyncdl.model import JudgedRecord, NewRecord
from asyncdl.store.changes import AddCounts
from asyncdl.store.loading import load_records
from asyncdl.store.withdrawing import rows_there, withdraw


def add_range(
    connection: sqlite3.Connection, records: Sequence[NewRecord], judged: Sequence[JudgedRecord], source: int, at_ms: int
) -> AddCounts:
    """See `Store.add_range`."""
    counts, gaining = load_records(connection, records)
    there = rows_there(connection, judged)
    lost = withdraw(connection, there, source, at_ms)
    changed = (gaining | lost.records_lost) - lost.records_gone
    elsewhere = {row for row in lost.records_lost - lost.records_gone if not there[row].in_source}
    return AddCounts(
        records_new=counts.records_new,
        records_changed=len(changed),
        records_changed_elsewhere=len(elsewhere),
        records_known=len(records) - counts.records_new - len(changed - elsewhere),
        records_gone=len(lost.records_gone),
        images_new=counts.images_new,
        images_changed=counts.images_changed,
        images_named_again=counts.images_named_again,
        images_reopened=counts.images_reopened,
        images_gone=lost.images_gone,
        images_withdrawn=lost.images_withdrawn,
        links_gained=counts.candidates_gained,
        links_new=counts.candidates_new - counts.candidates_gained,
        manifests_new=counts.manifests_new,
        manifests_withdrawn=lost.manifests_withdrawn,
    )
